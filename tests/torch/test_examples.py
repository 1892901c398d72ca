"""The model of every example goes to PyTorch and comes back, bit for bit, and computes the same there."""

import copy

import numpy as np
import pytest
from every_layer import trained
from example_models import SHAPES, a_batch, model_of
from pytorch import torch

import minnet as mn


def prelu(self):
    module = torch.nn.Module()
    module.slope = torch.nn.Parameter(torch.empty(self.features))
    module.forward = lambda x: torch.where(x > 0, x, module.slope * x)
    return module


OWN = {"custom_layer": prelu}  # examples with a layer of their own: layers[1]


@pytest.mark.parametrize("example", sorted(SHAPES))
def test_there_and_back(example, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    model = trained(model_of(example, monkeypatch), rng)
    if example in OWN and not hasattr(mn, type(model[1]).__name__):
        monkeypatch.setattr(type(model[1]), "torch", OWN[example], raising=False)
    elif example in OWN:
        with pytest.raises(TypeError, match=r"layers\[1\]|has no counterpart in PyTorch"):
            mn.torch.to_torch(model)
        monkeypatch.setattr(type(model[1]), "torch", OWN[example], raising=False)
    module = mn.torch.to_torch(model.eval())
    again = mn.torch.load_state_dict(zeros(copy.deepcopy(model)), module.state_dict())
    for (path, array), (_, other) in zip(model.named_arrays(), again.named_arrays(), strict=True):
        assert array.data.tobytes() == other.data.tobytes(), path
    # In float64, because in float32, where scores are large, the two differ in the fifth digit.
    model.astype(np.float64)
    module.double()
    for size, time in ((1, 5), (3, 9)):
        x = a_batch(example, model, rng, size, time)
        inputs = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in (x if isinstance(x, tuple) else (x,))]
        ours, theirs = model(*inputs), module(*map(torch.tensor, inputs))
        for key in ours if isinstance(ours, dict) else [...]:
            y, t = (ours[key], theirs[key]) if isinstance(ours, dict) else (ours, theirs)
            assert np.abs(y - t.detach().numpy()).max() <= 1e-10 * max(np.abs(y).max(), 1)


def zeros(model):
    for _, array in model.named_arrays():
        array.data = np.zeros_like(array.data)
    return model
