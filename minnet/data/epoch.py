"""An Epoch is one pass over a DataLoader, as an iterator that can be saved and continued."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from minnet.data.loader import DataLoader

Batch = tuple[NDArray[Any], NDArray[Any]]
Rows = NDArray[np.integer[Any]]


class Epoch:
    """The batches of one pass over a loader. Two passes at once do not disturb each other.

    It begins with the first batch, or continues where another Epoch was when its `state_dict` returned `state`;
    ValueError if that was one of another loader.
    """

    def __init__(self, loader: "DataLoader", state: dict[str, Any] | None = None) -> None:
        self.rows: Rows | slice = slice(0, 0)  # of the last batch; a message about a bad batch names them
        self.X, self.y = loader.X, loader.y
        self._loader = loader
        self._done, self._length = 0, len(loader)
        self._order: Rows | None = None
        self._resampled = loader.shuffle == "resampled"
        ordered = bool(loader.shuffle) and not self._resampled
        if state is not None:
            self._done, self._order = state["done"], state["order"]
            if not 0 <= self._done <= self._length:
                raise ValueError(f"{self._done} batches of {self._length} are done")
            is_order = isinstance(self._order, np.ndarray) and self._order.dtype.kind == "i"
            is_order = is_order and np.array_equal(np.sort(self._order), np.arange(len(loader.X)))
            if not (is_order if ordered else self._order is None):
                raise ValueError("the order of the rows is not one of this loader")
        elif ordered:
            self._order = loader.rng.permutation(len(loader.X))
        self._x_of, self._y_of = _reader(self.X, bool(loader.shuffle)), _reader(self.y, bool(loader.shuffle))

    def __iter__(self) -> Self:
        """Return itself: it is used up as it goes."""
        return self

    def __next__(self) -> Batch:
        """Return the next batch (x, y)."""
        if self._done == self._length:
            raise StopIteration
        self.rows = self._next_rows(1)
        return self._loader.prepared(self._x_of(self.rows)), self._y_of(self.rows)

    def take(self, batches: int) -> NDArray[np.int64]:
        """Return the rows of the next batches, or of all that are left if these are fewer, and count these as done."""
        self._before = self._done, self._loader.rng.bit_generator.state if self._resampled else None
        rows = self._next_rows(min(batches, self._length - self._done))
        if isinstance(rows, slice):
            rows = np.arange(rows.start, min(rows.stop, len(self.X)))
        return rows.astype(np.int64, copy=False)

    def rewind(self, batches: int) -> None:
        """Count only the first so many batches of the last `take` as done; the others are still to come."""
        self._done, state = self._before
        if state is not None:
            self._loader.rng.bit_generator.state = state
        self.take(batches)

    def _next_rows(self, batches: int) -> Rows | slice:
        """Return the rows of the next batches, which are there, and count these as done."""
        size = self._loader.batch_size
        start, self._done = self._done, self._done + batches
        if self._resampled:
            draws = [self._loader.rng.choice(len(self.X), size, replace=False) for _ in range(batches)]
            return np.concatenate(draws) if draws else np.arange(0)
        rows = slice(start * size, self._done * size)
        return rows if self._order is None else self._order[rows]

    def state_dict(self) -> dict[str, Any]:
        """Return how many batches are done, and the order of the rows."""
        return {"done": self._done, "order": self._order}


def _reader(array: NDArray[Any], gather: bool) -> Callable[[Any], NDArray[Any]]:
    """Return what gathers rows, or else views a slice of them read-only, because a batch is not to be written into."""
    if gather:  # `take` is faster than an index, but first copies all of an array that is not contiguous
        return partial(array.take, axis=0) if array.flags.c_contiguous else array.__getitem__
    view = array[...]
    view.flags.writeable = False
    return view.__getitem__
