"""Containers keep the names of their layers, hand on masks, and take several inputs, as minnet's do."""

import numpy as np
import pytest
from pytorch import torch

import minnet as mn

X = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
MASK = np.array([[True] * 5, [True, True, False, True, False], [False, True, True, False, False]])


def both(model, *inputs, **named):
    """Return the outputs of a model and of its module, in eval mode."""
    module = mn.torch.to_torch(model.eval())
    t = [torch.tensor(x) for x in inputs]
    return model(*inputs, **named), module(*t, **{name: torch.tensor(x) for name, x in named.items()})


def same(ours, theirs):
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-6, atol=1e-6)


def test_names_and_numbers():
    model = mn.Sequential(mn.Linear(4, 3), body=mn.Residual(mn.Linear(3, 3), norm=mn.LayerNorm(3)))
    module = mn.torch.to_torch(model)
    assert type(module) is torch.nn.Sequential
    assert list(module.state_dict()) == [
        "0.weight", "0.bias", "body.0.weight", "body.0.bias", "body.norm.weight", "body.norm.bias",
    ]  # fmt: skip
    same(*both(model, X))


@pytest.mark.parametrize("recurrent", [mn.RNN, mn.GRU, mn.LSTM])
@pytest.mark.parametrize("how", ["mean", "max", "last"])
def test_a_mask_is_handed_on(recurrent, how):
    model = mn.Sequential(
        mn.Linear(4, 6, rng=0),
        mn.Residual(recurrent(6, 6, rng=1)),
        mn.TransformerBlock(6, 2, 5, rng=2),
        mn.Add(mn.MultiHeadAttention(6, 2, rng=3), mn.Identity()),
        mn.PoolTime(how),
        mn.Linear(6, 2, rng=4),
    )
    same(*both(model, X, MASK))
    same(*both(model, X))


def test_no_places_no_mask():
    model = mn.Sequential(mn.GRU(4, 4, rng=0), mn.PoolTime(), mn.BatchNorm1d(4))
    same(*both(model, X, MASK))
    module = mn.torch.to_torch(mn.Sequential(mn.GRU(4, 4), mn.Flatten()))
    with pytest.raises(TypeError, match="was given a mask"):
        module(torch.tensor(X), torch.tensor(MASK))


@pytest.mark.parametrize("named", [True, False])
def test_several_inputs_and_outputs(named):
    parts = {"image": mn.Linear(4, 2, rng=0), "table": mn.Identity()}
    heads = {"digit": mn.Linear(5, 3, rng=1), "angle": mn.Sequential(mn.Linear(5, 1, rng=2), mn.Tanh())}
    model = mn.Sequential(
        mn.Inputs(**parts) if named else mn.Inputs(*parts.values()),
        mn.Heads(**heads) if named else mn.Heads(*heads.values()),
    )
    x = {"image": X[0], "table": X[0, :, :3]}
    ours, theirs = both(model, **x) if named else both(model, *x.values())
    assert type(ours) is type(theirs)
    for key in ours if named else (0, 1):
        same(ours[key], theirs[key])
    other = mn.torch.load_state_dict(
        mn.Sequential(mn.Inputs(**parts) if named else mn.Inputs(*parts.values()), model.layers[1]),
        mn.torch.state_dict(model),
    )
    assert len(other.parameters()) == len(model.parameters())


def test_a_name_that_pytorch_uses_itself():
    with pytest.raises(ValueError, match=r"half.*rename the layer"):
        mn.torch.to_torch(mn.Sequential(half=mn.Linear(2, 2)))
