"""An Epoch is one pass over a DataLoader: it knows where it is, and can go on from there another day."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from minnet.data.loader import Batch, DataLoader, Rows


class Epoch:
    """The batches of one pass, as an iterator. Two that run at once do not disturb each other.

    Parameters
    ----------
    loader
        Whose batches.
    state
        What `state_dict` returned, to go on from there.

    Attributes
    ----------
    X, y : ndarray
        The data set.
    rows : slice or (N,) array of int
        Which rows of the data the last batch is.

    Raises
    ------
    ValueError
        If the state is of another loader.
    """

    def __init__(self, loader: "DataLoader", state: dict[str, Any] | None = None) -> None:
        self.rows: "Rows | slice" = slice(0, 0)
        self.X, self.y = loader.X, loader.y
        self._loader = loader
        self._done, self._length = 0, len(loader)
        self._order: "Rows | None" = None
        if state is not None:
            self._done, self._order = state["done"], state["order"]
            if not 0 <= self._done <= self._length:
                raise ValueError(f"{self._done} batches of {self._length} are done")
            if not _is_order(self._order, len(loader.X) if loader.shuffle and not loader.fresh else None):
                raise ValueError("an order of the rows that is none of this loader")
        elif loader.shuffle and not loader.fresh:
            self._order = loader.rng.permutation(len(loader.X))
        if loader.fresh or loader.shuffle:
            self._take_x, self._take_y = _gatherer(self.X), _gatherer(self.y)
        else:
            self._take_x, self._take_y = partial(_read_only, self.X), partial(_read_only, self.y)

    def __iter__(self) -> Self:
        """Return itself: it is used up as it goes."""
        return self

    def __next__(self) -> "Batch":
        """Return the next batch (x, y)."""
        if self._done == self._length:
            raise StopIteration
        loader, start = self._loader, self._done * self._loader.batch_size
        rows: "Rows | slice"
        if loader.fresh:
            rows = self._draw()
        elif self._order is not None:
            rows = self._order[start : start + loader.batch_size]
        else:
            rows = slice(start, start + loader.batch_size)
        self._done, self.rows = self._done + 1, rows
        return loader.prepared(self._take_x(rows)), self._take_y(rows)

    def ahead(self, batches: int) -> NDArray[np.int64]:
        """Return the rows of the next batches, one batch after the other, and count these as done.

        Parameters
        ----------
        batches
            How many, at most: an epoch has no more than are left.
        """
        batches, loader = min(batches, self._length - self._done), self._loader
        self._before = self._done, loader.rng.bit_generator.state if loader.fresh else None
        start, self._done = self._done * loader.batch_size, self._done + batches
        end = min(self._done * loader.batch_size, len(self.X))
        rows: Rows
        if loader.fresh:
            rows = np.ravel([self._draw() for _ in range(batches)])
        elif self._order is not None:
            rows = self._order[start:end]
        else:
            rows = np.arange(start, end)
        return rows.astype(np.int64, copy=False)

    def back(self, batches: int) -> None:
        """Count only the first so many batches of the last `ahead` as done; the others are still to come."""
        self._done, state = self._before
        if state is not None:
            self._loader.rng.bit_generator.state = state
        self.ahead(batches)

    def _draw(self) -> "Rows":
        """Draw a batch for itself."""
        return self._loader.rng.choice(len(self.X), self._loader.batch_size, replace=False)

    def state_dict(self) -> dict[str, Any]:
        """Return where it is: how many batches are done, and the order of the rows."""
        return {"done": self._done, "order": self._order}


def _is_order(order: object, rows: int | None) -> bool:
    """Whether it is an order of so many rows; or None, if there is to be none."""
    if rows is None or not isinstance(order, np.ndarray) or order.dtype.kind != "i":
        return rows is None and order is None
    return np.array_equal(np.sort(order), np.arange(rows))


def _gatherer(array: NDArray[Any]) -> Callable[[Any], NDArray[Any]]:
    """Return what gathers rows; `take` is faster than an index, but first copies all of an array not contiguous."""
    return partial(array.take, axis=0) if array.flags.c_contiguous else array.__getitem__


def _read_only(array: NDArray[Any], rows: slice) -> NDArray[Any]:
    """Return a view of rows that protects the data set from who writes into a batch."""
    view: NDArray[Any] = array[rows]
    view.flags.writeable = False
    return view
