"""Reductions along no axes leave x as it is, where PyTorch would take all of them."""

from pytorch import torch

from minnet.torch import modules


def test_no_axes():
    x = torch.tensor([[1.0, -2], [3, 4]])
    assert torch.equal(modules.Reduce(kind="sum", axes=(), keepdims=True)(x), x)
    assert torch.equal(modules.Reduce(kind="l1", axes=(), keepdims=False)(x), x.abs())
    assert modules.Reduce(kind="max", axes=None, keepdims=False)(x).item() == 4


def test_a_row_of_zeros_has_no_norm():
    x = torch.tensor([[3.0, 4], [0, 0]])
    assert torch.allclose(modules.UnitNorm(norm="l2")(x), torch.tensor([[0.6, 0.8], [0, 0]]))
