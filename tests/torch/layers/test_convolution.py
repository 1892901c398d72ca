"""The kernels of a convolution have their first two axes swapped, those of a transposed one do not."""

import numpy as np
from pytorch import torch

import minnet as mn


def test_kernels():
    convolution, transposed = mn.Conv2d(4, 6, (1, 3), groups=2, rng=0), mn.ConvTranspose2d(4, 6, (1, 3), groups=2)
    theirs = mn.torch.to_torch(convolution)
    assert type(theirs) is torch.nn.Conv2d
    assert theirs.weight.shape == (6, 2, 1, 3)
    assert np.array_equal(theirs.weight.detach().numpy().swapaxes(0, 1), convolution.weight.data)
    assert mn.torch.state_dict(transposed)["weight"].shape == transposed.weight.data.shape == (4, 3, 1, 3)
    assert mn.torch.state_dict(mn.Conv1d(2, 5, 3))["weight"].shape == (5, 2, 3)
