"""An array in a file: its rows are read, and not mapped into memory, so that a limit of the process may be smaller."""

import os
from io import FileIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from minnet.core.stored import Ranges, Stored
from minnet.data.files.layout import BFLOAT16, Layout
from minnet.errors import DataError, DataNotFoundError
from minnet.untrusted.bounded import data_error, unreadable

Bytes = NDArray[np.uint8]


class ArrayFile(Stored):
    """An array in a file, whose rows are read when they are asked for; `mn.data.open_array` makes one.

    The file is opened for each read, and closed. So nothing is left open, thousands of files may be used, and copies in
    other threads and processes do not disturb each other.
    """

    def __init__(self, path: Path, layout: Layout, status: os.stat_result, name: str | None = None) -> None:
        self.path, self.name, self.shape = path.absolute(), name, layout.shape
        self._layout, self._seen = layout, _seen(status)
        self.dtype = np.dtype(np.float32) if layout.dtype == BFLOAT16 else layout.dtype.newbyteorder("=")

    def __repr__(self) -> str:
        name = "" if self.name is None else f", {self.name!r}"
        return f"open_array({str(self.path)!r}{name}) {self.shape} {self.dtype}"

    def read(self, ranges: Ranges) -> NDArray[np.generic]:
        """Read rows. Raises DataError, which names the file and the rows, if the file is not as it was."""
        rows, width = sum(stop - start for start, stop in ranges), self._layout.row_bytes
        found = np.empty(rows * width, np.uint8)
        at = 0
        try:
            with self.path.open("rb", buffering=0) as file:
                if _seen(os.fstat(file.fileno())) != self._seen:
                    raise self._changed(ranges, "another one: it was written to, or replaced, after it was opened")
                for start, stop in ranges:
                    part = found[at : at + (stop - start) * width]
                    if not (self._read_columns if self._layout.fortran else self._read_rows)(file, start, part):
                        raise self._changed(ranges, "its end too early: it was cut off while it was read")
                    at += len(part)
        except (FileNotFoundError, NotADirectoryError):
            raise DataNotFoundError(f"{self.path}: the file was removed; {_rows(ranges)} were to be read") from None
        except OSError as error:
            raise unreadable(self.path, error) from None
        return self._numbers(found, rows)

    def _read_rows(self, file: FileIO, start: int, part: Bytes) -> bool:
        """Read rows of an array in C order; return whether the file has them all."""
        return self._fill(file, start * self._layout.row_bytes, part)

    def _fill(self, file: FileIO, offset: int, part: Bytes) -> bool:
        """Read the bytes from an offset on; return whether there were as many."""
        file.seek(self._layout.offset + offset)
        read = 0
        while read < len(part):  # one call of the system reads 2 GB at most
            count = file.readinto(part[read:].data)
            if not count:
                return False
            read += count
        return True

    def _read_columns(self, file: FileIO, start: int, part: Bytes) -> bool:
        """Read rows of an array in Fortran order, a piece of each column, and put them in C order."""
        size, columns = self._layout.dtype.itemsize, self._layout.row_bytes // self._layout.dtype.itemsize
        rows = len(part) // (columns * size)
        pieces = np.empty((columns, rows * size), np.uint8)
        for column, piece in enumerate(pieces):
            if not self._fill(file, (column * len(self) + start) * size, piece):
                return False
        numbers = pieces.view(f"V{size}").reshape(*reversed(self.shape[1:]), rows).T
        part[:] = np.ascontiguousarray(numbers).reshape(-1).view(np.uint8)
        return True

    def _numbers(self, found: Bytes, rows: int) -> NDArray[np.generic]:
        """Return the bytes of rows as numbers in the processor's order."""
        shape = (rows, *self.shape[1:])
        if self._layout.dtype == BFLOAT16:
            return (found.view("<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
        array = found.view(self._layout.dtype)
        return array.astype(self.dtype, copy=False).reshape(shape)

    def _changed(self, ranges: Ranges, found: str) -> DataError:
        cure = "Leave the files of a data set alone while they are in use, and open them anew."
        return data_error(self.path, f"the file as it was, for {_rows(ranges)}", found, cure)


def _seen(status: os.stat_result) -> tuple[int, int, int]:
    """Return what tells a file from another one, or from itself at another time."""
    return status.st_ino, status.st_size, status.st_mtime_ns


def _rows(ranges: Ranges) -> str:
    filled = [(start, stop) for start, stop in ranges if stop > start] or [(0, 1)]
    return f"rows {filled[0][0]:,} to {filled[-1][1] - 1:,}"
