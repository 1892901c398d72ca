"""Positions and padding."""

import math

from pytorch import torch

from minnet.torch import modules


def test_sinusoids():
    y = modules.SinusoidalPosition(3)(torch.zeros(2, 2, 3, dtype=torch.float64))
    expected = [math.sin(1), math.cos(1), math.sin(10000 ** (-2 / 3))]
    assert torch.allclose(y[0, 1], torch.tensor(expected, dtype=torch.float64), atol=1e-12)
    assert torch.equal(y[1], y[0])


def test_learned():
    layer = modules.LearnedPosition(4, 2)
    torch.nn.init.normal_(layer.weight)
    assert torch.equal(layer(torch.zeros(5, 3, 2))[2], layer.weight[:3])


def test_padding_is_zero_and_gets_no_gradient():
    layer = modules.Embedding(4, 2, 1)
    torch.nn.init.ones_(layer.weight)
    y = layer(torch.tensor([0, 1, 3]))
    assert y.tolist() == [[1, 1], [0, 0], [1, 1]]
    y.sum().backward()
    assert layer.weight.grad[1].tolist() == [0, 0]
