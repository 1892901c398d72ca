"""An array in a file: its rows are read, and not mapped into memory, so that a limit of the process may be smaller."""

import os
from io import FileIO
from pathlib import Path
from typing import Any

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

    def read(self, ranges: Ranges, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Read rows. Raises DataError, which names the file and the rows, if the file is not as it was."""
        numbers = self.empty(ranges) if out is None else out
        if self._layout.dtype == self.dtype:
            self._read(ranges, numbers.reshape(-1).view(np.uint8))
            return numbers
        found = np.empty(len(numbers) * self._layout.row_bytes, np.uint8)
        self._read(ranges, found)
        if self._layout.dtype == BFLOAT16:  # the upper half of a float32
            found = (found.view("<u2").astype(np.uint32) << 16).view(np.uint8)
            numbers[:] = found.view(np.float32).reshape(numbers.shape)
        else:
            numbers[:] = found.view(self._layout.dtype).reshape(numbers.shape)
        return numbers

    def _read(self, ranges: Ranges, found: Bytes) -> None:
        """Read the bytes of rows."""
        width, at = self._layout.row_bytes, 0
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

    def _changed(self, ranges: Ranges, found: str) -> DataError:
        cure = "Leave the files of a data set alone while they are in use, and open them anew."
        return data_error(self.path, f"the file as it was, for {_rows(ranges)}", found, cure)


def _seen(status: os.stat_result) -> tuple[int, int, int]:
    """Return what tells a file from another one, or from itself at another time."""
    return status.st_ino, status.st_size, status.st_mtime_ns


def _rows(ranges: Ranges) -> str:
    filled = [(start, stop) for start, stop in ranges if stop > start] or [(0, 1)]
    return f"rows {filled[0][0]:,} to {filled[-1][1] - 1:,}"
