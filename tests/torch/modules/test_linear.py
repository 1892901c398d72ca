"""The transpose of another Linear layer's weight."""

from pytorch import torch

from minnet.torch import modules


def test_shapes_and_numbers():
    layer = modules.Transposed(5, 3, bias=True)
    assert layer.weight.shape == (3, 5)
    assert layer.bias.shape == (5,)
    torch.nn.init.normal_(layer.weight), torch.nn.init.zeros_(layer.bias)
    x = torch.randn(2, 3)
    assert torch.allclose(layer(x), x @ layer.weight)
    assert list(modules.Transposed(5, 3, bias=False).state_dict()) == ["weight"]
