"""Activations are PyTorch's own, with the same arguments; test_making compares them all."""

import pytest
from pytorch import torch

import minnet as mn

LAYERS = [mn.ReLU(), mn.LeakyReLU(0.2), mn.Hardtanh(-2, 3), mn.ELU(0.5), mn.GELU("tanh"), mn.SiLU(), mn.Softplus(2, 9)]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_class_and_arguments(layer):
    module = mn.torch.to_torch(layer)
    assert type(module) is getattr(torch.nn, type(layer).__name__)
    for name, value in layer.arguments().items():
        assert getattr(module, name) == value


def test_a_softmax_is_along_the_last_axis():
    assert mn.torch.to_torch(mn.Softmax()).dim == mn.torch.to_torch(mn.LogSoftmax()).dim == -1
