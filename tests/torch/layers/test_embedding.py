"""An Embedding whose row of the padding is not zero is one whose y is zero there, all the same."""

import numpy as np
from pytorch import torch

import minnet as mn


def test_padding():
    layer = mn.Embedding(5, 3, padding_idx=1, rng=0)
    module = mn.torch.to_torch(layer)
    assert type(module) is torch.nn.Embedding
    assert module.padding_idx == 1
    layer.weight.data[1] = 7
    module = mn.torch.to_torch(layer)
    assert isinstance(module, torch.nn.Embedding)
    x = np.arange(5)
    assert np.array_equal(layer(x), module(torch.tensor(x)).detach())
    assert np.array_equal(mn.torch.state_dict(layer)["weight"], layer.weight.data)


def test_positions():
    layer = mn.SinusoidalPosition(5)
    x = np.zeros((4, 5), np.float32)
    np.testing.assert_allclose(mn.torch.to_torch(layer)(torch.tensor(x)), layer(x), atol=1e-6)
    learned = mn.LearnedPosition(6, 5, rng=0)
    assert torch.equal(mn.torch.to_torch(learned)(torch.tensor(x)), torch.tensor(learned(x)))
