"""Modules without weights."""

import pytest
from pytorch import torch

from minnet.torch import modules

X = torch.tensor([[[1.0, 8], [5, 2], [3, 9]]])
MASK = torch.tensor([[True, True, False]])


@pytest.mark.parametrize(("how", "all_places", "some"), [("mean", [3, 19 / 3], [3, 5]), ("max", [5, 9.0], [5, 8])])
def test_pooling_over_time(how, all_places, some):
    assert torch.allclose(modules.PoolTime(how)(X), torch.tensor([all_places]))
    assert torch.allclose(modules.PoolTime(how)(X, MASK), torch.tensor([some], dtype=torch.float32))


def test_the_last_of_a_sequence():
    assert modules.PoolTime("last")(X).tolist() == [[3, 9]]
    assert modules.PoolTime("last")(X, MASK).tolist() == [[5, 2]]


def test_axes():
    x = torch.arange(24.0).reshape(2, 3, 4)
    assert modules.Permute((0, 2, 1))(x).shape == (2, 4, 3)
    assert modules.Reshape((2, -1))(x).shape == (2, 2, 6)
    assert torch.equal(modules.GlobalAvgPool2d()(x[:, None]), x.mean((1, 2))[:, None])


def test_normalize():
    layer = modules.Normalize((3,), 1)
    layer.mean.fill_(1)
    layer.std.fill_(2)
    assert torch.equal(layer(torch.full((2, 3, 4), 5.0)), torch.full((2, 3, 4), 2.0))
    assert list(layer.state_dict()) == ["mean", "std"]


def test_drop_path():
    layer = modules.DropPath(0.5)
    y = layer(torch.ones(100, 2, 3)).flatten(1)
    assert sorted(y.unique().tolist()) == [0, 2]
    assert torch.equal(y.amin(1), y.amax(1))
