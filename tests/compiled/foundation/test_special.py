import math

import numpy as np
import pytest

special = pytest.importorskip("minnet.compiled.foundation.special", exc_type=ImportError)


def over_all(function, x):
    from minnet.compiled.foundation.numba_code import compiled

    @compiled
    def loop(x, y):
        for i in range(len(x)):
            y[i] = function(x[i])

    y = np.empty_like(x)
    loop(x, y)
    return y


@pytest.mark.parametrize(
    ("name", "reference", "x", "units"),
    [
        ("expm1", math.expm1, np.concatenate([np.linspace(-80, 80, 9001), np.linspace(-1, 1, 5001)]), 9),
        ("log1p", math.log1p, np.linspace(0, 1, 9001), 4),
        ("log1p", math.log1p, np.logspace(-38, 0, 500), 4),
        ("erfc", math.erfc, np.linspace(-10, 1, 9001), 8),
        ("erfc", math.erfc, np.linspace(1, 9, 900), 200),  # it carries the rounding of x²
    ],
)
def test_values_are_those_of_float64(name, reference, x, units):
    x = x.astype(np.float32)
    y = over_all(getattr(special, name), x).astype(np.float64)
    expected = np.array([reference(number) for number in x.tolist()])
    last_place = np.spacing(np.maximum(np.abs(expected), 1e-37).astype(np.float32))
    assert (np.abs(y - expected) <= units * last_place).all()


@pytest.mark.parametrize(("name", "expected"), [("expm1", [np.nan, np.inf, -1, 0, 0]), ("erfc", [np.nan, 0, 2, 1, 1])])
def test_special_values(name, expected):
    x = np.array([np.nan, np.inf, -np.inf, 0, -0.0], np.float32)
    assert np.array_equal(over_all(getattr(special, name), x), np.array(expected, np.float32), equal_nan=True)


def test_log1p_of_nan_and_of_the_ends():
    y = over_all(special.log1p, np.array([np.nan, 0, 1], np.float32))
    np.testing.assert_allclose(y, [np.nan, 0, math.log(2)], rtol=1e-7)
