"""The shapes of inputs, and their dtypes, which a trial run finds."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

import minnet as mn
from minnet.onnx.inputs import read_inputs, try_inputs

FLOAT, DOUBLE, INT, BOOL = (np.dtype(kind) for kind in (np.float32, np.float64, np.int64, np.bool_))
DENSE = mn.Sequential(mn.Linear(3, 2))
WORDS = mn.Sequential(mn.Embedding(9, 4), mn.LSTM(4, 3), mn.PoolTime())


def found(model, input_shape):
    inputs, _ = try_inputs(model.eval(), read_inputs(model, input_shape))
    return inputs


@pytest.mark.parametrize(
    ("model", "shape", "expected"),
    [
        (DENSE, 3, ("x", ("batch", 3), FLOAT)),
        (DENSE, [3], ("x", ("batch", 3), FLOAT)),
        (DENSE, np.int64(3), ("x", ("batch", 3), FLOAT)),
        (DENSE, (None, 3), ("x", ("batch", "time", 3), FLOAT)),
        (DENSE, ("rows", None, 3), ("x", ("batch", "rows", "x_2", 3), FLOAT)),
        (DENSE, np.ones((5, 3), np.float64), ("x", ("batch", 3), FLOAT)),
        (DENSE, np.ones((5, 3), np.uint8), ("x", ("batch", 3), np.dtype(np.uint8))),
        (mn.Linear(3, 2).astype(np.float64), 3, ("x", ("batch", 3), DOUBLE)),
        (mn.ReLU(), np.ones((5, 3)), ("x", ("batch", 3), DOUBLE)),
        (mn.ReLU(), 3, ("x", ("batch", 3), FLOAT)),
        (WORDS, (None,), ("x", ("batch", "time"), INT)),
        (WORDS, np.ones((2, 7), np.int32), ("x", ("batch", 7), INT)),
        (mn.Embedding(9, 2), (), ("x", ("batch",), INT)),
    ],
)
def test_one_input(model, shape, expected):
    assert tuple(found(model, shape))[:3] == expected


def test_a_mask_is_booleans():
    expected = ("x", ("batch", "time"), INT), ("mask", ("batch", "time"), BOOL)
    assert tuple(tuple(leaf)[:3] for leaf in found(WORDS, ((None,), (None,)))) == expected
    words = np.ones((2, 7), np.int64)
    assert [leaf.shape for leaf in found(WORDS, (words, words > 0))] == [("batch", 7)] * 2
    named = found(WORDS, {"mask": (None,), "x": (None,)})
    assert (named["x"].dtype, named["mask"].dtype) == (INT, BOOL)
    assert [leaf.name for leaf in found(mn.PoolTime(), [(None, 3), (None,)])] == ["x", "mask"]


def test_several_inputs():
    model = mn.Inputs(mn.Linear(3, 2), mn.Embedding(9, 2))
    assert tuple(tuple(leaf)[:3] for leaf in found(model, (3, ()))) == (
        ("x_1", ("batch", 3), FLOAT),
        ("x_2", ("batch",), INT),
    )

    class Mine(mn.Layer):
        def forward(self, left, right):
            return left + right

    assert [leaf.name for leaf in found(Mine(), (3, (3,)))] == ["left", "right"]


def test_any_length_that_a_model_takes_is_tried():
    for model, shape in [
        (mn.LearnedPosition(1, 2), (None, 2)),
        (mn.Conv1d(2, 2, 100), (2, None)),
        (mn.Sequential(mn.Flatten(), mn.Linear(12, 2)), (None, 4)),
    ]:
        assert found(model, shape).shape == (
            "batch",
            *("time" if n is None and i == 0 else n or "x_2" for i, n in enumerate(shape)),
        )


def test_the_users_samples_are_tried():
    class Positive(mn.Layer):
        """It refuses what random numbers are."""

        def forward(self, x, weight_mask):
            if x.min() <= 0 or weight_mask.dtype.kind != "f":
                raise ValueError("expected positive numbers")
            return x

    rows = np.arange(1.0, 4.0)[:, None]
    assert [leaf.dtype for leaf in found(Positive(), (rows, rows))] == [DOUBLE, DOUBLE]
    assert found(Positive(), (rows[:1], (1,)))[1].dtype == FLOAT
    with pytest.raises(ValueError, match="expected positive numbers"):
        found(Positive(), ((1,), (1,)))
    with pytest.raises(ValueError, match="expected integers from 0 to 8"):
        found(WORDS, np.full((2, 3), 9))


@pytest.mark.parametrize("shape", [0, -3, 2.5, True, (3, "no word"), "", object(), None.__class__, ((3,), object())])
def test_what_is_no_shape(shape):
    with pytest.raises(TypeError, match="expected input_shape to be the shape of one sample"):
        found(DENSE, shape)


@pytest.mark.parametrize("dtype", [np.complex64, "U3", object])
def test_what_is_no_sample(dtype):
    with pytest.raises(TypeError, match="expected x to be an array of numbers that a layer takes"):
        found(DENSE, np.zeros((2, 3), dtype))


@pytest.mark.parametrize(
    ("model", "shape", "error", "message"),
    [
        (DENSE, 4, ValueError, "expected 3 features in the last axis"),
        (mn.Sequential(mn.Embedding(9, 4), mn.LearnedPosition(3, 4)), (5,), ValueError, "at most 3 places"),
        (DENSE, (3, 3, 3), None, ""),
        (DENSE, ((3,), (3,), (3,)), TypeError, "expected x, or x and the mask"),
        (mn.Conv2d(1, 1, 5), (1, 4, None), ValueError, "smaller than a window"),
    ],
)
def test_a_shape_that_the_model_does_not_take(model, shape, error, message):
    if error is None:
        assert found(model, shape).shape == ("batch", *shape)
        return
    with pytest.raises(error, match=message):
        found(model, shape)
