"""Rows of batches come together in one array."""

import numpy as np
import pytest

from minnet.core.gathered import Gathered


@pytest.mark.parametrize("expected", [0, 3, 7, 20])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 9])
def test_rows_in_their_order(expected, size):
    rows = np.arange(14.0).reshape(7, 2)
    gathered = Gathered(expected)
    for start in range(0, 7, size):
        gathered.add(rows[start : start + size])
    assert len(gathered) == 7
    np.testing.assert_array_equal(gathered.array, rows)


def test_they_are_copies():
    rows = np.ones(3)
    gathered = Gathered()
    gathered.add(rows)
    rows[:] = 2
    assert gathered.array.tolist() == [1, 1, 1]


def test_no_rows_at_first():
    gathered = Gathered()
    gathered.add(np.empty((0, 2)))
    gathered.add(np.ones((1, 2)))
    assert gathered.array.tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("first", "second", "dtype"),
    [([1, 2], [0.5], float), (["a"], ["long"], "<U4"), ([True], [2], np.int64), (np.float32([1]), [1.0], float)],
)
def test_the_dtype_holds_all_batches(first, second, dtype):
    for expected in (0, 10):
        gathered = Gathered(expected)
        gathered.add(first)
        gathered.add(second)
        assert gathered.array.dtype == dtype
        assert gathered.array.tolist() == [*np.asarray(first).tolist(), *second]


def test_rows_of_another_shape_are_refused():
    gathered = Gathered()
    gathered.add(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"rows of one shape in all batches, \(3,\), got \(4,\)"):
        gathered.add(np.ones((2, 4)))


def test_without_a_batch_there_is_no_array():
    assert len(Gathered(5)) == 0
    with pytest.raises(ValueError, match="no batch"):
        _ = Gathered(5).array
