"""Normalizations: γ without β, and the number of batches, which is an integer in PyTorch and may be missing."""

import numpy as np
import pytest
from pytorch import torch

import minnet as mn


@pytest.mark.parametrize("layer", [mn.BatchNorm1d(3, bias=False), mn.GroupNorm(1, 3, bias=False)])
def test_without_a_shift(layer):
    module = mn.torch.to_torch(layer)
    assert type(module) is getattr(torch.nn, type(layer).__name__)
    assert module.bias is None
    assert module.weight is not None


def test_the_number_of_batches():
    layer = mn.BatchNorm1d(3, momentum=None)
    for _ in range(3):
        layer.forward(np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32))
    state = mn.torch.state_dict(layer)
    assert state["num_batches_tracked"].dtype == torch.int64
    assert state["num_batches_tracked"].item() == 3
    again = mn.torch.load_state_dict(mn.BatchNorm1d(3), state)
    assert again.num_batches_tracked.data == 3
    del state["num_batches_tracked"]
    reports = []
    mn.torch.load_state_dict(again, state, report=reports.append)
    assert reports[0].complete
    assert again.num_batches_tracked.data == 3


def test_a_number_of_batches_that_is_left_over():
    state = mn.torch.state_dict(mn.BatchNorm1d(3)) | {"num_batches_tracked": torch.tensor(2)}
    layer = mn.GroupNorm(1, 3)
    with pytest.raises(ValueError, match=r"running_mean: in the state_dict, not in the model"):
        mn.torch.load_state_dict(layer, state)
    for name in ("running_mean", "running_var"):
        del state[name]
    mn.torch.load_state_dict(layer, state)
