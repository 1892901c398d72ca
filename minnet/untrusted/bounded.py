"""A bounded reader reads a file, gzipped or not, and never returns more bytes than it was allowed to.

What a data file from elsewhere says of itself may be false: a length field may lie, and a kilobyte of gzip may unpack
to a gigabyte. So memory is only taken for bytes that have been read.
"""

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO, Self

from minnet.errors import DataError, DataNotFoundError

_CHUNK = 1 << 18
_MAX_GZIP_MEMBERS = 10_000  # a gzip file may have many; a million empty ones would take a second and hold nothing
_IDLE = 1 << 20  # bytes of gzip that may hold nothing, such as empty blocks
_GZIP_MAGIC = b"\x1f\x8b"
_LOOKS_LIKE = (
    (b"", "nothing: the file is empty", "a download that never started"),
    (b"<", "text that starts with '<'", "an HTML page, such as an error or log-in page, saved in its place"),
    (b"{", "text that starts with '{'", "a message or an index in JSON, in its place"),
    (b"\x1f\x8b", "gzip data", "a file that was compressed twice: unpack it once"),
    (b"PK\x03\x04", "a zip archive", "an archive that has to be unpacked first"),
    (b"BZh", "bzip2 data", "an archive that has to be unpacked first"),
    (b"\xfd7zXZ", "xz data", "an archive that has to be unpacked first"),
    (b"version https://git-lfs", "a Git LFS pointer", "a checkout without Git LFS: run 'git lfs pull'"),
    (b"\x00\x00\x08", "IDX data", "another file of MNIST under this name"),
    (b"\x80", "a pickle", "another file of MNIST under this name"),
)


def data_error(path: Path, expected: str, found: str, cure: str) -> DataError:
    """Return an error that says of a data file what was expected, what was found, and what to do about it."""
    return DataError(f"{path}: expected {expected}, found {found}\n{cure}")


def unreadable(path: Path, error: OSError) -> DataError:
    """Return an error that says why the system does not let a data file be read."""
    cure = "Likely cause: its permissions, a disk that fails, or no file of data. Check the path."
    return data_error(path, "a file that can be read", f"an error of the system ({error.strerror})", cure)


def looks_like(head: bytes) -> tuple[str, str]:
    """Describe a file by its first bytes: what they are, and the likely cause if they are wrong."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for start, found, cause in _LOOKS_LIKE:
        if (text.startswith(start) or head.startswith(start)) if start else not head:
            return found, f"Likely cause: {cause}."
    return f"bytes {head[:4].hex(' ')}", "Likely cause: another file under this name, or a damaged download."


class BoundedReader:
    """At most so many bytes of a file, unpacked if their first two are those of gzip, whatever the file's name.

    Raises DataNotFoundError if there is no such file, and DataError if it is not a regular file, cannot be read, is too
    large, cut off, or damaged.
    """

    def __init__(self, path: str | os.PathLike[str], max_bytes: int):
        self.path = Path(path)
        self.max_bytes = self._left = max_bytes
        self._ready, self._position = b"", 0  # the chunk that is being read, and the position in it
        self._members = 1
        try:
            # Not exists(): from Python 3.14 on, it is False of a file that may not be looked at, too.
            if not S_ISREG(self.path.stat().st_mode):  # opening a named pipe would wait for ever
                raise data_error(self.path, "a file", "a folder or a device", "Give the path of the file itself.")
            self._file: BinaryIO = self.path.open("rb")
        except (FileNotFoundError, NotADirectoryError):
            raise DataNotFoundError(f"there is no file {self.path}") from None
        except OSError as error:
            raise unreadable(self.path, error) from None
        self._size = os.fstat(self._file.fileno()).st_size
        if self._size > max_bytes + _CHUNK:  # gzip adds some bytes to what it cannot compress
            self._file.close()
            raise self._too_large()
        self._packed, self._before = 0, max_bytes  # the length of the last piece of gzip, and `_left` before it
        self._idle = 0  # bytes of gzip that held nothing
        head = self._from_disk(2)
        self._file.seek(0)
        self._gzip = zlib.decompressobj(31) if head == _GZIP_MAGIC else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, count: int) -> bytearray:
        """Read exactly `count` bytes, or raise `DataError`."""
        data = bytearray()
        for chunk in self.chunks(count):
            data += chunk
        return data

    def chunks(self, count: int) -> Iterator[bytes]:
        """Read exactly `count` bytes, a chunk at a time, or raise `DataError`."""
        if count > self._left + len(self._ready) - self._position:
            raise self._too_large()
        missing = count
        while missing:
            chunk = self.read_at_most(missing)
            if not chunk:
                raise self._damaged(f"{count:,} more bytes", f"only {count - missing:,}: the file is cut off")
            missing -= len(chunk)
            yield chunk

    def read_line(self, longest: int) -> bytes:
        """Read a line of at most `longest` bytes; the newline is taken and not returned."""
        line = bytearray()
        while (byte := bytes(self.read(1))) != b"\n":
            line += byte
            if len(line) > longest:
                raise self._damaged(f"a line of at most {longest} bytes", "a longer one")
        return bytes(line)

    def expect_end(self) -> None:
        """Raise `DataError` unless every byte has been read."""
        if self.read_at_most(1):
            raise self._damaged("the end of the file", "more bytes after it")

    def peek(self, count: int) -> bytes:
        """Return the next bytes without reading on: at most `count`, fewer near the end of a chunk."""
        if self._position == len(self._ready):
            self._ready, self._position = self._next_chunk(), 0
        return self._ready[self._position : self._position + count]

    def read_at_most(self, count: int) -> bytes:
        """Read from 1 to `count` bytes, or none at the end of the file."""
        chunk = self.peek(count)
        self._position += len(chunk)
        return chunk

    def _next_chunk(self) -> bytes:
        chunk = self._from_disk(_CHUNK) if self._gzip is None else self._unpack()
        self._left -= len(chunk)
        if self._left < 0:
            raise self._too_large()
        return chunk

    def _from_disk(self, count: int) -> bytes:
        """Read from the file; nothing if it has no size, as a window into the system in /proc, which may never end."""
        try:
            return self._file.read(count) if self._size else b""
        except OSError as error:
            self._file.close()
            raise unreadable(self.path, error) from None

    def _next_packed(self) -> bytes:
        """Read gzip data, as long as they unpack to something: empty blocks would take a minute, and hold nothing."""
        self._idle += max(0, self._packed - 2 * (self._before - self._left))
        if self._idle > _IDLE:
            raise self._damaged("gzip data", f"{self._idle:,} bytes of them that hold nothing")
        packed = self._from_disk(_CHUNK)
        self._packed, self._before = len(packed), self._left
        return packed

    def _unpack(self) -> bytes:
        assert self._gzip is not None
        while True:
            if self._gzip.eof:
                # Zeros may pad a gzip file at its end; anything else has to be another member.
                packed = self._gzip.unused_data.lstrip(b"\0")
                while not packed and (more := self._from_disk(_CHUNK)):
                    packed = more.lstrip(b"\0")
                if not packed:
                    return b""
                self._members += 1
                if self._members > _MAX_GZIP_MEMBERS:
                    raise self._damaged("whole gzip data", f"more than {_MAX_GZIP_MEMBERS:,} gzip members")
                self._gzip = zlib.decompressobj(31)
            else:
                packed = self._gzip.unconsumed_tail or self._next_packed()
                if not packed:
                    raise self._damaged("whole gzip data", "its end too early")
            try:
                chunk = self._gzip.decompress(packed, _CHUNK)
            except zlib.error as error:
                raise self._damaged("whole gzip data", f"a fault ({error})") from None
            if chunk:
                return chunk

    def _damaged(self, expected: str, found: str) -> DataError:
        cure = "Likely cause: a half-finished or damaged download or copy. Fetch the file again."
        return data_error(self.path, expected, found, cure)

    def _too_large(self) -> DataError:
        cure = "Likely cause: a damaged file, another one under this name, or a gzip bomb. Fetch the file again."
        return data_error(
            self.path, f"at most {self.max_bytes:,} bytes of data", "more, or a header that claims more", cure
        )
