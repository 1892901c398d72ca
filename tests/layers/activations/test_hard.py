"""Hardsigmoid, Threshold, Hardshrink, Softshrink: values, corners. What all activations do: test_activations."""

import math

import numpy as np
import pytest
from helpers import array

from minnet.layers.activations.hard import Hardshrink, Hardsigmoid, Softshrink, Threshold

KNOWN = [
    # (layer, x, y, the slope at x)
    (Hardsigmoid(), 0.0, 0.5, 1 / 6),
    (Hardsigmoid(), 1.5, 0.75, 1 / 6),
    (Hardsigmoid(), -3.0, 0.0, 0.0),
    (Hardsigmoid(), 3.0, 1.0, 0.0),
    (Hardsigmoid(), -7.0, 0.0, 0.0),
    (Hardsigmoid(), 7.0, 1.0, 0.0),
    (Threshold(0.5, -2), 0.75, 0.75, 1.0),
    (Threshold(0.5, -2), 0.5, -2.0, 0.0),
    (Threshold(0.5, -2), -9.0, -2.0, 0.0),
    (Hardshrink(), 0.75, 0.75, 1.0),
    (Hardshrink(), -0.75, -0.75, 1.0),
    (Hardshrink(), 0.5, 0.0, 0.0),
    (Hardshrink(), -0.5, 0.0, 0.0),
    (Hardshrink(0), 1e-30, 1e-30, 1.0),
    (Hardshrink(2), 1.75, 0.0, 0.0),
    (Softshrink(), 0.75, 0.25, 1.0),
    (Softshrink(), -0.75, -0.25, 1.0),
    (Softshrink(), 0.5, 0.0, 0.0),
    (Softshrink(), -0.5, 0.0, 0.0),
    (Softshrink(), 0.25, 0.0, 0.0),
    (Softshrink(0), -3.0, -3.0, 1.0),
]


@pytest.mark.parametrize(("layer", "x", "y", "slope"), KNOWN)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_known_values(layer, x, y, slope, dtype):
    assert layer.forward(array([x], dtype))[0] == dtype(y)
    assert layer.backward(array([2.0], dtype))[0] == pytest.approx(2 * slope, rel=1e-7)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (Hardsigmoid(), [0, 0, 1, 1]),
        (Threshold(0.5, -2), [-2, -2, 1e4, 1e30]),
        (Hardshrink(), [-1e30, -1e4, 1e4, 1e30]),
        (Softshrink(1), [-1e30, -9999, 9999, 1e30]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_numbers(layer, expected, dtype):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        np.testing.assert_array_equal(layer.forward(array([-1e30, -1e4, 1e4, 1e30], dtype)), array(expected, dtype))
        assert np.isfinite(layer.backward(array(np.ones(4), dtype))).all()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Threshold("1", 2), TypeError, "Threshold expected threshold to be a number, got str"),
        (lambda: Threshold(1, math.inf), ValueError, "Threshold needs a finite value, got inf"),
        (lambda: Hardshrink(-1), ValueError, "Hardshrink needs lambd >= 0, got -1"),
        (lambda: Softshrink(-0.5), ValueError, "Softshrink needs lambd >= 0, got -0.5"),
        (lambda: Softshrink(None), TypeError, "Softshrink expected lambd to be a number, got NoneType"),
    ],
)
def test_constants_that_are_none(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("number", [np.float64(0.5), np.float32(0.5), 1])
def test_numpy_numbers_do_not_upcast(number):
    x = array([-1, 2])
    for layer in (Threshold(number, number), Hardshrink(number), Softshrink(number)):
        assert layer.forward(x).dtype == np.float32
        assert layer.backward(x).dtype == np.float32


@pytest.mark.parametrize(
    ("layer", "shown"),
    [
        (Hardsigmoid(), "Hardsigmoid()"),
        (Threshold(1, 2), "Threshold(1.0, 2.0)"),
        (Hardshrink(2), "Hardshrink(lambd=2.0)"),
        (Softshrink(), "Softshrink(lambd=0.5)"),
    ],
)
def test_repr_shows_the_constants(layer, shown):
    assert repr(layer) == shown
