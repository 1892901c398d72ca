"""A pass over a Stream: its batches, its random numbers, and its place if the source knows its own."""

import copy

import numpy as np
import pytest
from sources import N, Rows, X, Y

from minnet.data import Pad, Stream
from minnet.data.stream_pass import MOST, StreamPass, check_state


class Cursor:
    """An iterator that knows its place."""

    def __init__(self):
        self.row = 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.row == N:
            raise StopIteration
        self.row += 1
        return X[self.row - 1], Y[self.row - 1]

    def state_dict(self):
        return {"row": self.row}

    def load_state_dict(self, state):
        self.row = state["row"]


MAKES = {
    "samples": lambda **options: Stream(Rows(), 7, **options),
    "batches": lambda **options: Stream(Rows(11), 7, batches=True, **options),
    "a function": lambda **options: Stream(Cursor, 7, **options),
    "collate": lambda **options: Stream(Rows(), 7, collate=Pad(), **options),
}


def read(batches):
    return [[part.tobytes() for part in (batch[0] if type(batch[0]) is tuple else batch)] for batch in batches]


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
@pytest.mark.parametrize("buffer", [0, 15, 100])
@pytest.mark.parametrize("done", [0, 1, 4, 7, 8, 9])
def test_a_pass_goes_on_from_its_place(make, buffer, done):
    stream = make(buffer=buffer, rng=0)
    expected = read(iter(stream))
    stream = make(buffer=buffer, rng=0)
    batches = iter(stream)
    for _ in range(done):
        next(batches)
    state = copy.deepcopy(batches.state_dict())
    rest = list(StreamPass(make(buffer=buffer, rng=5), state))
    assert read(rest) == expected[done:]


def test_only_a_source_that_knows_its_place_has_one():
    assert iter(Stream(list(zip(X, Y, strict=True)), 7)).state_dict() is None
    assert iter(Stream(lambda: zip(X, Y, strict=True), 7)).state_dict() is None
    assert "buffer" in iter(Stream(Rows(), 7)).state_dict()


def test_a_large_buffer_is_not_kept():
    def big():
        return np.zeros(1 << 20, np.uint8), 0

    class Source(Rows):
        def __iter__(self):
            return iter([big() for _ in range(9)])

    batches = iter(Stream(Source(), 2, buffer=4))
    next(batches)
    assert 6 << 20 < batches._buffer.bytes() < MOST
    assert batches.state_dict() is not None
    batches = iter(Stream(Source(), 65, buffer=5))
    next(batches)
    assert batches._buffer.bytes() > MOST
    assert batches.state_dict() is None


def test_samples_that_are_no_plain_data_are_not_kept():
    class Source(Rows):
        def __iter__(self):
            return iter([(object(), 0)] * 9)

    batches = iter(Stream(Source(), 2, buffer=4, collate=lambda xs, ys: (np.zeros(len(xs)), np.array(ys))))
    next(batches)
    assert batches.state_dict() is None


def test_two_passes_at_once_do_not_disturb_each_other():
    def make():
        return Stream(list(zip(X, Y, strict=True)), 7, buffer=10, rng=0)

    stream = make()
    expected = [read(stream), read(stream)]
    stream = make()
    one, other = iter(stream), iter(stream)
    pairs = [(read([a])[0], read([b])[0]) for a, b in zip(one, other, strict=True)]
    assert [list(batches) for batches in zip(*pairs, strict=True)] == expected
    assert expected[0] != expected[1]


@pytest.mark.parametrize(
    "change",
    [
        {"rng": 3},
        {"buffer": {"held": None, "free": np.array([90]), "order": None}},
        {"buffer": {"held": 3, "free": np.arange(3), "order": None}},
        {"supply": {"rest": (X,), "ended": False}},
        {"supply": {"rest": (X, Y[:3]), "ended": False}},
        {"supply": {"rest": ((), ()), "ended": False}},
        {"supply": {"rest": (X, 3.0), "ended": False}},
        {"supply": {"rest": "ab", "ended": False}},
    ],
    ids=str,
)
def test_a_state_that_is_no_place(change):
    stream = Stream(Rows(), 7, buffer=10)
    batches = iter(stream)
    next(batches)
    state = batches.state_dict()
    check_state(stream, state)
    for judge in (check_state, StreamPass):
        with pytest.raises(ValueError, match=r"pass over a Stream|shuffle buffer|samples that were kept"):
            judge(Stream(Rows(), 7, buffer=10), state | change)


def test_what_a_pass_shows():
    batches = iter(Stream(Rows(), 7))
    next(batches)
    assert repr(batches) == "StreamPass(1 batches done)"
    assert iter(batches) is batches
