"""A stored array lies outside memory, and its rows are read when they are needed: it never is in memory as a whole."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Ranges = list[tuple[int, int]]  # (start, stop) of rows that are read together

WINDOW = 1 << 22  # bytes that are read at a time to look at a whole array
GAP = 4096  # bytes between two rows that are read, too, because a second read takes as long


class Stored:
    """An array of rows outside memory: ``array[rows]`` reads the rows of a slice, an index or a mask.

    Subclasses say where the rows are: they define `read`, and set `shape` and `dtype`.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk = 1  # so many rows can only be read together

    def read(self, ranges: Ranges, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the rows of some ranges, which are inside the array and do not overlap, in C order.

        They are a new array, or are in `out`, an array in C order of their shape and dtype.
        """
        raise NotImplementedError

    def empty(self, ranges: Ranges) -> NDArray[Any]:
        """Return an array for the rows of some ranges."""
        return np.empty((sum(stop - start for start, stop in ranges), *self.shape[1:]), self.dtype)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """How many bytes the whole would take in memory."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        """Read the rows of a slice, an index, or a mask; of a single number, one row without its first axis."""
        if rows is Ellipsis:
            rows = slice(None)
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            return self.read([(start, max(start, stop))]) if step == 1 else self._picked(np.arange(start, stop, step))
        index = np.asarray(rows)
        if index.dtype == bool and index.shape == self.shape[:1]:
            index = np.flatnonzero(index)
        if isinstance(rows, tuple) or index.ndim > 1 or not (index.dtype.kind in "iu" or index.shape == (0,)):
            raise TypeError(
                f"{self} expected rows, as a slice, whole numbers (N,), or a mask of {len(self)} bools, got "
                f"{type(rows).__name__}: index the other axes of what it returns, array[rows][:, columns]"
            )
        picked = self._picked(index.reshape(-1).astype(np.intp))
        return picked if index.ndim else picked[0]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Read the whole array, for NumPy's functions."""
        if copy is False:
            raise ValueError(f"{self} is not in memory, so it cannot become an array without a copy")
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)

    def _picked(self, index: NDArray[np.intp]) -> NDArray[Any]:
        """Return single rows."""
        if not index.size:
            return self.read([(0, 0)])
        if index.min() < -len(self) or index.max() >= len(self):
            raise IndexError(f"{self} has {len(self)} rows, got an index from {index.min()} to {index.max()}")
        return self.gather(np.where(index < 0, index + len(self), index))

    def gather(self, index: NDArray[np.intp]) -> NDArray[Any]:
        """Return at least one row of the array, in any order. Those that are near each other are read in one go."""
        rows, place = np.unique(index, return_inverse=True)
        near = max(1, GAP // max(row_bytes(self), 1))
        first = np.flatnonzero(np.diff(rows, prepend=rows[0] - near - 1) > near)  # of each range, in `rows`
        starts, stops = rows[first], rows[np.append(first[1:], len(rows)) - 1] + 1
        before = np.cumsum(stops - starts) - (stops - starts)  # rows of the ranges before it
        at = rows + np.repeat(before - starts, np.diff(np.append(first, len(rows))))
        data = self.read(list(zip(starts.tolist(), stops.tolist(), strict=True)))
        found: NDArray[Any] = data.take(at[place], axis=0)
        return found


def row_bytes(array: Any) -> int:
    """Return how many bytes a row of an array takes in memory."""
    return int(math.prod(array.shape[1:]) * array.dtype.itemsize)


def windows(array: Any) -> Iterator[Any]:
    """Walk over a stored array, some megabytes of rows at a time; yield any other as it is."""
    if not isinstance(array, Stored):
        yield array
        return
    rows = max(1, WINDOW // max(row_bytes(array), 1))
    for start in range(0, len(array), rows):
        yield array[start : start + rows]
