"""Shards are parts of one array, such as files, whose rows follow one another."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.checks import named
from minnet.core.chunked import as_stored
from minnet.core.foreign import is_foreign
from minnet.core.foreign import read as read_foreign
from minnet.core.stored import Ranges, Stored
from minnet.data.files.opening import open_array


class Shards(Stored):
    """Several arrays, one after another, as one: the rows of the first, then those of the second, and so on.

    It is indexed, and used, as what `mn.data.open_array` returns. A shard may have no rows.

    Parameters
    ----------
    parts
        The shards, in their order: paths of files that `mn.data.open_array` opens, or arrays, such as of NumPy, a
        ``np.memmap``, of Zarr, or what `mn.data.open_array` returns. They have one dtype, and rows of one shape.

    Raises
    ------
    DataError, DataNotFoundError
        What `mn.data.open_array` raises.
    TypeError, ValueError
        If there is no shard, or one is no array, or differs from the first: the message names it.

    Examples
    --------
    >>> shards = Shards([np.zeros((3, 2)), np.ones((1, 2))])
    >>> shards.shape, shards[2:]
    ((4, 2), array([[0., 0.],
           [1., 1.]]))
    """

    def __init__(self, parts: Iterable[Any]) -> None:
        if isinstance(parts, str | os.PathLike | np.ndarray | Stored | Mapping) or not isinstance(parts, Iterable):
            cure = "pass a list, such as sorted(Path('data').glob('images-*.npy'))"
            raise TypeError(f"Shards expected a list of paths or arrays, got {named(parts)}: {cure}")
        self.parts = [_part(i, part) for i, part in enumerate(parts)]
        if not self.parts:
            raise ValueError("Shards expected at least one path or array, got none: did a pattern match no file?")
        first = self.parts[0]
        for i, part in enumerate(self.parts):
            if part.shape[1:] != first.shape[1:] or part.dtype != first.dtype:
                raise ValueError(
                    f"Shards expected rows of shape {first.shape[1:]}, {first.dtype}, as in {_name(0, first)}, got "
                    f"{part.shape[1:]}, {part.dtype}, in {_name(i, part)}: convert it, or leave it out"
                )
        self._starts = np.cumsum([0, *map(len, self.parts)])
        self.shape, self.dtype = (int(self._starts[-1]), *first.shape[1:]), first.dtype
        self.chunk = getattr(first, "chunk", 1)

    def __repr__(self) -> str:
        return f"Shards({len(self.parts)}) {self.shape} {self.dtype}"

    def read(self, ranges: Ranges, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Read rows, which may be in several shards."""
        found = self.empty(ranges) if out is None else out
        at = 0
        for part, own in self._by_part(ranges):
            count = sum(stop - start for start, stop in own)
            if isinstance(part, Stored):
                part.read(own, found[at : at + count])
            else:
                np.concatenate([part[start:stop] for start, stop in own], out=found[at : at + count])
            at += count
        return found

    def gather(self, index: NDArray[np.intp]) -> NDArray[Any]:
        """Return rows in any order; of arrays, each shard is indexed once, and of files, rows are read in order."""
        if any(isinstance(part, Stored) for part in self.parts):
            return super().gather(index)
        found = np.empty((len(index), *self.shape[1:]), self.dtype)
        which = np.searchsorted(self._starts, index, side="right") - 1
        for i in np.unique(which):
            own = np.flatnonzero(which == i)
            found[own] = self.parts[i][index[own] - self._starts[i]]
        return found

    def _by_part(self, ranges: Ranges) -> list[tuple[Any, Ranges]]:
        """List the shards, with the ranges in each, counted from its first row."""
        pieces: list[tuple[Any, Ranges]] = []
        for start, stop in ranges:
            i = int(np.searchsorted(self._starts, start, side="right")) - 1
            while start < stop:
                begin, end = int(self._starts[i]), min(stop, int(self._starts[i + 1]))
                if end > start:
                    if not pieces or pieces[-1][0] is not self.parts[i]:
                        pieces.append((self.parts[i], []))
                    pieces[-1][1].append((start - begin, end - begin))
                start, i = max(start, end), i + 1
        return pieces


def _part(i: int, part: Any) -> Any:
    """Return a shard as an array in memory, or a stored one."""
    if isinstance(part, str | os.PathLike):
        return open_array(part)
    part = as_stored(part)
    if is_foreign(part) and not isinstance(part, Stored):
        part = read_foreign(part)
    if not isinstance(part, np.ndarray | Stored) or part.ndim == 0:
        raise TypeError(
            f"Shards expected parts[{i}] to be a path, or an array with an axis of samples, got {named(part)}: pass "
            "np.asarray of it"
        )
    if part.dtype.kind not in "iufb":
        raise TypeError(f"Shards expected numbers, got {part.dtype} in {_name(i, part)}: store it as numbers")
    return part


def _name(i: int, part: Any) -> str:
    return str(part) if isinstance(part, Stored) else f"parts[{i}], {named(part)}"
