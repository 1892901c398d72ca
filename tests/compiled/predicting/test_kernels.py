"""The kernels for one image agree with NumPy's, however many columns are multiplied at a time."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra compiled is not installed")
from minnet.compiled.foundation.blas import address
from minnet.compiled.predicting import kernels

pytestmark = pytest.mark.slow


def test_spread_takes_an_image_apart_by_the_strides():
    x = np.arange(1.0, 13.0).reshape(1, 3, 4)
    out = np.full((1, 2, 2, 3, 3), np.nan)
    kernels.spread(x, (1, 1), (2, 2), out)
    padded = np.zeros((6, 6))
    padded[1:4, 1:5] = x[0]
    for a in range(2):
        for b in range(2):
            np.testing.assert_array_equal(out[0, a, b], padded[a::2, b::2])


@pytest.mark.parametrize("most", [1, 3, 8, 100])
def test_columns_may_be_multiplied_in_any_parts(most):
    rng = np.random.default_rng(0)
    x, matrices = rng.normal(size=(2, 4, 5)), rng.normal(size=(1, 3, 4))
    begins, y = np.array([0, 1, 20, 26]), np.empty((3, 13))
    kernels.convolve(address(x.dtype), x, (0, 0, 1, 1, 4, 5), begins, matrices, most, y)
    windows = np.stack([x.reshape(-1)[begin : begin + 13] for begin in begins])
    np.testing.assert_allclose(y, matrices[0] @ windows, rtol=1e-12)


@pytest.mark.parametrize(("a", "b"), [(1.0, 2.0), (2.0, 1.0), (np.nan, 1.0), (1.0, np.nan), (-np.inf, -1.0)])
def test_the_larger_of_two_numbers(a, b):
    np.testing.assert_equal(kernels.larger(a, b), np.maximum(a, b))
