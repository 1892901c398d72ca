"""The parts of whole steps by compiled code. (How they work together: test_steps.py.)"""

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra compiled is not installed")

from minnet.compiled.steps import whole_steps

pytestmark = pytest.mark.slow


def test_subnormal_numbers_become_zero():
    tiny = np.finfo(np.float32).tiny
    array = np.array([0, tiny, -tiny, tiny / 2, -tiny / 8, 1, tiny / 2], np.float32)
    whole_steps.zero_subnormals(array, np.array([0, 0, 0, 0, 0, 0, tiny / 2], np.float32))
    assert array.tolist() == [0, tiny, -tiny, 0, 0, 1, tiny / 2], "where there is a gradient, it is renewed"


@pytest.mark.parametrize(
    ("norms", "lr", "short"),
    [
        ((1.0, 1.0), 0.1, True),
        ((1e20, 1e18), 0.1, False),
        ((1e20, 1e18), 1e-20, True),
        ((np.nan, 0.0), 0.1, False),
        ((np.inf, 0.0), 0.1, False),
        ((1.0, 1.0), np.nan, False),
    ],
)
def test_a_step_is_short_only_if_it_surely_is(norms, lr, short):
    table = np.zeros((2, whole_steps.COLUMNS))
    table[0, whole_steps.LR] = lr
    sums = np.array([[0, norms[0] / 2, norms[1] / 2], [0, norms[0] / 2, norms[1] / 2]])
    assert whole_steps.is_short(sums, table, np.zeros(1, np.float64).dtype) == short
