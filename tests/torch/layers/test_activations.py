"""Activations are PyTorch's own, with the same arguments; test_making compares them all."""

import pytest
from pytorch import torch

import minnet as mn

LAYERS = [mn.ReLU(), mn.LeakyReLU(0.2), mn.Hardtanh(-2, 3), mn.ELU(0.5), mn.GELU("tanh"), mn.SiLU(), mn.Softplus(2, 9)]
LAYERS += [mn.CELU(0.5), mn.Mish(), mn.Hardswish(), mn.Hardsigmoid(), mn.Hardshrink(0.3), mn.Softshrink(0.3)]
LAYERS += [mn.Threshold(0.1, 20), mn.LogSigmoid(), mn.Softsign(), mn.Tanhshrink()]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_class_and_arguments(layer):
    module = mn.torch.to_torch(layer)
    assert type(module) is getattr(torch.nn, type(layer).__name__)
    for name, value in layer.arguments().items():
        assert getattr(module, name) == value


def test_a_softmax_is_along_the_last_axis():
    assert mn.torch.to_torch(mn.Softmax()).dim == mn.torch.to_torch(mn.LogSoftmax()).dim == -1


def test_the_slopes_of_a_prelu_are_its_weight():
    layer = mn.PReLU(3, 0.1)
    layer.weight.data = [0.5, -1, 2]
    module = mn.torch.to_torch(layer)
    assert type(module) is torch.nn.PReLU
    assert module.weight.tolist() == [0.5, -1, 2]
    assert list(mn.torch.state_dict(layer)) == ["weight"]
    other = mn.PReLU(3)
    mn.torch.load_state_dict(other, module.state_dict())
    assert (other.weight.data == layer.weight.data).all()


@pytest.mark.parametrize("axis", [-1, 1])
def test_the_axis_of_a_glu(axis):
    assert mn.torch.to_torch(mn.GLU(axis)).dim == axis
