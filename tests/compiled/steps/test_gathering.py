"""Gathered rows are those of the data set."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra compiled is not installed")

from minnet.compiled.steps import gathering

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("to", [np.float32, np.float64])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_rows_are_gathered(dtype, to):
    X = np.arange(12).reshape(4, 3).astype(dtype)
    x, rows = np.full((3, 3), np.nan, to), np.array([2, 0, 2])
    gathering.gather(np.array([X.ctypes.data, *X.shape, X.itemsize]), 0.5, rows, x)
    np.testing.assert_array_equal(x, X[rows] * (0.5 if dtype is np.uint8 else 1))
