"""Products of compiled steps are those of NumPy."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra compiled is not installed")

from minnet.compiled.foundation import products
from minnet.compiled.foundation.blas import address

pytestmark = pytest.mark.slow

DTYPES = (np.float32, np.float64)
SIZES = [(1, 3, 2), (4, 17, 5), (7, 64, 33), (130, 1, 1)]  # samples, inputs, outputs


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "i", "o"), SIZES)
@pytest.mark.parametrize("few", [True, False])
def test_products(rng, dtype, n, i, o, few):
    x, W, dy = (rng.normal(size=shape).astype(dtype) for shape in ((n, i), (i, o), (n, o)))
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-12}
    given = np.ascontiguousarray(W.T) if few else W
    y, dx, g = np.full_like(dy, np.nan), np.full_like(x, np.nan), np.full_like(given, np.nan)
    blas = address(np.dtype(dtype))
    products.forward(x, given, few, y, blas)
    products.backward(dy, given, few, dx, blas)
    products.gradient(x, dy, few, g, 0.0, blas)
    np.testing.assert_allclose(y, x @ W, **tolerance)
    np.testing.assert_allclose(dx, dy @ W.T, **tolerance)
    np.testing.assert_allclose(g.T if few else g, x.T @ dy, **tolerance)
    for keep in (1.0, -0.5):
        before = g.copy()
        products.gradient(x, dy, few, g, keep, blas)
        np.testing.assert_allclose(g, ((x.T @ dy).T if few else x.T @ dy) + keep * before, **tolerance)


def test_sums(rng):
    rows = rng.normal(size=(9, 5))
    sums = np.full(5, np.nan)
    products.column_sums(rows, sums)
    np.testing.assert_allclose(sums, rows.sum(axis=0), rtol=1e-12)
    assert products.square_of(rows) == pytest.approx((rows**2).sum(), rel=1e-12)
    sums = rows[0].copy()
    products.add(sums, rows[1], -0.5)
    np.testing.assert_allclose(sums, rows[0] - rows[1] / 2, rtol=1e-12)


def test_what_is_not_kept_does_not_matter():
    numbers = np.array([np.nan, np.inf, 1.0])
    products.shrink(numbers, 0.0)
    assert numbers.tolist() == [0, 0, 0]
    products.shrink(numbers, -2.0)
    numbers[:] = [1, np.nan, 3]
    products.shrink(numbers, 1.0)
    np.testing.assert_array_equal(numbers, [1, np.nan, 3])
    products.shrink(numbers, -2.0)
    np.testing.assert_array_equal(numbers, [-2, np.nan, -6])
