import gzip
import os

import pytest

from minnet.data.mnist.bounded import BoundedReader, looks_like
from minnet.errors import DataError, DataNotFoundError


@pytest.fixture(params=["plain", "gzip", "gzip in two members"])
def path(request, tmp_path):
    """Write the bytes 0..255 four times, in each of the forms that a reader takes."""
    content = bytes(range(256)) * 4
    if request.param == "gzip":
        content = gzip.compress(content)
    elif request.param == "gzip in two members":
        content = gzip.compress(content[:100]) + gzip.compress(content[100:])
    file = tmp_path / "file"
    file.write_bytes(content)
    return file


def test_it_reads_what_is_there(path):
    with BoundedReader(path, 1024) as file:
        assert file.peek(2) == b"\0\1"
        assert file.read(300) == bytes(range(256)) + bytes(range(44))
        assert b"".join(file.chunks(724)) == (bytes(range(256)) * 4)[300:]
        file.expect_end()


def test_it_does_not_read_more_than_is_there(path):
    with BoundedReader(path, 2000) as file, pytest.raises(DataError, match=r"only 1,024: the file is cut off"):
        file.read(1025)


def test_it_does_not_read_more_than_is_allowed(path):
    with pytest.raises(DataError, match="at most 1,023 bytes"), BoundedReader(path, 1023) as file:
        file.read(1024)


def test_what_follows_is_an_error(path):
    with BoundedReader(path, 1024) as file:
        file.read(1023)
        with pytest.raises(DataError, match="expected the end of the file, found more bytes"):
            file.expect_end()


def test_lines_are_bounded(tmp_path):
    file = tmp_path / "lines"
    file.write_bytes(b"short\n" + b"x" * 50)
    with BoundedReader(file, 100) as reader:
        assert reader.read_line(10) == b"short"
        with pytest.raises(DataError, match="a line of at most 10 bytes"):
            reader.read_line(10)


def test_cut_gzip_is_named(tmp_path):
    file = tmp_path / "cut.gz"
    file.write_bytes(gzip.compress(os.urandom(5000))[:-20])
    with BoundedReader(file, 10_000) as reader, pytest.raises(DataError, match=r"cut\.gz: expected whole gzip data"):
        reader.read(5000)


def test_what_is_no_file(tmp_path):
    with pytest.raises(DataNotFoundError, match="there is no file"):
        BoundedReader(tmp_path / "missing", 10)
    with pytest.raises(DataError, match="a folder or a device"):
        BoundedReader(tmp_path, 10)


@pytest.mark.parametrize(
    ("head", "found"),
    [(b"", "nothing"), (b"\n <html>", "text that starts with '<'"), (b"PK\3\4", "a zip archive"), (b"abcd", "bytes")],
)
def test_a_file_is_named_by_its_first_bytes(head, found):
    assert looks_like(head)[0].startswith(found)
