import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minnet.core import stored
from minnet.core.stored import Stored, windows

X = np.arange(60.0).reshape(20, 3)


class InMemory(Stored):
    """An array that counts what is read of it."""

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.reads = array, array.shape, array.dtype, []

    def read(self, ranges, out=None):
        self.reads.append(ranges)
        return np.concatenate([self.array[start:stop] for start, stop in ranges], out=out)


@given(
    st.lists(st.integers(-20, 19))
    | st.slices(20)
    | st.integers(-20, 19)
    | st.lists(st.booleans(), min_size=20, max_size=20).map(np.array),
    st.sampled_from([0, 30, 10_000]),
)
def test_rows_are_those_of_the_array(rows, gap):
    before, stored.GAP = stored.GAP, gap
    try:
        found = InMemory(X)[rows]
    finally:
        stored.GAP = before
    np.testing.assert_array_equal(found, X[rows] if not isinstance(rows, list) else X[np.array(rows, int)])
    assert found.dtype == X.dtype


def test_rows_that_are_near_are_read_together(monkeypatch):
    monkeypatch.setattr(stored, "GAP", 3 * X[0].nbytes)
    array = InMemory(X)
    array[[19, 2, 5, 9]]
    assert array.reads == [[(2, 6), (9, 10), (19, 20)]]


@pytest.mark.parametrize("rows", [(0, 1), "a", 1.5, [[0, 1]], np.ones(3, bool), None])
def test_anything_but_rows_is_refused(rows):
    with pytest.raises(TypeError, match=r"expected rows, as a slice, whole numbers .* array\[rows\]\[:, columns\]"):
        InMemory(X)[rows]


@pytest.mark.parametrize("rows", [20, -21, [0, 20]])
def test_a_row_that_is_not_there(rows):
    with pytest.raises(IndexError, match="has 20 rows"):
        InMemory(X)[rows]


def test_it_becomes_an_array_when_numpy_asks():
    array = InMemory(X)
    np.testing.assert_array_equal(np.asarray(array, np.float32), X.astype(np.float32))
    assert (array.ndim, array.size, array.nbytes, len(array)) == (2, 60, 480, 20)
    assert [row.tolist() for row in array] == X.tolist()
    with pytest.raises(ValueError, match="not in memory"):
        np.asarray(array, copy=False)
    with pytest.raises(NotImplementedError):
        Stored().read([])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(array))[3], X[3])


def test_it_is_walked_over_by_windows(monkeypatch):
    monkeypatch.setattr(stored, "WINDOW", 8 * X[0].nbytes)
    assert [len(window) for window in windows(InMemory(X))] == [8, 8, 4]
    assert list(windows("anything")) == ["anything"]
