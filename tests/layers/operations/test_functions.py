"""Functions of each number: their values are NumPy's or SciPy's, and their slopes right."""

import math

import numpy as np
import pytest

from minnet.inspection.gradcheck import check_layer
from minnet.layers.operations import Extreme, Function, Power
from minnet.layers.operations.functions import FUNCTIONS

rng = np.random.default_rng(0)
INSIDE = np.clip(rng.normal(size=(4, 3)), -0.9, 0.9)
INSIDE[np.abs(INSIDE) < 0.05] = 0.3
DOMAINS = {"log": (0.1, 3), "sqrt": (0.1, 3), "reciprocal": (0.2, 3), "acosh": (1.2, 4)}


def inside(name):
    if name in DOMAINS:
        return rng.uniform(*DOMAINS[name], (4, 3))
    return INSIDE


@pytest.mark.parametrize("name", FUNCTIONS)
def test_slopes(name):
    assert check_layer(Function(name), inside(name))


def test_values_of_those_that_numpy_has_not():
    expected = [math.erf(x) for x in INSIDE.reshape(-1)]
    np.testing.assert_allclose(Function("erf").forward(INSIDE).reshape(-1), expected, rtol=1e-14)
    assert Function("erf").forward(np.array(0.5)).shape == ()
    np.testing.assert_allclose(Function("softsign").forward(np.array([1.0, -3.0])), [0.5, -0.75])


@pytest.mark.filterwarnings("error")
def test_outside_its_domain_a_function_is_nan():
    assert np.isnan(Function("log").forward(np.array([-1.0]))).all()
    assert Function("exp").forward(np.array([1e5])).tolist() == [np.inf]


def test_powers():
    assert check_layer(Power(), rng.uniform(0.2, 2, (4, 3)), rng.normal(size=3))
    layer = Power()
    assert layer.forward(np.array([-2.0, 0.0]), np.array(2.0)).tolist() == [4, 0]
    da, db = layer.backward(np.ones(2))
    assert da.tolist() == [-4, 0]
    assert np.isnan(db)  # the slope in the exponent, of a negative number


@pytest.mark.parametrize("kind", ["max", "min"])
def test_extremes(kind):
    a, b = rng.normal(size=(4, 3)), rng.normal(size=3)
    assert check_layer(Extreme(kind), a, b)
    assert np.array_equal(Extreme(kind).forward(a, b), {"max": np.maximum, "min": np.minimum}[kind](a, b))
    layer = Extreme(kind)
    layer.forward(np.ones(2), np.ones(2), np.ones(1))
    assert [d.tolist() for d in layer.backward(np.full(2, 3.0))] == [[1, 1], [1, 1], [2]]


def test_wrong_arguments_and_inputs():
    with pytest.raises(ValueError, match="Function expected name to be one of 'abs'"):
        Function("gamma")
    with pytest.raises(TypeError, match="expected an array of numbers"):
        Function("exp").forward(np.array([True]))
