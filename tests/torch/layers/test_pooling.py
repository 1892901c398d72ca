"""Poolings of images are PyTorch's own."""

import numpy as np
from pytorch import torch

import minnet as mn


def test_class_and_arguments():
    module = mn.torch.to_torch(mn.AvgPool2d(3, (2, 1), 1, count_include_pad=False))
    assert type(module) is torch.nn.AvgPool2d
    assert (module.kernel_size, module.stride, module.padding, module.count_include_pad) == (3, (2, 1), 1, False)


def test_no_place_counts():
    x = np.ones((1, 3, 2), np.float32)
    for how in ("mean", "max", "last"):
        y = mn.torch.to_torch(mn.PoolTime(how))(torch.tensor(x), torch.zeros(1, 3, dtype=torch.bool))
        assert torch.equal(y, torch.zeros(1, 2))
