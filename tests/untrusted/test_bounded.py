import errno
import gzip
import os
import zlib
from pathlib import Path

import pytest

from minnet.data.mnist.dataset import load_mnist
from minnet.data.mnist.idx import read_idx
from minnet.data.mnist.pickles import read_mnist_pickle
from minnet.errors import DataError, DataNotFoundError
from minnet.untrusted.bounded import BoundedReader, looks_like


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


EMPTY_BLOCKS = {"stored": b"\0\0\0\xff\xff", "fixed": bytes.fromhex("0208208000")}


@pytest.mark.parametrize("kind", EMPTY_BLOCKS)
def test_gzip_of_empty_blocks_is_given_up_soon(tmp_path, kind, monkeypatch):
    """100 MB of them took half a minute, and hold nothing."""
    read = []
    unpack = BoundedReader._from_disk
    monkeypatch.setattr(BoundedReader, "_from_disk", lambda self, count: read.append(count) or unpack(self, count))
    file = tmp_path / "idle.gz"
    packer = zlib.compressobj(wbits=31)
    start = packer.compress(bytes(10_000_000)) + packer.flush(zlib.Z_SYNC_FLUSH)
    file.write_bytes(start + EMPTY_BLOCKS[kind] * 3_000_000)
    with (
        BoundedReader(file, 1 << 26) as reader,
        pytest.raises(DataError, match=r"1,\d+,\d+ bytes of them that hold noth"),
    ):
        reader.read(10_000_001)
    assert sum(read) < 1 << 21


def test_gzip_with_many_flushes_is_read(tmp_path):
    packer = zlib.compressobj(wbits=31)
    content = os.urandom(100)
    packed = (
        b"".join(packer.compress(content) + packer.flush(zlib.Z_SYNC_FLUSH) for _ in range(20_000)) + packer.flush()
    )
    assert len(packed) < 2 * len(content) * 20_000
    file = tmp_path / "flushed.gz"
    file.write_bytes(packed)
    with BoundedReader(file, 1 << 21) as reader:
        assert reader.read(2_000_000) == content * 20_000
        reader.expect_end()


@pytest.mark.parametrize(
    "name", ["/proc/self/mem", "/proc/self/environ", "/proc/self/pagemap", "/dev/zero", "/dev/null"]
)
@pytest.mark.parametrize("read", [read_idx, read_mnist_pickle, load_mnist])
def test_a_window_into_the_system_is_no_data_file(name, read):
    if not Path(name).exists():
        pytest.skip("another system")
    with pytest.raises((DataError, DataNotFoundError), match=rf"{name}: (expected|MNIST|there is)"):
        read(name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="a folder or a device"):
        read_idx(tmp_path / "pipe")


def test_what_the_system_does_not_let_be_read(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"abc")
    with pytest.raises(DataError, match=r"an error of the system \(File name too long\)"):
        BoundedReader(tmp_path / ("x" * 300), 10)

    def fails(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", fails)
    with pytest.raises(DataError, match=r"an error of the system \(Permission denied\)"):
        BoundedReader(tmp_path / "file", 10)
    with pytest.raises(DataError, match=r"an error of the system \(File name too long\)"):
        load_mnist(tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"", "nothing"),
        (b'{"error":', "text that starts with '{'"),
        (b"\n <html>", "text that starts with '<'"),
        (b"PK\3\4", "a zip archive"),
        (b"abcd", "bytes"),
    ],
)
def test_a_file_is_named_by_its_first_bytes(head, found):
    assert looks_like(head)[0].startswith(found)
