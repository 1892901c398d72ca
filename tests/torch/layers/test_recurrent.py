"""Recurrent modules are PyTorch's; their gates are minnet's, side by side instead of below each other."""

import numpy as np
import pytest
from pytorch import torch

import minnet as mn


@pytest.mark.parametrize(("layer", "gates"), [(mn.RNN(3, 2), 1), (mn.GRU(3, 2), 3), (mn.LSTM(3, 2), 4)])
def test_gates(layer, gates):
    module = mn.torch.to_torch(layer)
    assert isinstance(module, getattr(torch.nn, type(layer).__name__))
    assert module.weight_ih_l0.shape == (2 * gates, 3)
    for gate in range(gates):
        theirs = module.weight_hh_l0[2 * gate : 2 * gate + 2].detach().numpy()
        assert np.array_equal(theirs.T, layer.weight_hh.data[:, 2 * gate : 2 * gate + 2])


def test_a_plain_lstm_of_pytorchs_is_loaded():
    theirs = torch.nn.LSTM(3, 2, batch_first=True)
    ours = mn.torch.load_state_dict(mn.LSTM(3, 2), theirs.state_dict())
    x = torch.randn(4, 5, 3)
    np.testing.assert_allclose(ours(x.numpy()), theirs(x)[0].detach(), rtol=1e-6, atol=1e-6)


def test_a_mask_with_holes_and_without_any_step():
    layer = mn.GRU(3, 2, rng=0)
    x = np.random.default_rng(0).normal(size=(3, 4, 3)).astype(np.float32)
    mask = np.array([[False, True, False, True], [True, True, True, False], [False] * 4])
    y = mn.torch.to_torch(layer)(torch.tensor(x), torch.tensor(mask))
    np.testing.assert_allclose(layer(x, mask=mask), y.detach(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("bias", [True, False])
def test_several_layers_and_directions_of_pytorchs_are_loaded(kind, bias):
    theirs = getattr(torch.nn, kind)(3, 2, 2, bias=bias, batch_first=True, bidirectional=True)
    ours = getattr(mn, kind)(3, 2, 2, bias=bias, bidirectional=True)
    mn.torch.load_state_dict(ours, theirs.state_dict())
    assert list(mn.torch.state_dict(ours)) == list(theirs.state_dict())
    assert np.array_equal(ours.layers["l1_reverse"].weight_hh.data.T, theirs.weight_hh_l1_reverse.detach())
    x = torch.randn(4, 5, 3)
    y, last = ours.unroll(x.numpy())
    their_y, their_last = theirs(x)
    np.testing.assert_allclose(y, their_y.detach(), rtol=1e-6, atol=1e-6)
    h = last[0] if kind == "LSTM" else last
    np.testing.assert_allclose(h, (their_last[0] if kind == "LSTM" else their_last).detach(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("both", [True, False])
def test_masks_of_several_layers_and_directions(layers, both):
    layer = mn.LSTM(3, 2, layers, bidirectional=both, rng=0)
    x = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
    mask = np.array([[0, 1, 0, 1, 0], [1, 1, 1, 0, 0], [0] * 5, [1] * 5], bool)
    module = mn.torch.to_torch(layer)
    np.testing.assert_allclose(
        layer(x, mask=mask), module(torch.tensor(x), torch.tensor(mask)).detach(), rtol=1e-6, atol=1e-6
    )
    for n in range(4):  # without the batch
        y = module(torch.tensor(x[n]), torch.tensor(mask[n]))
        np.testing.assert_allclose(layer(x[n], mask=mask[n]), y.detach(), rtol=1e-6, atol=1e-6)


def test_layers_that_were_replaced():
    layer = mn.GRU(3, 2, 2)
    layer.layers = type(layer.layers)([layer.layers[0], mn.GRU(2, 5)], layer.layers.names)
    with pytest.raises(TypeError, match=r"has GRU\(2, 5\) inside: in PyTorch's, all layers are alike"):
        mn.torch.to_torch(layer)
