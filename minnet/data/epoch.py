"""An Epoch is one pass over a DataLoader, as an iterator that can be saved and continued."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from minnet.core.samples import on_disk
from minnet.core.stored import Stored
from minnet.core.trees import leaves, taken
from minnet.data.blocks import Blocks, WindowReader
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
        self._blocks: Blocks | None = None
        self._resampled = loader.shuffle == "resampled"
        ordered = bool(loader.shuffle) and not self._resampled
        if state is not None:
            self._done, self._order = state["done"], state["order"]
            if not 0 <= self._done <= self._length:
                raise ValueError(f"{self._done} batches of {self._length} are done")
        if loader.shuffle == "blocks":
            given = [*leaves(self.X), *leaves(self.y), *leaves(loader.sample_weight)]
            self._blocks = Blocks(given, loader.rng, None if state is None else np.asarray(self._order))
            self._order = self._blocks.state()
        elif state is not None:
            if not (_is_order(self._order, loader.samples) if ordered else self._order is None):
                raise ValueError("the order of the rows is not one of this loader")
        elif loader.shuffle == "bucketed":
            self._order = bucketed_order(lengths_of(loader.X), loader.batch_size, loader.rng)
        elif ordered:
            self._order = loader.rng.permutation(loader.samples)
        gather = bool(loader.shuffle)
        self._x_of, self._y_of = (_reader(tree, gather, self._blocks) for tree in (self.X, self.y))
        self._plain = loader.collate is loader.sample_weight is None
        self._of_bytes = self._plain and any(leaf.dtype == np.uint8 for leaf in leaves(self.X))
        weights = loader.sample_weight
        self._weight_of = None if weights is None else _reader(weights, gather, self._blocks)

    def __repr__(self) -> str:
        return f"Epoch({self._done:,} of {self._length:,} batches done)"

    def __iter__(self) -> Self:
        """Return itself: it is used up as it goes."""
        return self

    def __next__(self) -> Batch:
        """Return the next batch, (x, y) or (x, y, sample_weight)."""
        if self._done == self._length:
            raise StopIteration
        rows = self.rows = self._next_rows(1)
        if self.part is not None:
            return self._own(rows)
        if not self._plain:
            return self._prepared(rows)
        x, loader = self._x_of(rows), self._loader
        if self._of_bytes or loader.transform is not None:
            x = loader.prepared(x)
        return x, self._y_of(rows)

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

    @property
    def done(self) -> int:
        """How many batches are done."""
        return self._done

    def back_to(self, done: int) -> None:
        """Count only the first so many batches as done; what was drawn for the others is put back elsewhere."""
        self._done = done

    def _next_rows(self, batches: int) -> Rows | slice:
        """Return the rows of the next batches, which are there, and count these as done."""
        size = self._loader.batch_size
        start, self._done = self._done, self._done + batches
        if self._order is not None and self._blocks is None:
            return self._order[start * size : self._done * size]
        if self._resampled:
            draws = [self._loader.rng.choice(self._samples, size, replace=False) for _ in range(batches)]
            return np.concatenate(draws) if draws else np.arange(0)
        if self._blocks is not None:
            return self._blocks.rows(start * size, self._done * size)
        return slice(start * size, self._done * size)

    def _prepared(self, rows: Rows | slice, rng: np.random.Generator | None = None) -> Batch:
        """Return the batch of these rows."""
        x, y = self._x_of(rows), self._y_of(rows)
        if self._loader.collate is not None:
            x, y = collated(self._loader.collate, x, y)
        x = self._loader.prepared(x, rng)
        return (x, y) if self._weight_of is None else (x, y, self._weight_of(rows))

    def _own(self, rows: Rows | slice) -> Batch:
        """Return the rank's part of a batch. An empty one is cut off a sample, because its arrays have a form, too."""
        size = min(rows.stop, self._samples) - rows.start if isinstance(rows, slice) else len(rows)
        own = self.part.rows(size)
        self.rows = _cut(rows, own)
        if own.start < own.stop:
            return self._prepared(self.rows, self.part.rng)
        batch = self._prepared(_cut(rows, slice(0, 1)), self.part.rng)
        return cast("Batch", tuple(taken(tree, slice(0)) for tree in batch))

    def state_dict(self) -> dict[str, Any]:
        """Return how many batches are done, and the order of the rows, or what decides it."""
        return {"done": self._done, "order": self._order}


def _cut(rows: Rows | slice, part: slice) -> Rows | slice:
    return slice(rows.start + part.start, rows.start + part.stop) if isinstance(rows, slice) else rows[part]


def _is_order(value: Any, samples: int) -> bool:
    """Whether a value is an order of so many rows."""
    is_order = isinstance(value, np.ndarray) and value.dtype.kind == "i"
    return is_order and np.array_equal(np.sort(value), np.arange(samples))


def _reader(tree: Any, gather: bool, blocks: Blocks | None) -> Callable[[Any], Any]:
    """Return what gathers rows, or else views a slice of them read-only, because a batch is not to be written into."""
    if type(tree) is tuple:
        readers = [_reader(leaf, gather, blocks) for leaf in tree]
        return lambda rows: tuple([read(rows) for read in readers])
    if type(tree) is dict:
        named = {key: _reader(leaf, gather, blocks) for key, leaf in tree.items()}
        return lambda rows: {key: read(rows) for key, read in named.items()}
    if type(tree) is list:  # samples for a collate function
        return (lambda rows: [tree[row] for row in rows]) if gather else tree.__getitem__
    if blocks is not None and on_disk(tree):
        return WindowReader(tree, blocks)
    if isinstance(tree, Stored):
        return tree.__getitem__
    if gather:  # `take` is faster than an index, but first copies all of an array that is not contiguous
        return partial(tree.take, axis=0) if tree.flags.c_contiguous else cast("Callable[[Any], Any]", tree.__getitem__)
    view = tree[...]
    view.flags.writeable = False
    return cast("Callable[[Any], Any]", view.__getitem__)
