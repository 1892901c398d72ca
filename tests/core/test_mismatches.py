"""Mismatches between a model's arrays and weights: in names, shapes and dtypes."""

import numpy as np

import minnet as mn
from minnet.core.mismatches import mismatches

ARRAYS = list(mn.Linear(3, 2).named_arrays())
RIGHT = {"weight": np.zeros((3, 2), np.float32), "bias": np.zeros(2, np.float32)}


def test_what_fits():
    assert mismatches(ARRAYS, RIGHT) == []


def test_names_shapes_and_dtypes():
    assert mismatches(ARRAYS, {"weight": np.zeros((2, 3), np.float32), "b": np.zeros(2)}, "the state") == [
        "weight: (3, 2) float32 in the model, (2, 3) float32 in the state",
        "bias: in the model, not in the state",
        "b: in the state, not in the model",
    ]


def test_one_other_dtype_comes_with_its_cure():
    lines = mismatches(ARRAYS, {name: array.astype(np.float64) for name, array in RIGHT.items()})
    assert lines[0] == "For the dtype: model.astype(np.float64) before loading"
    assert lines[1] == "weight: (3, 2) float32 in the model, (3, 2) float64 in the file"
    whole = mismatches(ARRAYS, {name: array.astype(np.int64) for name, array in RIGHT.items()})
    assert not [line for line in whole if "astype" in line]
