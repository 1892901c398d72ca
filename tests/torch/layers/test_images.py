"""Pads, upsampling and shuffles of images are PyTorch's own."""

import numpy as np
import pytest
from pytorch import torch

import minnet as mn


def test_class_and_arguments():
    module = mn.torch.to_torch(mn.ConstantPad2d((1, 2, 0, -1), 3))
    assert type(module) is torch.nn.ConstantPad2d
    assert (module.padding, module.value) == ((1, 2, 0, -1), 3)
    module = mn.torch.to_torch(mn.PixelShuffle(3))
    assert (type(module), module.upscale_factor) == (torch.nn.PixelShuffle, 3)


@pytest.mark.parametrize(
    "options",
    [
        {"size": 9},
        {"size": (5, 3), "mode": "bilinear"},
        {"scale_factor": (1.5, 2.0), "mode": "bilinear", "align_corners": True},
        {"scale_factor": 2.5},
        {"scale_factor": 0.4, "mode": "bilinear"},
    ],
)
def test_upsampling(options):
    layer, x = mn.Upsample(**options), np.random.default_rng(0).normal(size=(2, 3, 6, 7)).astype(np.float32)
    module = mn.torch.to_torch(layer)
    assert type(module) is torch.nn.Upsample
    np.testing.assert_allclose(layer.forward(x), module(torch.tensor(x)).numpy(), rtol=1e-5, atol=1e-6)


def test_all_modes_of_padding():
    for mode in ("zeros", "reflect", "replicate", "circular"):
        module = mn.torch.to_torch(mn.Conv2d(3, 4, 3, padding="same", padding_mode=mode))
        assert (module.padding, module.padding_mode) == ("same", mode)
