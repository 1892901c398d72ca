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
        [
            "layers[0].output.weight ('0.out_proj.weight'): in the model, not in the file",
            "layers[0].output.bias ('0.out_proj.bias'): in the model, not in the file",
            "layers[1].running_mean ('1.running_mean'): in the model, not in the file",
            "layers[1].running_var ('1.running_var'): in the model, not in the file",
        ],
        [
            "0.in_proj_bias: shape (12,) in the model, as PyTorch has it, and (8,) in the file",
            "1.bias: floats in the model, and int32 in the file",
        ],
        ["head.weight: in the file, not in the model"],
    ]
    assert found.report(["x"]).left_out == ("x",)
    assert len(found.report([]).mismatched) == 4


def test_names_from_a_file_are_made_fit_for_a_terminal():
    model = mn.Sequential(mn.Linear(2, 1))
    error = Comparison("f", model, {"\x1b[31m.weight": np.zeros((1, 2)), "\x1b[31m.bias": np.zeros(1)}).error()
    assert "\x1b" not in error
    assert "rename={'?[31m': 'layers[0]'}" in error or r"\x1b[31m" in error


def test_a_long_error_has_names_of_both():
    """Who has to write a rename needs those of the file, however many the model has."""
    model = mn.Sequential(*(mn.Linear(2, 2) for _ in range(500)))
    given = {f"blocks.{i}.{name}": np.zeros(3) for i in range(500) for name in "wvu"} | {"0.weight": np.zeros((9, 9))}
    error = Comparison("a/" * 50, model, given).error()
    assert "in 2,500 places" in error
    for line in (
        "layers[0].bias ('0.bias'): in the model, not in the file",
        "blocks.0.w: in the file, not in the model",
        "0.weight: shape (2, 2) in the model, as PyTorch has it, and (9, 9) in the file",
    ):
        assert f"\n  {line}\n" in error
    assert len(error) < 3_000


def test_a_transposed_matrix_is_said_to_be_one():
    error = Comparison("f", mn.Linear(2, 3), {"weight": np.zeros((2, 3)), "bias": np.zeros(3)}).error()
    assert "shape (3, 2) in the model, as PyTorch has it, and (2, 3) in the file, transposed as in GPT-2's" in error
    error = Comparison("f", mn.Linear(2, 3), {"weight": np.zeros((2, 4)), "bias": np.zeros(3)}).error()
    assert "transposed" not in error


def test_what_is_left_over_can_be_left_out():
    state = mn.Linear(2, 1).state_dict()
    given = {"weight": state["weight"].T, "bias": state["bias"], "mask": np.zeros(3)}
    error = Comparison("f", mn.Linear(2, 1), given).error()
    assert error.splitlines()[1:] == [
        "  mask: in the file, not in the model",
        "  To leave tensors out: rename={'mask': None}, or strict=False",
    ]
    mn.torch.load_state_dict(mn.Linear(2, 1), given, rename={"mask": None})
