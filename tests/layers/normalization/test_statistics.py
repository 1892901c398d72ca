"""What the norms share: mean 0, variance 1, and the way back."""

import copy
import math

import numpy as np
import pytest

import minnet as mn
from minnet.layers.normalization.statistics import check_eps, standardize, standardize_backward, sum_of_products


def test_by_hand():
    x = np.array([[1.0, 3.0], [10.0, 30.0]])
    normalized, inverse_std, mean, variance, count = standardize(x, (1,), 1e-300)
    np.testing.assert_array_equal(normalized, [[-1, 1], [-1, 1]])
    np.testing.assert_array_equal(mean, [[2], [20]])
    assert count == 2
    np.testing.assert_array_equal(variance, [[1], [100]])
    np.testing.assert_allclose(inverse_std, [[1], [0.1]], rtol=1e-15)


def test_eps_stands_beside_the_variance_and_not_beside_the_deviation():
    normalized, *_ = standardize(np.array([1.0, 3.0]), (0,), 3.0)
    np.testing.assert_allclose(normalized, [-0.5, 0.5], rtol=1e-15)  # 1 / √(1 + 3)


@pytest.mark.parametrize("axes", [(0,), (1,), (-1,), (0, 2), (0, 1, 2)])
def test_mean_zero_and_variance_one_along_the_axes(axes):
    x = 3 + 5 * np.random.default_rng(0).normal(size=(4, 5, 6))
    normalized, *_ = standardize(x, axes, 1e-12)
    assert np.abs(normalized.mean(axis=axes)).max() < 1e-12
    assert np.abs(normalized.var(axis=axes) - 1).max() < 1e-9


@pytest.mark.parametrize("mean", [0, 1e3, 1e4, -1e5])
def test_a_large_mean_leaves_the_variance_right_in_float32(mean):
    """Mean(x²) − mean² would have lost it: at 10⁴, x² has steps of 8."""
    x = (mean + np.random.default_rng(0).normal(size=(1000, 3))).astype(np.float32)
    exact = x.astype(np.float64)
    normalized, _, _, variance, _ = standardize(x, (0,), 1e-5)
    assert normalized.dtype == variance.dtype == np.float32
    np.testing.assert_allclose(variance[0], exact.var(axis=0), rtol=1e-4)
    expected = (exact - exact.mean(axis=0)) / np.sqrt(exact.var(axis=0) + 1e-5)
    # The mean itself is rounded to float32, by up to half the distance between two numbers there.
    np.testing.assert_allclose(normalized, expected, atol=1e-5 + np.spacing(np.float32(abs(mean))))


@pytest.mark.parametrize("value", [0.1, 1e4 / 3, 1e-8])
@pytest.mark.parametrize("axes", [(0,), (1,)])
def test_equal_numbers_give_zero_in_float32(value, axes):
    """The mean of equal numbers is that number, though a sum in float32 would say otherwise."""
    x = np.full((1000, 999), value, np.float32)
    normalized, _, _, variance, _ = standardize(x, axes, 1e-5)
    assert not normalized.any()
    assert not variance.any()


def test_the_way_back_sums_to_zero_and_is_orthogonal_to_the_normalized_numbers():
    generator = np.random.default_rng(0)
    x, g = generator.normal(size=(2, 4, 6))
    normalized, inverse_std, *_ = standardize(x, (1,), 1e-12)
    dx, g_sum, along_sum = standardize_backward(g, normalized, inverse_std, (1,))
    np.testing.assert_allclose(dx.sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose((dx * normalized).sum(axis=1), 0, atol=1e-9)
    np.testing.assert_allclose(g_sum, g.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(along_sum, (g * normalized).sum(axis=1, keepdims=True))


def test_neither_writes_into_its_arguments():
    x, g = np.random.default_rng(0).normal(size=(2, 4, 6))
    x.flags.writeable = g.flags.writeable = False
    normalized, inverse_std, *_ = standardize(x, (1,), 1e-5)
    normalized.flags.writeable = inverse_std.flags.writeable = False
    standardize_backward(g, normalized, inverse_std, (1,))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axes", [(), (0,), (2,), (-1,), (1, 2), (-2, -1), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(4, 5, 6), (0, 5, 6), (4, 5, 1)])
def test_sum_of_products(shape, order, axes, dtype):
    a, b = (np.array(x, dtype, order=order) for x in np.random.default_rng(0).normal(size=(2, *shape)))
    a.flags.writeable = b.flags.writeable = False
    total = sum_of_products(a, b, axes)
    expected = (a.astype(np.float64) * b).sum(axis=axes, keepdims=True)
    assert total.dtype == dtype
    assert total.shape == expected.shape
    np.testing.assert_allclose(total, expected, rtol=0, atol=100 * np.finfo(dtype).eps)


@pytest.mark.parametrize("count", [1_000, 1_000_000])
def test_the_variance_of_many_numbers_is_right_in_float32(count):
    """A sum in float32, number by number, would stop at 2²⁴ · the size of one."""
    x = np.random.default_rng(0).normal(size=(2, count)).astype(np.float32)
    _, _, _, variance, _ = standardize(x, (1,), 1e-5)
    np.testing.assert_allclose(variance[:, 0], x.astype(np.float64).var(axis=1), rtol=2e-5)


def test_nothing_along_an_axis_gives_nothing():
    normalized, inverse_std, mean, variance, count = standardize(np.zeros((0, 3)), (0,), 1e-5)
    assert normalized.shape == (0, 3)
    assert count == 0
    assert mean.tolist() == variance.tolist() == [[0, 0, 0]]
    dx, *_ = standardize_backward(normalized, normalized, inverse_std, (0,))
    assert dx.shape == (0, 3)


@pytest.mark.parametrize("eps", [0, -1e-5, math.nan, math.inf])
def test_an_eps_that_is_not_positive_is_refused(eps):
    with pytest.raises(ValueError, match=f"^Some needs .*eps > 0, got {eps}: 1/√"):
        check_eps("Some", eps)


def test_eps_is_a_python_float():
    assert type(check_eps("Some", np.float64(1e-5))) is float


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e20), (np.float32, 1e38), (np.float64, 1e200)])
@pytest.mark.parametrize("layer", [mn.LayerNorm(6), mn.BatchNorm1d(6), mn.GroupNorm(2, 6), mn.RMSNorm(6)])
def test_numbers_whose_squares_overflow_are_normalized(layer, dtype, size):
    """They were 0 in silence, because 1 / infinity is 0."""
    small = np.random.default_rng(0).uniform(-1, 1, (5, 6))
    small[2] = 1e-30  # a row whose squares do not overflow, beside those that do
    layer = copy.deepcopy(layer).astype(dtype)
    dy = np.random.default_rng(1).normal(size=(5, 6)).astype(dtype)
    y = layer.forward((small * size).astype(dtype))
    dx = layer.backward(dy)
    exact = copy.deepcopy(layer).astype(np.float64)
    exact.eps = max(1e-5 / size / size, 1e-300)  # the same layer for numbers near 1
    np.testing.assert_allclose(y[[0, 1, 3, 4]], exact.forward(small)[[0, 1, 3, 4]], rtol=1e-5)
    assert np.isfinite(y).all()
    expected = exact.backward(dy.astype(np.float64)) / size
    np.testing.assert_allclose(dx[[0, 1, 3, 4]], expected[[0, 1, 3, 4]], rtol=1e-3, atol=1e-6 / size)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_are_not_normalized_away(bad):
    x = np.ones((2, 4), np.float32)
    x[0, 1] = bad
    with np.errstate(invalid="ignore"):
        y = mn.LayerNorm(4).forward(x)
        z = mn.RMSNorm(4).forward(x)
    assert np.isnan(y[0]).any()
    assert np.isnan(z[0]).any()
    assert np.isfinite(y[1]).all()
    assert np.isfinite(z[1]).all()


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_variance_over_a_million_rows_is_right_in_float32(order):
    """Row by row, it had three correct digits."""
    x = np.asarray(np.random.default_rng(0).uniform(size=(1_000_000, 3)), np.float32, order=order)
    _, _, _, variance, _ = standardize(x, (0,), 1e-5)
    np.testing.assert_allclose(variance[0], x.astype(np.float64).var(axis=0), rtol=2e-6)
