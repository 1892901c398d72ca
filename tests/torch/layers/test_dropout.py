"""Dropout is PyTorch's, and drops as much."""

from pytorch import torch

import minnet as mn


def test_what_is_dropped():
    x = torch.ones(400, 3, 2, 2)
    for layer in (mn.Dropout(0.25), mn.Dropout2d(0.25), mn.DropPath(0.25)):
        module = mn.torch.to_torch(layer)
        torch.manual_seed(0)
        y = module(x)
        assert y.unique().tolist() == [0, torch.tensor(4 / 3).item()]
        assert 0.15 < (y == 0).float().mean() < 0.35
        assert torch.equal(module.eval()(x), x)
    assert (y.flatten(1).amax(1) == y.flatten(1).amin(1)).all()  # DropPath: a sample as a whole
