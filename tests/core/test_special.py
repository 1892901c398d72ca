"""erf, erfc and sigmoid, against the standard library's functions of one number."""

import math

import numpy as np
import pytest

from minnet.core.special import LARGE, SMALL, erf, erfc, positive_part, sigmoid

# All three ranges, their borders from both sides, and the tails.
BORDERS = [np.nextafter(b, b + side) for b in (SMALL, LARGE) for side in (-1, 0, 1)]
SIZES = np.concatenate([np.linspace(0, 1, 4001), np.linspace(1, 30, 20001), np.logspace(-30, 4, 500), BORDERS])
X = np.concatenate([-SIZES, SIZES])


def exact(function, x):
    return np.array([function(float(v)) for v in x])


@pytest.mark.parametrize(
    ("ours", "theirs", "error"),
    [(erf, math.erf, 5e-16), (erfc, math.erfc, 1e-15)],
)
def test_float64_is_right_to_the_last_digits(ours, theirs, error):
    assert np.abs(ours(X) - exact(theirs, X)).max() <= error


def test_erf_keeps_its_digits_where_it_is_small():
    x = X[X != 0]
    np.testing.assert_allclose(erf(x), exact(math.erf, x), rtol=2e-15)
    x = x.astype(np.float32)
    np.testing.assert_allclose(erf(x), exact(math.erf, x), rtol=5e-7)


def test_erfc_keeps_its_digits_where_it_is_small():
    expected = exact(math.erfc, X)
    normal = expected > np.finfo(np.float64).tiny
    np.testing.assert_allclose(erfc(X)[normal], expected[normal], rtol=1e-13)
    x = X.astype(np.float32)
    expected = exact(math.erfc, x)
    normal = expected > np.finfo(np.float32).tiny
    np.testing.assert_allclose(erfc(x)[normal], expected[normal], rtol=1e-5)


@pytest.mark.parametrize(("ours", "theirs"), [(erf, math.erf), (erfc, math.erfc)])
def test_float32_is_right_to_its_precision(ours, theirs):
    x = X.astype(np.float32)
    assert np.abs(ours(x) - exact(theirs, x)).max() <= 4e-7


def their_sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > -700 else math.exp(x)


def test_sigmoid():
    x = X[np.abs(X) < 700]
    np.testing.assert_allclose(sigmoid(x), exact(their_sigmoid, x), rtol=5e-16)
    x = x.astype(np.float32)
    expected = exact(their_sigmoid, x)
    normal = expected > np.finfo(np.float32).tiny
    np.testing.assert_allclose(sigmoid(x)[normal], expected[normal], rtol=4e-7)


@pytest.mark.parametrize("function", [erf, erfc, sigmoid])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
class TestEach:
    def test_dtype_and_shape_stay_and_x_is_not_written_into(self, function, dtype):
        x = np.linspace(-6, 6, 24).reshape(2, 3, 4).astype(dtype)
        x.flags.writeable = False
        y = function(x)
        assert y.dtype == dtype
        assert y.shape == x.shape
        assert function(x[:0]).shape == (0, 3, 4)

    def test_extremes_neither_warn_nor_overflow(self, function, dtype):
        x = np.array([-np.inf, -1e30, -1e4, 1e4, 1e30, np.inf], dtype)
        low, high = {erf: (-1, 1), erfc: (2, 0), sigmoid: (0, 1)}[function]
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            np.testing.assert_array_equal(function(x), [low] * 3 + [high] * 3)

    def test_zeros_of_either_sign_and_nan(self, function, dtype):
        middle = {erf: 0, erfc: 1, sigmoid: 0.5}[function]
        np.testing.assert_array_equal(function(np.array([0.0, -0.0, np.nan], dtype)), [middle, middle, np.nan])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3,), (0, 5), (100, 100), (20_000,), (128, 3, 14, 14), (5000, 2)])
@pytest.mark.parametrize("order", ["C", "F", "batch last", "strided"])
def test_positive_part(shape, order, dtype):
    x = np.random.default_rng(0).normal(size=(*shape, 2) if order == "strided" else shape).astype(dtype)
    if order == "strided":
        x = x[..., 0]
    elif order == "batch last":
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)
    else:
        x = np.asarray(x, order=order)
    y = positive_part(x)
    assert y.dtype == dtype
    assert np.array_equal(y, np.where(x > 0, x, 0))
    assert y.strides == np.maximum(x, 0).strides  # the order in memory is kept


def test_positive_part_of_what_is_not_finite():
    for n in (4, 10_000):  # both ways
        y = positive_part(np.resize([np.nan, np.inf, -np.inf, -0.0], n))
        assert np.isnan(y[0])
        assert y[1:3].tolist() == [np.inf, 0]
