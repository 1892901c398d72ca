"""A place is where the bytes of a record are in a file; they are read when a tensor wants them, and not before."""

import pickle
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

from minnet.torch.reading.unpickler import DAMAGED, refused


class Place(NamedTuple):
    """So many bytes from this position of a file on, and their CRC-32 (0 if nobody computed it)."""

    start: int
    size: int
    crc: int = 0


class Piece:
    """The next bytes of an open file, so many at most: the source of an unpickler."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.left = size

    def read(self, count: int) -> bytes:
        """Read exactly so many bytes."""
        data = self._file.read(count) if count <= self.left else b""
        if len(data) < count:
            raise pickle.UnpicklingError(f"{self.left:,} bytes where there should be {count:,} more: it is cut off")
        self.left -= count
        return data

    def read_line(self, longest: int) -> bytes:
        """Read a line of at most so many bytes; the newline is taken and not returned."""
        line = self._file.readline(min(longest + 1, self.left))
        self.left -= len(line)
        if not line.endswith(b"\n"):
            raise pickle.UnpicklingError(f"a line of more than {min(longest, self.left + len(line)):,} bytes")
        return line[:-1]


def read_place(file: BinaryIO, path: Path, what: str, place: Place) -> bytearray:
    """Read the bytes of a place; CheckpointError if they are not those that were written."""
    file.seek(place.start)
    data = bytearray(place.size)
    count = file.readinto(data)  # type: ignore[attr-defined]
    if count != place.size:
        raise refused(path, f"{count:,} of the {place.size:,} bytes of {what}", DAMAGED)
    if place.crc and zlib.crc32(data) != place.crc:
        raise refused(path, f"{what} with a wrong CRC-32", DAMAGED)
    return data
