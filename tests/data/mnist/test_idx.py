"""Tests of the IDX reader: every form it reads, every lie it refuses, and mutations of good files."""

import gzip
import struct
import time
import tracemalloc
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minnet.data.mnist.idx import read_idx
from minnet.errors import DataError, DataNotFoundError

ELEMENTS = np.random.default_rng(0).integers(0, 256, (3, 4, 5)).astype(np.uint8)


def idx(shape, elements, code=8, dimensions=None):
    head = struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape) if dimensions is None else dimensions, *shape)
    return head + elements


GOOD = idx((3, 4, 5), ELEMENTS.tobytes())
packed = partial(gzip.compress, mtime=0)  # the same bytes each time: they name tests


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "file-idx3-ubyte"
        path.write_bytes(content)
        return path

    return write


def refused(path, *parts, **limits):
    """The message of the DataError: it names the file and has the given parts; little memory was taken."""
    tracemalloc.start()
    start = time.perf_counter()
    try:
        with pytest.raises(DataError) as caught:
            read_idx(path, **limits)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    for part in (str(path), "expected", "found", *parts):
        assert part in message
    assert len(message.splitlines()) == 2  # what, and the cure
    assert peak < 4e6
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_reads_what_numpy_wrote(write, pack):
    X = read_idx(write(pack(GOOD)))
    np.testing.assert_array_equal(X, ELEMENTS)
    assert X.dtype == np.uint8
    assert X.flags.writeable
    assert X.flags.c_contiguous


@pytest.mark.parametrize(
    ("code", "name"), [(8, "u1"), (9, "i1"), (0x0B, "i2"), (0x0C, "i4"), (0x0D, "f4"), (0x0E, "f8")]
)
def test_element_types_become_native(write, code, name):
    values = np.array([[0, 1, 2], [100, 127, 3]], dtype=name)
    X = read_idx(write(idx((2, 3), values.astype(">" + name).tobytes(), code)))
    np.testing.assert_array_equal(X, values)
    assert X.dtype == np.dtype(name)
    assert X.dtype.isnative


def test_reads_zero_elements(write):
    assert read_idx(write(idx((0, 28, 28), b""))).shape == (0, 28, 28)


def test_reads_gzip_of_several_members_and_zero_padding(write):
    assert read_idx(write(gzip.compress(GOOD[:30]) + gzip.compress(GOOD[30:]) + bytes(512))).shape == (
        3,
        4,
        5,
    )


def test_accepts_a_path_as_text(write):
    assert read_idx(str(write(GOOD))).shape == (3, 4, 5)


def test_missing_file(tmp_path):
    with pytest.raises(DataNotFoundError, match=r"there is no file .*nowhere"):
        read_idx(tmp_path / "nowhere")


def test_folder(tmp_path):
    refused(tmp_path, "a folder")


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ["empty", "download"]),
        (b"<!DOCTYPE html><html>", ["'<'", "an HTML page", "error or log-in page"]),
        (b"\n <html>", ["an HTML page"]),
        (packed(b"<html>"), ["an HTML page"]),
        (packed(packed(GOOD)), ["gzip data", "compressed twice"]),
        (b"PK\x03\x04" + bytes(20), ["zip", "unpacked"]),
        (b"BZh9" + bytes(20), ["bzip2"]),
        (b"\xfd7zXZ\0" + bytes(20), ["xz"]),
        (b"version https://git-lfs.github.com/spec/v1\n", ["Git LFS", "git lfs pull"]),
        (b"\x80\x02}q.", ["a pickle"]),
        (b"\x12\x34\x56\x78", ["12 34 56 78"]),
        (b"\0\0\x08", ["IDX"]),
        (idx((2,), b"ab", code=0x0A), ["element type", "0a"]),
        (idx((), b"a"), ["1 to 8 dimensions", "found 0"]),
        (idx((1,) * 9, b"a"), ["1 to 8 dimensions", "found 9"]),
        (idx((1,), b"a", dimensions=255), ["found 255"]),
        (GOOD[:-1], ["60 more bytes", "only 59", "cut off", "half-finished"]),
        (GOOD[:9], ["cut off"]),
        (GOOD + b"x", ["the end", "more bytes"]),
        (packed(GOOD) + packed(b"x"), ["the end", "more bytes"]),
        (idx((2**32 - 1, 28, 28), b"a"), ["4294967295", "damaged header"]),
        (idx((2**32 - 1,) * 8, b"a"), ["4294967295", "damaged header"]),
        (idx((0, 2**32 - 1, 2**32 - 1), b""), ["damaged header"]),
        (idx((2**16, 2**16), b"a"), ["(65536, 65536)"]),  # 0 in 32 bits
        (idx((200_000_000,), b"a"), ["cut off"]),  # would be allowed, and is not there
        (packed(GOOD)[:-9], ["gzip", "too early", "half-finished"]),
        (packed(GOOD)[:-4], ["gzip", "too early"]),
        (packed(GOOD)[:-8] + bytes(8), ["gzip", "incorrect data check"]),
        (packed(GOOD) + b"junk", ["gzip", "fault"]),
        (packed(GOOD) + bytes(600_000) + b"junk", ["gzip", "fault"]),
        (b"\x1f\x8b" + bytes(50), ["gzip", "fault"]),
        (packed(b"") * 10_001 + packed(GOOD), ["10,000 gzip members"]),
    ],
)
def test_refuses(write, content, parts):
    refused(write(content), *parts)


def test_gzip_bomb_is_never_unpacked(write):
    bomb = gzip.compress(bytes(100_000_000), 1)
    assert len(bomb) < 1_000_000
    refused(write(gzip.compress(idx((10,), bytes(10))) + bomb), "more bytes")
    refused(write(bomb), "00")


def test_max_bytes(write):
    assert read_idx(write(GOOD), max_bytes=len(GOOD)).shape == (3, 4, 5)
    refused(write(GOOD), f"at most {len(GOOD) - 1} bytes", max_bytes=len(GOOD) - 1)
    refused(write(idx((2_000_000,), bytes(2_000_000))), "at most 1,000 bytes", max_bytes=1000)
    refused(write(gzip.compress(idx((2_000_000,), bytes(2_000_000)))), "at most 1,000", max_bytes=1000)


@st.composite
def mutations(draw, good):
    content = bytearray(good)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        match draw(st.sampled_from(["set", "cut", "insert", "remove"])):
            case "set" if content:
                content[at] = draw(st.integers(0, 255))
            case "cut":
                del content[at:]
            case "insert":
                content[at:at] = draw(st.binary(min_size=1, max_size=9))
            case "remove":
                del content[at : at + draw(st.integers(1, 9))]
    return bytes(content)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_mutated_files_are_read_or_refused(write, pack):
    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(mutations(pack(GOOD)))
    def check(content):
        path = write(content)
        try:
            X = read_idx(path)
        except DataError:
            pass
        else:  # what can still be read is what is there
            unpacked = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
            assert unpacked.endswith(X.astype(X.dtype.newbyteorder(">")).tobytes())
            if pack is gzip.compress:
                np.testing.assert_array_equal(X, ELEMENTS)

    check()
