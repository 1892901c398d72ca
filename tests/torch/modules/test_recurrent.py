"""Recurrent modules: y alone; a step that is not real repeats the y before it."""

from pytorch import torch

from minnet.torch import modules


def test_mask():
    layer = modules.LSTM(3, 2, batch_first=True)
    x = torch.randn(2, 4, 3)
    plain = torch.nn.LSTM.forward(layer, x)[0]
    assert torch.allclose(layer(x), plain, atol=1e-6)
    mask = torch.tensor([[True, True, False, False], [False, True, True, True]])
    y = layer(x, mask)
    assert torch.allclose(y[0, :2], plain[0, :2], atol=1e-6)
    assert torch.allclose(y[0, 2:], plain[0, 1].expand(2, 2), atol=1e-6)
    assert torch.equal(y[1, 0], torch.zeros(2))
    assert torch.allclose(y[1, 1:], torch.nn.LSTM.forward(layer, x[1:, 1:])[0][0], atol=1e-6)
    assert torch.allclose(layer(x[0], mask[0]), y[0], atol=1e-6)
