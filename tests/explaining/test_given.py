"""What is given to `explain` is checked, and made ready."""

import numpy as np
import pytest

import minnet as mn
from minnet.explaining.given import check_parts, examples, samples_of

MODEL, LOSS = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Softmax()), mn.CrossEntropyLoss()


@pytest.mark.parametrize(
    ("model", "loss", "error", "says"),
    [
        (mn.Linear, LOSS, TypeError, "the class Linear: write Linear"),
        (MODEL, mn.MSELoss, TypeError, "the class MSELoss: write MSELoss"),
        (LOSS, MODEL, TypeError, "expected a loss, got"),
        (MODEL, None, TypeError, "expected a loss, got"),
        (LOSS, LOSS, TypeError, "got the loss CrossEntropyLoss"),
        (MODEL, mn.CrossEntropyLoss(reduction="none"), ValueError, "reduction='mean' or 'sum'"),
    ],
)
def test_something_else_is_refused(model, loss, error, says):
    with pytest.raises(error, match=says):
        check_parts(model, loss)


def test_one_sample_gets_an_axis():
    (x, y), *_ = examples(MODEL, np.zeros(4), 2)
    assert x.shape == (1, 4)
    assert y.tolist() == [2]
    assert samples_of(x, y) == 1


def test_bytes_are_scaled_as_the_model_says():
    (x, _), *_ = examples(MODEL, np.full((1, 4), 128, np.uint8), [1])
    assert x.dtype == np.float64
    assert (x == 0.5).all()


def test_a_row_without_an_axis_of_samples_has_no_n():
    assert samples_of(np.zeros(4), np.zeros(3)) is None


@pytest.mark.parametrize(
    ("x", "y", "error", "says"),
    [
        (np.zeros((0, 4)), [], ValueError, "at least one sample, and x is empty"),
        (np.array(["a"]), [0], TypeError, "x to hold numbers"),
        (3.0, 1, ValueError, "single number as x"),
    ],
)
def test_no_example(x, y, error, says):
    with pytest.raises(error, match=says):
        examples(MODEL, x, y)
