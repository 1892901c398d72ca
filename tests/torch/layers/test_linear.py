"""Linear is transposed, and Tied is the layer whose weight it shares."""

import numpy as np
from pytorch import torch

import minnet as mn

X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def test_linear_is_pytorchs():
    module = mn.torch.to_torch(mn.Linear(3, 2, bias=False))
    assert type(module) is torch.nn.Linear
    assert (module.in_features, module.out_features, module.bias) == (3, 2, None)


def test_a_decoder_is_tied_to_its_encoder():
    encoder = mn.Linear(3, 3, rng=0)
    model = mn.Sequential(encoder, mn.Tanh(), mn.Tied(encoder, rng=1)).eval()
    module = mn.torch.to_torch(model)
    assert module[0].weight is module[2].weight
    np.testing.assert_allclose(model(X), module(torch.tensor(X)).detach(), rtol=1e-6, atol=1e-6)
    state = mn.torch.state_dict(model)
    assert torch.equal(state["0.weight"], state["2.weight"])
    again = mn.Linear(3, 3)
    other = mn.torch.load_state_dict(mn.Sequential(again, mn.Tanh(), mn.Tied(again)), state)
    assert np.array_equal(other[2].weight.data, encoder.weight.data)


def test_scores_of_words_are_tied_to_their_embedding():
    table = mn.Embedding(7, 3, rng=0)
    model = mn.Sequential(table, mn.Tied(table, bias=False)).eval()
    module = mn.torch.to_torch(model)
    assert type(module[1]) is torch.nn.Linear
    assert module[1].weight is module[0].weight
    x = np.arange(7)
    np.testing.assert_allclose(model(x), module(torch.tensor(x)).detach(), rtol=1e-6, atol=1e-6)
