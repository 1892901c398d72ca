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
