"""Pickles made to do harm. None is run, none imports anything: a canary and Python's own audit events would tell.

Each payload, if it ran, would make a file. That they are real is shown with Python's unpickler, which runs them.
"""

import contextlib
import gzip
import os
import pickle
import struct
import time
import tracemalloc

import malice
import numpy as np
import pytest
from malice import CANARY, PAYLOAD, SYSTEM, WATCH, Reduced, bare, named, number, stack_named, text, word

from minnet.data.mnist.pickles import read_mnist_pickle
from minnet.errors import DataError

F4 = named("numpy", "dtype") + word(b"f4") + b"K\0K\1\x87R(K\3" + word(b"<") + b"NNN" + number(-1) * 2 + b"K\0tb"
I8 = F4.replace(b"f4", b"i8")
EMPTY = named("numpy.core.multiarray", "_reconstruct") + named("numpy", "ndarray") + b"K\0\x85" + word(b"b") + b"\x87R"
PIXELS = b"T" + struct.pack("<i", 784 * 4) + bytes(784 * 4)


def array(shape=b"K\1M\x10\3\x86", dtype=F4, data=PIXELS, version=b"K\1", fortran=b"\x89"):
    return EMPTY + b"(" + version + shape + dtype + fortran + data + b"tb"


LABELS = array(b"K\1\x85", I8, word(bytes(8)))


def whole(X=None, y=LABELS, protocol=2):
    """Three pairs of arrays, in one of which something else can lie."""
    good = array() + LABELS + b"\x86"
    return bytes([0x80, protocol]) + good + (array() if X is None else X) + y + b"\x86" + good + b"\x87."


RUNNING = {
    **malice.RUNNING,
    "a shape": whole(array(shape=PAYLOAD + b"\x85")),
    "a dtype": whole(array(dtype=PAYLOAD)),
    "a version": whole(array(version=PAYLOAD)),
    "the bytes": whole(array(data=PAYLOAD)),
    "the order": whole(array(fortran=PAYLOAD)),
    "images": whole(PAYLOAD),
    "labels": whole(y=PAYLOAD),
    "gzip": gzip.compress(bare(PAYLOAD)),
    "behind another member of gzip": gzip.compress(b"\x80\4") + gzip.compress(PAYLOAD + b"."),
}

# Programs that break, fill or confuse an unpickler

DOUBLED = b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(250))
OTHER = {
    "persistent id": (bare(b"Panything\n"), "PERSID"),
    "persistent id that is a path": (bare(b"P/etc/passwd\n"), "PERSID"),
    "binary persistent id": (bare(text("/etc/passwd") + b"Q"), "BINPERSID"),
    "extension that is not registered": (bare(b"\x82\x07"), "EXT1"),
    "extension 0": (bare(b"\x82\0"), "EXT1"),
    "extension of 2^31": (bare(b"\x84\xff\xff\xff\x7f"), "EXT4"),
    "extension below 0": (bare(b"\x84\xff\xff\xff\xff"), "EXT4"),
    "memo bomb by place": (bare(b"Nr\xff\xff\xff\x7f"), "three pairs"),
    "memo bomb by number": (bare(b"N" + b"\x94" * 10**6), "5,000 instructions"),
    "memo bomb by size": (bare(b"".join(b"Nr" + struct.pack("<I", i) for i in range(10**5))), "5,000"),
    "memo that doubles": (bare(b")" + DOUBLED), "three pairs"),
    "memo that doubles a string": (bare(word(b"x" * 255) + b"q\1h\1\x86" * 600), "three pairs"),
    "memo before it is written": (bare(b"h\0"), "not found at index 0"),
    "GET as text": (bare(b"g0\n"), "GET"),
    "GET with a name": (bare(b"gname\n"), "GET"),
    "a list in itself": (bare(b"]\x94h\0a"), "three pairs"),
    "a list in itself, as the pairs": (bare(b"]\x94(h\0h\0h\0e"), "three pairs"),
    "a list in itself, as a shape": (whole(array(shape=b"]\x94h\0a")), "unusual state"),
    "a list in itself, as a function": (bare(b"]\x94h\0a)R"), "unusual arguments"),
    "a list in itself, as a state": (bare(EMPTY + b"]\x94h\0ab"), "unusual state"),
    "a list that grows while it is read": (bare(b"]\x94(" + b"h\0" * 500 + b"e" + b"h\0a" * 200), "three pairs"),
    "two lists in each other": (bare(b"]\x94]\x94h\0ah\1a"), "three pairs"),
    "lists 1,900 deep": (bare(b"]" * 950 + b"a" * 949), "three pairs"),
    "tuples 1,900 deep": (bare(b")" + b"\x85" * 1900), "three pairs"),
    "marks 1,900 deep": (bare(b"(" * 1900), "an empty stack"),
    "an array that holds itself": (bare(EMPTY + b"\x94(K\1)h\0\x89" + word(b"") + b"tb"), "unusual state"),
    "a dtype whose order is itself": (
        bare(named("numpy", "dtype") + word(b"f4") + b"K\0K\1\x87R\x94(K\3h\0NNN" + number(-1) * 2 + b"K\0tb"),
        "unusual state",
    ),
    "dtype O": (whole(array(dtype=F4.replace(b"f4", b"O8"))), "unusual arguments"),
    "dtype O, later": (whole(array(dtype=F4.replace(b"\x02f4", b"\x01O"))), "unusual arguments"),
    "dtype by a long name": (whole(array(dtype=F4.replace(b"U\2f4", word(b"f4," * 80)))), "unusual arguments"),
    "dtype of 2^31 bytes": (whole(array(dtype=F4.replace(b"U\2f4", word(b"V2147483647")))), "unusual arguments"),
    "dtype of a subarray": (whole(array(dtype=F4.replace(b"U\2f4", word(b"(9999,9999)f4")))), "unusual arguments"),
    "dtype with its state changed later": (bare(F4 + b"}b"), "EMPTY_DICT"),
    "dtype of a record": (whole(array(dtype=F4.replace(b"U\2f4", word(b"f4")[:2] + b"rb"))), "unusual arguments"),
    "dtype with another order": (whole(array(dtype=F4.replace(b"U\1<", b"U\1!"))), "unusual state"),
    "dtype with a byte order of two letters": (whole(array(dtype=F4.replace(b"U\1<", b"U\2<>"))), "unusual state"),
    "dtype with a subdtype": (whole(array(dtype=F4.replace(b"NNN", b")NN"))), "unusual state"),
    "dtype with a size": (whole(array(dtype=F4.replace(number(-1) * 2, number(2**31 - 1) * 2))), "unusual state"),
    "dtype called with keywords": (bare(named("numpy", "dtype") + word(b"f4") + b"\x85}\x92"), "EMPTY_DICT"),
    "huge shape": (whole(array(shape=number(2**31 - 1) * 2 + b"\x86")), "2147483647"),
    "huge shape that is zero in 64 bits": (whole(array(shape=(b"\x8a\5" + bytes(4) + b"\1") * 2 + b"\x86")), "neither"),
    "negative shape": (whole(array(shape=number(-1) + b"M\x10\3\x86")), "neither"),
    "negative shapes whose product is right": (whole(array(shape=number(-1) + number(-784) + b"\x86")), "neither"),
    "shape of a bool": (whole(array(shape=b"\x88M\x10\3\x86")), "neither"),
    "shape of an array": (whole(array(shape=LABELS + b"\x85")), "neither"),
    "no shape": (whole(array(shape=b")")), "neither"),
    "100 dimensions": (whole(array(shape=b"(" + b"K\1" * 100 + b"t")), "neither"),
    "fewer bytes than the shape says": (whole(array(data=word(b"abcd"))), "with 4 bytes"),
    "more bytes than the shape says": (whole(array(shape=b"K\0M\x10\3\x86")), "with 3,136 bytes"),
    "bytes of a record": (whole(array(data=F4)), "unusual state"),
    "a string of 4 GB": (bare(b"B\xff\xff\xff\xff"), "at most"),
    "bytes of 2^63": (bare(b"\x8e" + b"\xff" * 7 + b"\x7f"), "BINBYTES8"),
    "a bytearray of 2^63": (bare(b"\x96" + b"\xff" * 7 + b"\x7f", 5), "at most"),
    "a bytearray of 500 MB that is not there": (bare(b"\x96\0\0\0\x1e\0\0\0\0", 5), "cut off"),
    "a string of 400 MB that is not there": (bare(b"T\0\0\0\x18"), "cut off"),
    "text of 400 MB that is not there": (bare(b"X\0\0\0\x18"), "cut off"),
    "an integer of 2^31 bytes": (bare(b"\x8b\xff\xff\xff\x7f"), "LONG4"),
    "an integer of fewer than 0 bytes": (bare(b"\x8b\xff\xff\xff\xff"), "LONG4"),
    "an integer of a million digits": (bare(b"L" + b"9" * 10**6 + b"L\n"), "LONG"),
    "text with one wide letter": (
        bare(b"X" + struct.pack("<I", 1 << 23) + b"a" * ((1 << 23) - 4) + "😀".encode()),
        "Latin",
    ),
    "REDUCE of 8 MB of arguments": (
        bare(named("_codecs", "encode") + b"\x96" + struct.pack("<Q", 1 << 23) + bytes(1 << 23) + b"R", 5),
        "unusual arguments",
    ),
    "BUILD of an array with 8 MB for a shape": (
        bare(EMPTY + b"\x96" + struct.pack("<Q", 1 << 23) + bytes(1 << 23) + b"b", 5),
        "unusual state",
    ),
    "zeros(10**12)": (pickle.dumps(Reduced(np.zeros, 10**12), 4), "a call for"),
    "bytearray(10**12)": (pickle.dumps(Reduced(bytearray, 10**12), 4), "bytearray"),
    "BUILD on a function": (bare(named("_codecs", "encode") + b")b"), "unusual state"),
    "BUILD on ndarray": (bare(named("numpy", "ndarray") + b")b"), "unusual state"),
    "BUILD on a list": (bare(b"])b"), "unusual state"),
    "BUILD on a tuple": (bare(b"))b"), "unusual state"),
    "BUILD on None": (bare(b"N)b"), "unusual state"),
    "BUILD with a dict": (bare(EMPTY + b"}b"), "EMPTY_DICT"),
    "BUILD with slots": (bare(EMPTY + b"N}\x86b"), "EMPTY_DICT"),
    "BUILD with slots that are none": (bare(EMPTY + b"N)\x86b"), "unusual state"),
    "BUILD with __setstate__": (bare(EMPTY + b"}" + text("__setstate__") + SYSTEM + b"sb"), "EMPTY_DICT"),
    "BUILD twice": (whole(array() + b"(K\1K\1\x85" + F4 + b"\x89" + word(b"abcd") + b"tb"), "unusual state"),
    "BUILD of a finished dtype": (whole(array(dtype=F4 + b"(K\3U\1>NNN" + number(-1) * 2 + b"K\0tb")), "unusual state"),
    "_reconstruct of a forged class": (
        bare(named("numpy.core.multiarray", "_reconstruct") + named("numpy", "matrix") + b"K\0\x85U\1b\x87R"),
        "numpy.matrix",
    ),
    "_reconstruct of a function": (
        bare(named("numpy.core.multiarray", "_reconstruct") + named("_codecs", "encode") + b"K\0\x85U\1b\x87R"),
        "unusual arguments",
    ),
    "_reconstruct of text": (
        bare(named("numpy.core.multiarray", "_reconstruct") + text("ndarray") + b"K\0\x85U\1b\x87R"),
        "unusual arguments",
    ),
    "_reconstruct of a megabyte": (
        bare(
            named("numpy.core.multiarray", "_reconstruct")
            + named("numpy", "ndarray")
            + number(2**31 - 1)
            + b"\x85U\1b\x87R"
        ),
        "unusual arguments",
    ),
    "scalar": (bare(named("numpy.core.multiarray", "scalar") + F4 + word(b"abcd") + b"\x86R"), "multiarray.scalar"),
    "STACK_GLOBAL of numbers": (bare(b"K\1K\2\x93"), "STACK_GLOBAL requires str"),
    "STACK_GLOBAL of None": (bare(b"NN\x93"), "STACK_GLOBAL requires str"),
    "STACK_GLOBAL of lists": (bare(b"]]\x93"), "STACK_GLOBAL requires str"),
    "STACK_GLOBAL of records": (bare(EMPTY + F4 + b"\x93"), "STACK_GLOBAL requires str"),
    "STACK_GLOBAL of itself": (bare(b"]\x94h\0ah\0h\0\x93"), "STACK_GLOBAL requires str"),
    "STACK_GLOBAL of nothing": (bare(b"\x93"), "empty stack"),
    "STACK_GLOBAL of bytearrays": (
        bare((b"\x96\5" + bytes(7) + b"numpy") * 2 + b"\x93", 5),
        "STACK_GLOBAL requires str",
    ),
    "STACK_GLOBAL of an empty name": (bare(stack_named("", "")), "a call for '.'"),
    "STACK_GLOBAL of a relative name": (bare(stack_named("numpy", "dtype.__class__")), "numpy.dtype.__class__"),
    "STACK_GLOBAL of a long name": (bare(stack_named("a" * 10**6, "b")), "STACK_GLOBAL requires str"),
    "GLOBAL with a dotted name": (bare(named("numpy", "core.multiarray._reconstruct")), "numpy.core.multiarray"),
    "GLOBAL with a control character": (bare(named("numpy", "dtype\x1b[31m")), "\\x1b[31m"),
    "GLOBAL with a null": (bare(named("numpy", "dtype\0")), "\\x00"),
    "GLOBAL with a carriage return": (bare(b"cnumpy\r\ndtype\r\n"), "\\r"),
    "GLOBAL with spaces": (bare(named(" numpy", "dtype")), "' numpy.dtype'"),
    "GLOBAL without an end": (bare(b"c" + b"a" * 10**6), "a line of at most 100 bytes"),
    "NEWOBJ of an array": (bare(named("numpy", "ndarray") + number(2**31 - 1) + b"\x85\x81"), "NEWOBJ"),
    "NEWOBJ_EX of an array": (bare(named("numpy", "ndarray") + b"))\x92"), "NEWOBJ_EX"),
    "OBJ of an array": (bare(b"(" + named("numpy", "ndarray") + number(2**31 - 1) + b"o"), "OBJ"),
    "INST of an array": (bare(b"(K\1inumpy\nndarray\n"), "INST"),
    "NEXT_BUFFER": (bare(b"\x97", 5), "NEXT_BUFFER"),
    "READONLY_BUFFER": (bare(word(b"abcd") + b"\x98", 5), "READONLY_BUFFER"),
    "_frombuffer of a buffer elsewhere": (
        bare(named("numpy.core.numeric", "_frombuffer") + b"(\x97", 5),
        "NEXT_BUFFER",
    ),
    "a frame of 2^64": (bare(b"\x95" + b"\xff" * 8 + PAYLOAD), "os.system"),
    "a frame of nothing": (bare(b"\x95" + bytes(8) + PAYLOAD), "os.system"),
    "frames in frames": (bare((b"\x95\x09" + bytes(7)) * 1500 + PAYLOAD), "os.system"),
    "a frame cut off": (b"\x80\4\x95\1", "cut off"),
    "protocol 255": (bare(b"", 255), "does not fit (ValueError)"),
    "another protocol in the middle": (bare(b"\x80\xff"), "does not fit (ValueError)"),
    "SETITEM on an array": (bare(EMPTY + b"NNs"), "SETITEM"),
    "ADDITEMS": (bare(b"\x8f(N\x90"), "EMPTY_SET"),
    "FROZENSET": (bare(b"(\x91"), "FROZENSET"),
    "POP below the stack": (bare(b"0"), "POP"),
    "POP_MARK": (bare(b"(1"), "POP_MARK"),
    "a stop too early": (b"\x80\4.", "empty stack"),
    "a second pickle behind": (whole() + bare(PAYLOAD), "more bytes"),
    "no stop": (whole()[:-1], "cut off"),
    "every instruction that is unknown": (bare(bytes([0xFF, 0xFE])), "ff"),
}


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Read a file that must be refused: soon, in little memory, without a trace, with two lines of message."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mnist.pkl.gz"
    path.write_bytes(whole())
    read_mnist_pickle(path)  # so that what the reader itself imports is there

    def refused(content, part=""):
        path.write_bytes(content)
        tracemalloc.start()
        start = time.perf_counter()
        try:
            with WATCH.watching() as events:
                read_mnist_pickle(path)
        except DataError as error:
            message = str(error)
        else:
            pytest.fail("it was read")
        finally:
            seconds, memory = time.perf_counter() - start, tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert events == []
        assert not (tmp_path / CANARY).exists()
        assert str(path) in message
        assert part in message
        assert len(message.splitlines()) == 2
        assert len(message) < 600
        assert message.isprintable() or message.replace("\n", "").isprintable()
        assert seconds < 5
        assert memory < 4e6 + 4 * len(content)

    return refused


@pytest.fixture
def registered():
    """Let an extension be os.system."""
    with malice.registered():
        yield


def test_what_surrounds_the_payloads_is_good(tmp_path):
    path = tmp_path / "mnist.pkl.gz"
    for content in (whole(), gzip.compress(whole()), whole(protocol=4)):
        path.write_bytes(content)
        for X, y in read_mnist_pickle(path):
            assert (X.shape, X.dtype, y.tolist()) == ((1, 784), np.float32, [0])


@pytest.mark.parametrize("name", RUNNING)
@pytest.mark.usefixtures("registered")
def test_a_payload_is_not_run(refused, name):
    refused(RUNNING[name])


@pytest.mark.parametrize("name", OTHER)
def test_other_malice_is_refused(refused, name):
    refused(*OTHER[name])


@pytest.mark.skipif(os.name != "posix", reason="the payloads are commands of POSIX")
@pytest.mark.parametrize("name", RUNNING)
@pytest.mark.usefixtures("registered")
@pytest.mark.filterwarnings("ignore")
def test_the_payloads_are_real(name, tmp_path, monkeypatch):
    """Python's unpickler runs them, and the audit events tell of it: the tests above would have seen it."""
    monkeypatch.chdir(tmp_path)
    content = RUNNING[name]
    with WATCH.watching() as events, contextlib.suppress(TypeError, ValueError, AttributeError):
        pickle.loads(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    assert (tmp_path / CANARY).exists()  # and then there was an error: an exit code is no dtype
    assert events
