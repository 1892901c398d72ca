"""Attention with minnet's mask: True where a place may be attended to."""

from pytorch import torch

from minnet.torch import modules


def test_masks():
    layer = modules.MultiheadAttention(4, 2).eval()
    x = torch.randn(3, 2, 5, 4)
    mask = torch.tensor([True, True, True, False, False]).expand(3, 2, 5)
    y = layer(x, mask)
    assert y.shape == x.shape
    assert torch.allclose(y[0, 1, :3], layer(x[0, 1, :3]), atol=1e-6)


def test_the_future_is_not_seen():
    layer = modules.MultiheadAttention(4, 2, causal=True).eval()
    x = torch.randn(2, 5, 4)
    assert torch.allclose(layer(x)[:, :3], layer(x[:, :3]), atol=1e-6)


def test_a_block_has_the_parts_that_it_is_given():
    parts = {"activation": torch.nn.Tanh(), "norm1": torch.nn.RMSNorm(4), "self_attn": torch.nn.Identity()}
    layer = modules.TransformerEncoderLayer(4, 2, 8, True, parts)
    assert layer.activation is parts["activation"]
    assert type(layer.norm1) is torch.nn.RMSNorm
    assert isinstance(layer, torch.nn.TransformerEncoderLayer)
