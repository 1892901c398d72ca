"""Blocks of consecutive rows come in a random order, so that files larger than memory are read sequentially.

The rows are cut into blocks of half a megabyte. Each epoch puts the blocks in a new random order. So many as make up 32
MB are read at a time, which is a window, and the rows of a window come in a random order. The order does not depend on
what the data lie in, except for the chunks of Zarr: a block is made of whole chunks.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.stored import Ranges, Stored, row_bytes

BLOCK = 1 << 19  # bytes: to move to another place of a file takes less time than to read so many
WINDOW = 1 << 25  # bytes
LEAST = 8  # blocks in a window, even if they are larger than they should be: a row, or a chunk, may be

Rows = NDArray[np.integer[Any]]


class Blocks:
    """The order of one epoch: which blocks a window has, and which rows come when.

    Parameters
    ----------
    leaves
        The arrays, of one length, whose rows decide how large a block is.
    rng
        What the order is drawn from; it is not used if there is a state.
    state
        What `state` returned, to have the same order again. Raises ValueError if it is of other blocks.
    """

    def __init__(self, leaves: list[Any], rng: np.random.Generator, state: Rows | None = None) -> None:
        self.samples = len(leaves[0])
        arrays = [leaf for leaf in leaves if isinstance(leaf, np.ndarray | Stored)]  # a list is in memory
        width = max(1, sum(map(row_bytes, arrays)))
        chunk: int = getattr(max(arrays, key=row_bytes, default=None), "chunk", 1)
        self.size = -(-max(1, BLOCK // width) // chunk) * chunk
        self.together = max(LEAST, WINDOW // (self.size * width))  # blocks in a window
        count = -(-self.samples // self.size)
        self._order: Rows
        if state is None:
            self._seed, self._order = int(rng.integers(1 << 62)), rng.permutation(count)
        else:
            is_order = state.dtype.kind == "i" and state.shape == (count + 2,)
            if not is_order or state[0] < 0 or state[1] != self.size or (np.sort(state[2:]) != np.arange(count)).any():
                raise ValueError("the order of the rows is not one of this loader")
            self._seed, self._order = int(state[0]), state[2:]
        self.window_of = np.empty(count, np.intp)  # block → the window that it is in
        self.window_of[self._order] = np.arange(count) // self.together
        lengths = np.full(count, self.size)
        lengths[-1] = self.samples - (count - 1) * self.size
        ends = np.add.reduceat(lengths[self._order], np.arange(0, count, self.together)).cumsum()
        self._starts = np.concatenate([[0], ends])  # of each window in the epoch, and the end
        lie = np.argsort(self.window_of, kind="stable")  # the blocks of the first window as they lie, then the next's
        self._place = np.empty(count, np.intp)  # block → where its first row is in its window
        self._place[lie] = np.cumsum(lengths[lie]) - lengths[lie] - self._starts[self.window_of[lie]]
        self._shuffled: tuple[int, Rows] = -1, np.empty(0, np.intp)  # the last window, and its rows as they come
        self._last: tuple[Rows, list[tuple[int, Rows]]] = np.empty(0, np.intp), []  # what `places` returned last

    def state(self) -> Rows:
        """Return the seed of the rows' order, the rows of a block, and the order of the blocks."""
        return np.concatenate([np.array([self._seed, self.size], np.int64), self._order])

    def ranges(self, window: int) -> Ranges:
        """Return the rows of a window, as ranges that ascend; neighbours among its blocks are one."""
        blocks = np.sort(self._order[window * self.together : (window + 1) * self.together])
        runs = np.split(blocks, np.flatnonzero(np.diff(blocks) > 1) + 1)
        return [(int(run[0]) * self.size, min((int(run[-1]) + 1) * self.size, self.samples)) for run in runs]

    def rows(self, start: int, stop: int) -> Rows:
        """Return the rows that come at some places of the epoch."""
        stop = min(stop, self.samples)
        pieces: list[Rows] = [np.empty(0, np.intp)]
        while start < stop:
            window = int(np.searchsorted(self._starts, start, side="right")) - 1
            begin, end = int(self._starts[window]), min(stop, int(self._starts[window + 1]))
            pieces.append(self._rows_of(window)[start - begin : end - begin])
            start = end
        return pieces[1] if len(pieces) == 2 else np.concatenate(pieces)

    def places(self, rows: Rows) -> list[tuple[int, Rows]]:
        """Return where rows are that come one after another: windows, and the places of the rows in each.

        The last answer is kept, because X and y ask for the same.
        """
        if rows is not self._last[0]:
            blocks = rows // self.size
            windows, places = self.window_of[blocks], self._place[blocks] + rows % self.size
            if len(rows) and windows[0] == windows[-1]:  # as in nearly every batch
                found: list[tuple[int, Rows]] = [(int(windows[0]), places)]
            else:
                cuts = np.flatnonzero(np.diff(windows)) + 1
                found = [(int(windows[at]), part) for at, part in zip([0, *cuts], np.split(places, cuts), strict=True)]
            self._last = rows, found
        return self._last[1]

    def _rows_of(self, window: int) -> Rows:
        if self._shuffled[0] != window:
            rows = np.concatenate([np.arange(start, stop) for start, stop in self.ranges(window)])
            self._shuffled = window, np.random.default_rng([self._seed, window]).permutation(rows)
        return self._shuffled[1]


class WindowReader:
    """Read rows of an array by windows: the last window that was read stays in memory, and no other."""

    def __init__(self, array: Any, blocks: Blocks) -> None:
        self._array, self._blocks, self._window = array, blocks, -1
        self._memory = np.empty((0, *array.shape[1:]), array.dtype)

    def __call__(self, rows: Rows) -> NDArray[Any]:
        """Return rows, which come in the order of the epoch, or a part of them."""
        if not len(rows):
            return np.empty_like(self._memory[:0])
        pieces = [self._load(window).take(places, axis=0) for window, places in self._blocks.places(rows)]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _load(self, window: int) -> NDArray[Any]:
        """Return a window. It takes the memory of the one before, because batches are copies."""
        if window == self._window:
            return self._memory
        ranges = self._blocks.ranges(window)
        rows = sum(stop - start for start, stop in ranges)
        if len(self._memory) != rows:
            self._memory = np.empty_like(self._memory[:0])  # let go first
            self._memory = np.empty((rows, *self._array.shape[1:]), self._array.dtype)
        self._window = -1
        if isinstance(self._array, Stored):
            self._array.read(ranges, self._memory)
        else:
            np.concatenate([self._array[start:stop] for start, stop in ranges], out=self._memory)
        self._window = window
        return self._memory
