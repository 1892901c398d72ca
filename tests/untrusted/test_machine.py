"""The inert unpickler by itself; what its readers know is tested with them."""

import io
import pickle

import pytest
from malice import RUNNING

from minnet.errors import CheckpointError
from minnet.untrusted.machine import InertUnpickler, methods


class Bytes(io.BytesIO):
    """A source of bytes that are in memory."""

    def read_line(self, longest):
        return self.readline()[:-1]


class Reader(InertUnpickler):
    names = {("known", "name"): "a known name"}
    most_reads = 100

    def refusal(self, found):
        return CheckpointError(f"refused: {found}")

    def called(self, function, arguments):
        return ("called", function, arguments)

    def stated(self, thing, state):
        if not isinstance(thing, list):
            raise pickle.UnpicklingError("a state for what has none")
        thing.append(state)


def run(content):
    return Reader(Bytes(content)).run()


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
def test_plain_values_come_out_as_they_went_in(protocol):
    value = [1, -2, 70_000, (True, None, False), (), b"bytes" if protocol > 2 else 0]
    assert run(pickle.dumps(value, protocol)) == value


def test_what_would_be_called_is_written_down():
    assert run(b"\x80\2cknown\nname\nK\1\x85R.") == ("called", "a known name", (1,))
    assert run(b"\x80\2]K\1b.") == [1]


@pytest.mark.parametrize("name", RUNNING)
def test_nothing_is_run(name):
    with pytest.raises(CheckpointError, match=r"^refused: .*; nothing of it was run$"):
        run(RUNNING[name])


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"cknown\nother\n.", "a call for 'known.other'"),
        (b"N" * 101, "more than 100 instructions and arguments"),
        (b"Nb.", "an empty stack"),
        (b"NNb.", "a state for what has none"),
        (b"K\1p0\n.", "the instruction PUT, its old text form"),
        (b"c\xff\n\xff\n.", "text that is not Latin-1"),
        (b"\x80\x09.", r"does not fit \(ValueError\)"),
    ],
)
def test_what_is_wrong_is_named(content, found):
    with pytest.raises(CheckpointError, match=found):
        run(content)


def test_an_error_of_the_system_stays_one():
    class Broken(Bytes):
        def read(self, count=-1):
            raise OSError("the disk")

    with pytest.raises(OSError, match="the disk"):
        Reader(Broken(b"")).run()


def test_methods_are_those_of_the_names():
    assert set(methods("NONE STOP NOTHING")) == {pickle.NONE[0], pickle.STOP[0]}
