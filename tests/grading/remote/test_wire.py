"""The channel: plain values arrive as they were sent, and nothing that is no message is taken for one."""

import json
import socket

import numpy as np
import pytest

from minnet.grading.remote.wire import Channel, ChannelError, ClosedError, Gone, Opaque


@pytest.fixture
def ends():
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def sent(ends, value, most_bytes=1 << 20):
    one, other = (Channel(end, most_bytes) for end in ends)
    one.send(value, 10)
    return other.receive(10)


@pytest.mark.parametrize(
    "value",
    [None, True, 3, -2.5, float("inf"), "text\n雪", [1, [2]], (1, (2, "x")), {"a": [1.5], "b": {"c": ()}}, 2**127, []],
)
def test_plain_values(ends, value):
    got = sent(ends, value)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool", "complex128", ">f8"])
def test_arrays(ends, dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    got = sent(ends, {"x": array})["x"]
    assert np.array_equal(got, array)
    assert got.dtype == array.dtype.newbyteorder("=")


def test_shapes_without_numbers_and_without_axes(ends):
    assert sent(ends, np.zeros((0, 3))).shape == (0, 3)
    assert sent(ends, np.array(2.5)).shape == ()
    number = sent(ends, np.float32(2.5))
    assert type(number) is np.float32


def test_gaps_and_read_only(ends):
    array = np.arange(12.0).reshape(3, 4)[:, ::2]
    array.flags.writeable = False
    got = sent(ends, array)
    assert np.array_equal(got, array)
    assert not got.flags.c_contiguous
    assert not got.flags.writeable


def test_a_value_that_is_not_plain_is_a_text(ends):
    assert isinstance(sent(ends, object()), Opaque)
    assert repr(sent(ends, np.array(["a"]))).startswith("<an array of")
    assert repr(sent(ends, 10**5000)) == "<int>"


def header(code):
    text = json.dumps(code).encode()
    return len(text).to_bytes(4, "big") + text


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        b"\0\0\0\2{}",
        b"\0\0\0\4nope",
        header(["a", ["object", [1], True, True]]),
        header(["a", ["f8", [-1], True, True]]),
        header(["a", ["f8", [1.5], True, True]]),
        header(["a", ["f8", [1 << 40], True, True]]),
        header(["a", ["f8", [1] * 40, True, True]]),
        header(["x", 1]),
        header(["d", [1]]),
        header(["l"]),
        b"\0\0\x27\x10" + b"[" * 10_000,
        b"\0\0\x17\x70" + b"9" * 6_000,
    ],
    ids=str,
)
def test_what_is_no_message(ends, data):
    ends[0].sendall(data)
    with pytest.raises(ChannelError):
        Channel(ends[1], 1 << 20).receive(10)


def test_a_closed_channel(ends):
    ends[0].sendall(b"\0\0")
    ends[0].close()
    with pytest.raises(ClosedError):
        Channel(ends[1], 1).receive(10)


def test_silence_is_a_timeout(ends):
    with pytest.raises(TimeoutError):
        Channel(ends[1], 1).receive(0.05)
    ends[0].sendall(header(["a", ["f8", [1], True, True]]))
    with pytest.raises(TimeoutError):
        Channel(ends[1], 8).receive(0.05)
    with pytest.raises(TimeoutError):
        Channel(ends[1], 8).send(np.zeros(10_000_000), 0.05)


def test_gone_is_no_exception_that_a_check_would_catch():
    assert not issubclass(Gone, Exception)
