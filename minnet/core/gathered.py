"""Gathered rows are those of many batches in one array, or in one tree of arrays."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.checks import named
from minnet.core.trees import first, joined, mapped


class Gathered:
    """The rows of batches, one batch after the other in one array, which grows if there are more than expected.

    Parameters
    ----------
    expected
        How many rows there will be; 0 if that is not known.
    cure
        What to do about rows of several shapes: the end of that message.
    """

    def __init__(self, expected: int = 0, cure: str = "") -> None:
        self._expected, self._cure, self._rows = expected, cure, 0
        self._array: NDArray[Any] | None = None

    def add(self, batch: ArrayLike) -> None:
        """Copy the rows of a batch behind the others. A ValueError, if they have another shape."""
        rows = np.atleast_1d(batch)
        start, self._rows = self._rows, self._rows + len(rows)
        if self._array is None:
            self._array = np.empty((max(self._expected, self._rows), *rows.shape[1:]), rows.dtype)
        if rows.shape[1:] != self._array.shape[1:]:
            raise ValueError(
                f"expected rows of one shape in all batches, {self._array.shape[1:]}, got {rows.shape[1:]}{self._cure}"
            )
        dtype = np.result_type(self._array, rows)
        if self._rows > len(self._array) or dtype != self._array.dtype:
            capacity = max(len(self._array), 2 * self._rows if self._rows > len(self._array) else 0)
            grown = np.empty((capacity, *rows.shape[1:]), dtype)
            grown[:start] = self._array[:start]
            self._array = grown
        self._array[start : self._rows] = rows

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._rows

    @property
    def array(self) -> NDArray[Any]:
        """All rows so far; a ValueError, if there was no batch."""
        if self._array is None:
            raise ValueError("there was no batch")
        return self._array[: self._rows]


class GatheredTree:
    """The rows of batches that are arrays, or tuples or dicts of arrays; the parameters are those of `Gathered`."""

    def __init__(self, expected: int = 0, cure: str = "") -> None:
        self._expected, self._cure = expected, cure
        self._parts: Any = None  # a tree of Gathered, of the batches' form

    def add(self, batch: Any) -> None:
        """Copy the rows of a batch behind the others. A ValueError, if they have another form or shape."""
        if self._parts is None:
            self._parts = mapped(lambda _: Gathered(self._expected, self._cure), batch)
        if type(self._parts) is not (type(batch) if type(batch) in (tuple, dict) else Gathered):
            raise ValueError(f"expected one form in all batches, got {named(batch)}")
        joined(lambda pair: pair[0].add(pair[1]), [self._parts, batch])

    def __len__(self) -> int:
        """Return the number of rows."""
        return 0 if self._parts is None else len(first(self._parts))

    @property
    def tree(self) -> Any:
        """All rows so far, in the form of the batches; a ValueError, if there was no batch."""
        if self._parts is None:
            raise ValueError("there was no batch")
        return mapped(lambda gathered: gathered.array, self._parts)
