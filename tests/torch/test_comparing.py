"""A comparison says of each array of a model, and of each tensor, whether they found each other."""

import numpy as np

import minnet as mn
from minnet.torch.comparing import Comparison


def test_each_is_in_one_place():
    model = mn.Sequential(mn.MultiHeadAttention(4, 2, rng=0), mn.BatchNorm1d(4))
    given = {
        "0.in_proj_weight": np.zeros((12, 4), np.float32),
        "0.in_proj_bias": np.zeros(8, np.float32),
        "1.weight": np.ones(4, np.float64),
        "1.bias": np.ones(4, np.int32),
        "2.num_batches_tracked": np.array(3),
        "head.weight": np.zeros(1, np.float32),
    }
    found = Comparison("f", model, given)
    query, bias = "layers[0].query", [f"layers[0].{name}.bias" for name in ("query", "key", "value")]
    assert f"{query}.weight" in found.values
    assert found.values["layers[1].weight"].dtype == np.float32
    assert list(found.mismatched) == [*bias, "layers[1].bias"]
    assert list(found.lacking) == [
        "layers[0].output.weight", "layers[0].output.bias", "layers[1].running_mean", "layers[1].running_var",
    ]  # fmt: skip
    assert found.unexpected == ["head.weight"]
    assert found.problems() == [
        "layers[0].output.weight ('0.out_proj.weight'): in the model, not in f",
        "layers[0].output.bias ('0.out_proj.bias'): in the model, not in f",
        "layers[1].running_mean ('1.running_mean'): in the model, not in f",
        "layers[1].running_var ('1.running_var'): in the model, not in f",
        "0.in_proj_bias: shape (12,) in the model, as PyTorch has it, and (8,) in f",
        "1.bias: floats in the model, and int32 in f",
        "head.weight: in f, not in the model",
    ]
    assert found.report(["x"]).left_out == ("x",)
    assert len(found.report([]).mismatched) == 4


def test_names_from_a_file_are_made_fit_for_a_terminal():
    model = mn.Sequential(mn.Linear(2, 1))
    error = Comparison("f", model, {"\x1b[31m.weight": np.zeros((1, 2)), "\x1b[31m.bias": np.zeros(1)}).error()
    assert "\x1b" not in error
    assert "rename={'?[31m': 'layers[0]'}" in error or r"\x1b[31m" in error
