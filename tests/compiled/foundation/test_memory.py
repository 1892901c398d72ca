"""Memory at an address is viewed as the array that lies there."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra compiled is not installed")

from minnet.compiled.foundation.memory import flattened, matrix, vector
from minnet.compiled.foundation.numba_code import compiled

pytestmark = pytest.mark.slow


@compiled
def sums(address, array, begin, end):
    whole, part, total, some = matrix(address, 3, 4, array.dtype), vector(address, begin, end, array), 0.0, 0.0
    for number in flattened(whole):
        total += number
    for number in part:
        some += number
    return whole[2, 1], total, some


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_views(dtype):
    array = np.arange(12, dtype=dtype).reshape(3, 4)
    assert sums(array.ctypes.data, array, 5, 8) == (9, 66, 5 + 6 + 7)
    assert sums(array.ctypes.data, array, 12, 12) == (9, 66, 0)
