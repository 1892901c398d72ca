"""Arrays of other libraries that lie on a disk in chunks, such as Zarr's and HDF5's, are read by their rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.stored import Ranges, Stored


class Chunked(Stored):
    """An array of Zarr, h5py, or any that says its `chunks`: what is read of it is read by whole chunks, and once.

    The last chunk of a read is kept, because the next batch often begins inside it.
    """

    def __init__(self, data: Any) -> None:
        self._data = data
        self.shape, self.dtype = tuple(map(int, data.shape)), np.dtype(data.dtype).newbyteorder("=")
        self.chunk = max(1, int(data.chunks[0])) if data.chunks else 1
        self._kept: tuple[int, NDArray[Any]] = 0, np.empty((0, *self.shape[1:]), self.dtype)

    def __repr__(self) -> str:
        kind = type(self._data)
        return f"{kind.__module__.partition('.')[0]}.{kind.__name__} {self.shape} {self.dtype}"

    def read(self, ranges: Ranges, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Read rows: each chunk once, if the ranges ascend."""
        found = self.empty(ranges) if out is None else out
        at = 0
        for start, stop in ranges:
            while start < stop:
                rows = self._first(start, stop)
                found[at : at + len(rows)] = rows
                at, start = at + len(rows), start + len(rows)
        return found

    def _first(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows from `start` on: those of the chunk that is kept, or else all up to `stop`."""
        begin, kept = self._kept
        if begin <= start < begin + len(kept):
            return kept[start - begin : stop - begin]
        begin, end = start - start % self.chunk, min(-(-stop // self.chunk) * self.chunk, len(self))
        try:
            rows = np.asarray(self._data[begin:end], self.dtype)
        except Exception as error:
            error.add_note(f"in rows {begin:,} to {end - 1:,} of {self}")
            raise
        if self.chunk > 1:
            last = (end - 1) // self.chunk * self.chunk
            self._kept = last, rows[last - begin :].copy()
        return rows[start - begin : stop - begin]


def as_stored(data: Any) -> Any:
    """Return an array that says its chunks as a `Stored` one, and anything else as it is.

    h5py's datasets may have no chunks; they are known by their `read_direct`.
    """
    chunks = getattr(data, "chunks", None)
    in_chunks = isinstance(chunks, tuple) and bool(chunks) and all(isinstance(size, int) for size in chunks)
    if not in_chunks and not (chunks is None and hasattr(data, "read_direct")):
        return data
    has_rows = all(hasattr(data, name) for name in ("shape", "dtype", "__getitem__")) and len(data.shape) > 0
    return Chunked(data) if has_rows and isinstance(data.dtype, np.dtype) else data
