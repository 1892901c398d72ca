"""An Epoch is one pass over a DataLoader, as an iterator that can be saved and continued."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from minnet.data.collate import collated
from minnet.data.padding import bucketed_order, lengths_of

if TYPE_CHECKING:
    from minnet.data.loader import DataLoader

Batch = tuple[Any, Any] | tuple[Any, Any, Any]  # (x, y), or (x, y, sample_weight)
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
        self.part: Any = None  # a `minnet.mpi.part.Part`, if only a rank's part of every batch is to be read
        self._done, self._length, self._samples = 0, len(loader), loader.samples
        self._order: Rows | None = None
        self._resampled = loader.shuffle == "resampled"
        ordered = bool(loader.shuffle) and not self._resampled
        if state is not None:
            self._done, self._order = state["done"], state["order"]
            if not 0 <= self._done <= self._length:
                raise ValueError(f"{self._done} batches of {self._length} are done")
            is_order = isinstance(self._order, np.ndarray) and self._order.dtype.kind == "i"
            is_order = is_order and np.array_equal(np.sort(self._order), np.arange(loader.samples))
            if not (is_order if ordered else self._order is None):
                raise ValueError("the order of the rows is not one of this loader")
        elif loader.shuffle == "bucketed":
            self._order = bucketed_order(lengths_of(loader.X), loader.batch_size, loader.rng)
        elif ordered:
            self._order = loader.rng.permutation(loader.samples)
        gather = bool(loader.shuffle)
        self._x_of, self._y_of = _reader(self.X, gather), _reader(self.y, gather)
        self._plain = loader.collate is loader.sample_weight is None
        self._weight_of = None if loader.sample_weight is None else _reader(loader.sample_weight, gather)

    def __repr__(self) -> str:
        return f"Epoch({self._done:,} of {self._length:,} batches done)"

    def __iter__(self) -> Self:
        """Return itself: it is used up as it goes."""
        return self

    def __next__(self) -> Batch:
        """Return the next batch, (x, y) or (x, y, sample_weight)."""
        if self._done == self._length:
            raise StopIteration
        rows = self.rows = self._next_rows(1) if self.part is None else self._own(self._next_rows(1))
        x, y = self._x_of(rows), self._y_of(rows)
        if self._plain and self.part is None:
            return self._loader.prepared(x), y
        if self._loader.collate is not None:
            x, y = collated(self._loader.collate, x, y)
        x = self._loader.prepared(x, self.part and self.part.rng)
        return (x, y) if self._weight_of is None else (x, y, self._weight_of(rows))

    def take(self, batches: int) -> NDArray[np.int64]:
        """Return the rows of the next batches, or of all that are left if these are fewer, and count these as done."""
        self._before = self._done, self._loader.rng.bit_generator.state if self._resampled else None
        rows = self._next_rows(min(batches, self._length - self._done))
        if isinstance(rows, slice):
            rows = np.arange(rows.start, min(rows.stop, self._samples))
        return rows.astype(np.int64, copy=False)

    def rewind(self, batches: int) -> None:
        """Count only the first so many batches of the last `take` as done; the others are still to come."""
        self._done, state = self._before
        if state is not None:
            self._loader.rng.bit_generator.state = state
        self.take(batches)

    def back(self, batches: int) -> None:
        """Count the last so many batches as still to come; what drew random numbers for them is put back elsewhere."""
        self._done -= batches

    def _next_rows(self, batches: int) -> Rows | slice:
        """Return the rows of the next batches, which are there, and count these as done."""
        size = self._loader.batch_size
        start, self._done = self._done, self._done + batches
        if self._resampled:
            draws = [self._loader.rng.choice(self._samples, size, replace=False) for _ in range(batches)]
            return np.concatenate(draws) if draws else np.arange(0)
        rows = slice(start * size, self._done * size)
        return rows if self._order is None else self._order[rows]

    def _own(self, rows: Rows | slice) -> Rows | slice:
        """Return the rank's part of the rows of a batch."""
        if isinstance(rows, slice):
            part = self.part.rows(min(rows.stop, self._samples) - rows.start)
            return slice(rows.start + part.start, rows.start + part.stop)
        own: Rows = rows[self.part.rows(len(rows))]
        return own

    def state_dict(self) -> dict[str, Any]:
        """Return how many batches are done, and the order of the rows."""
        return {"done": self._done, "order": self._order}


def _reader(tree: Any, gather: bool) -> Callable[[Any], Any]:
    """Return what gathers rows, or else views a slice of them read-only, because a batch is not to be written into."""
    if type(tree) is tuple:
        readers = [_reader(leaf, gather) for leaf in tree]
        return lambda rows: tuple([read(rows) for read in readers])
    if type(tree) is dict:
        named = {key: _reader(leaf, gather) for key, leaf in tree.items()}
        return lambda rows: {key: read(rows) for key, read in named.items()}
    if type(tree) is list:  # samples for a collate function
        return (lambda rows: [tree[row] for row in rows]) if gather else tree.__getitem__
    if gather:  # `take` is faster than an index, but first copies all of an array that is not contiguous
        return partial(tree.take, axis=0) if tree.flags.c_contiguous else cast("Callable[[Any], Any]", tree.__getitem__)
    view = tree[...]
    view.flags.writeable = False
    return cast("Callable[[Any], Any]", view.__getitem__)
