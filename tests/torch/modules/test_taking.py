"""Parts of tensors are taken as NumPy does it, backward, too."""

from pytorch import torch

from minnet.torch import modules


def test_backward_slices():
    x = torch.arange(5)
    assert modules.Slice(starts=(3,), ends=(0,), axes=None, steps=(-1,))(x).tolist() == [3, 2, 1]
    assert modules.Slice(starts=(-1,), ends=(-(2**63),), axes=(0,), steps=(-2,))(x).tolist() == [4, 2, 0]


def test_pads_that_wrap():
    x = torch.arange(4)
    assert modules.PadAxes(pads=((1, 2),), mode="wrap", value=0)(x).tolist() == [3, 0, 1, 2, 3, 0, 1]
    assert modules.PadAxes(pads=((-1, 1),), mode="edge", value=0)(x).tolist() == [1, 2, 3, 3]
