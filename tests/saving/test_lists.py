"""Long lists as arrays: each number comes back with its type."""

import math
import struct

import numpy as np
import pytest

from minnet.saving.lists import LONG, packed, unpacked

N = LONG + 3


def back(items):
    tag, array = packed(items)
    return unpacked[tag](array)


@pytest.mark.parametrize(
    "items",
    [
        [i / 3 for i in range(N)],
        [-0.0, math.inf, -math.inf, 5e-324] * N,
        list(range(-5, N)),
        [2**63 - 1, -(2**63)] * N,
        [i % 3 == 0 for i in range(N)],
        [0.5, 1, True, None, False, -(2**63), -0.0, 1e308] * N,
        [None] * N,
        [np.float32(i) for i in range(N)],
        [np.float64(i) for i in range(N)],
        [np.int32(i) for i in range(N)],
        [np.array(float(i)) for i in range(N)],
        [np.full((2, 3), i, np.float32) for i in range(N)],
    ],
    ids=lambda items: repr(items[:2])[:30],
)
def test_each_comes_back(items):
    found = back(items)
    assert list(map(type, found)) == list(map(type, items))
    assert repr(found) == repr(items)


def test_bits_of_a_nan():
    (odd,) = struct.unpack("d", struct.pack("q", 0x7FF8000000001234))
    for items in ([odd] * N, [odd, None] * N):
        assert struct.pack("d", back(items)[0]) == struct.pack("d", odd)


def test_arrays_do_not_share_memory():
    one, two = back([np.zeros(2)] * N)[:2]
    one += 1
    assert two.tolist() == [0, 0]


@pytest.mark.parametrize(
    "items",
    [
        [1.0] * (LONG - 1),
        [2**63] * N,
        [2**63, None] * N,
        ["text"] * N,
        [[1.0]] * N,
        [1.0, "text"] * N,
        [np.uint8(1)] * N,
        [np.float32(1), np.float64(1)] * N,
        [np.zeros(2), np.zeros(3)] * N,
        [np.zeros((0, 3))] * N,
        [np.zeros((2, 3)).T] * N,
        [np.float32(1), 1.0] * N,
    ],
    ids=lambda items: repr(items[:2])[:30],
)
def test_what_stays_a_list(items):
    assert packed(items) is None


@pytest.mark.parametrize(
    ("tag", "array"),
    [
        ("$numbers", np.zeros((2, 2))),
        ("$numbers", np.zeros(2, np.float32)),
        ("$numbers", np.zeros(2, np.uint8)),
        ("$mixed", np.zeros((3, 2), np.int64)),
        ("$mixed", np.full((2, 2), 7)),
        ("$mixed", np.full((2, 2), 2)),
        ("$mixed", np.zeros((2, 2))),
        ("$scalars", np.zeros((2, 2))),
        ("$scalars", np.zeros(2, np.uint8)),
        ("$scalars", np.array(1.0)),
        ("$stack", np.zeros((5, 0))),
        ("$stack", np.array(1.0)),
        ("$stack", np.zeros((5, 1), np.uint8)),
    ],
)
def test_other_arrays_are_refused(tag, array):
    with pytest.raises(ValueError, match="a list from an array of"):
        unpacked[tag](array)
