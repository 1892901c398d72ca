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
        lengths = np.minimum(self.size, self.samples - self._order * self.size)
        ends = np.add.reduceat(lengths, np.arange(0, count, self.together)).cumsum()
        self._starts = np.concatenate([[0], ends])  # of each window in the epoch, and the end
        self._shuffled: tuple[int, Rows] = -1, np.empty(0, np.intp)  # the last window, and its rows as they come

    def state(self) -> Rows:
        """Return the seed of the rows' order, the rows of a block, and the order of the blocks."""
        return np.concatenate([np.array([self._seed, self.size], np.int64), self._order])

    def blocks(self, window: int) -> Rows:
        """Return the blocks of a window, in the order in which they lie."""
        return np.sort(self._order[window * self.together : (window + 1) * self.together])

    def ranges(self, window: int) -> Ranges:
        """Return the rows of a window, as ranges that ascend; neighbours among its blocks are one."""
        blocks = self.blocks(window)
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

    def _rows_of(self, window: int) -> Rows:
        if self._shuffled[0] != window:
            rows = np.concatenate([np.arange(start, stop) for start, stop in self.ranges(window)])
            self._shuffled = window, np.random.default_rng([self._seed, window]).permutation(rows)
        return self._shuffled[1]


class WindowReader:
    """Read rows of an array by windows: the last window that was read stays in memory, and no other."""

    def __init__(self, array: Any, blocks: Blocks) -> None:
        self._array, self._blocks, self._window = array, blocks, -1
        self._place = np.zeros(len(blocks.window_of), np.intp)  # block → where its first row is in memory
        self._memory = np.empty((0, *array.shape[1:]), array.dtype)

    def __call__(self, rows: Rows) -> NDArray[Any]:
        """Return rows, which come in the order of the epoch, or a part of them."""
        block = rows // self._blocks.size
        windows, places = self._blocks.window_of[block], rows % self._blocks.size
        if len(rows) and windows[0] == windows[-1]:  # as is nearly every batch
            return self._taken(int(windows[0]), block, places)
        pieces = [self._memory[:0]]
        for part in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(windows)) + 1):
            if len(part):
                pieces.append(self._taken(int(windows[part[0]]), block[part], places[part]))
        return np.concatenate(pieces)

    def _taken(self, window: int, block: Rows, places: Rows) -> NDArray[Any]:
        """Return rows of one window: those at some places of some blocks."""
        self._load(window)
        return self._memory.take(self._place[block] + places, axis=0)

    def _load(self, window: int) -> None:
        """Have a window in memory; the one before is let go first."""
        if window == self._window:
            return
        self._window, self._memory = -1, np.empty_like(self._memory[:0])
        ranges = self._blocks.ranges(window)
        if isinstance(self._array, Stored):
            self._memory = self._array.read(ranges)
        else:
            self._memory = np.concatenate([self._array[start:stop] for start, stop in ranges])
        self._window = window
        blocks = self._blocks.blocks(window)
        lengths = np.minimum(self._blocks.size, self._blocks.samples - blocks * self._blocks.size)
        self._place[blocks] = np.cumsum(lengths) - lengths
