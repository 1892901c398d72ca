"""The unpickler by itself; hostile files are in test_pickles.py and test_malicious_pickles.py."""

import pickle

import numpy as np
import pytest

from minnet.data.mnist.unpickler import ArrayRecord, ArrayUnpickler
from minnet.errors import DataError
from minnet.untrusted.bounded import BoundedReader


def run(content, tmp_path):
    path = tmp_path / "file.pkl"
    path.write_bytes(content)
    with BoundedReader(path, 1 << 20) as file:
        return ArrayUnpickler(file).run()


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
def test_plain_values_come_out_as_they_went_in(protocol, tmp_path):
    value = ((1, -2, 70_000), [True, None, False], "text", b"bytes", ())
    found = run(pickle.dumps(value, protocol), tmp_path)
    assert found == ((1, -2, 70_000), [True, None, False], "text", b"bytes", ())


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_becomes_a_record(protocol, order, tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3, order=order)
    record = run(pickle.dumps(array, protocol), tmp_path)
    assert isinstance(record, ArrayRecord)
    assert (record.shape, record.dtype.dtype) == ((2, 3), np.dtype("<f4"))
    values = np.frombuffer(record.data, np.float32).reshape(2, 3, order="F" if record.fortran else "C")
    np.testing.assert_array_equal(values, array)


def test_shared_objects_stay_shared(tmp_path):
    array = np.arange(3)
    first, second = run(pickle.dumps((array, array), 2), tmp_path)
    assert first is second


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\x80\x02cos\nsystem\n.", "a call for 'os.system'"),
        (b"\x80\x02(.", "an empty stack"),
        (b"\x80\x02h\x05.", "Memo value not found at index 5"),
        (b"\x80\x02t.", "an empty stack"),
        (b"\x80\x02cnumpy\ndtype\n(U\x01OK\x00K\x01tR.", "a call with unusual arguments"),
        (b"\x80\x02]b.", "an empty stack"),
        (b"\x80\x02Pid\n.", "the instruction PERSID"),
        (b"\x80\x02\x82\x01.", "the instruction EXT1"),
        (b"\x80\x02" + b"N" * 6000, "more than 5,000 instructions"),
    ],
)
def test_at_the_first_foreign_instruction_it_stops(content, found, tmp_path):
    with pytest.raises(DataError, match="nothing of it was run") as caught:
        run(content, tmp_path)
    assert found in str(caught.value)
