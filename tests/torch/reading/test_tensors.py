"""Tensors of places in a file; hostile ones are in test_hostile_files.py."""

import io
from pathlib import Path

import numpy as np
import pytest

from minnet.errors import CheckpointError
from minnet.torch.reading.archive import Content
from minnet.torch.reading.places import Place
from minnet.torch.reading.records import ELEMENTS, Storage, Tensor, Unreadable
from minnet.torch.reading.tensors import make_arrays

PATH = Path("model.pt")
NUMBERS = np.arange(24, dtype=np.float32)
FLOAT = ELEMENTS["float32"]
STORAGE = Storage("0", FLOAT, 24)


def arrays(order="<", size=104, **tensors):
    data = NUMBERS.astype(f"{order}f4").tobytes()
    content = Content(None, {"0": Place(8, 96), "1": Place(8, 96)}, order)
    return make_arrays(io.BytesIO(b"01234567" + data), PATH, size, content, tensors)


def look(shape, strides, offset=0, storage=STORAGE, element=FLOAT):
    return Tensor(storage, element, offset, shape, strides)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((24,), (1,), 0),
        ((4, 6), (6, 1), 0),
        ((6, 4), (1, 6), 0),
        ((2, 3), (12, 2), 7),
        ((3, 5), (0, 1), 2),
        ((), (), 23),
    ],
)
def test_a_look_is_what_numpy_makes_of_it(order, shape, strides, offset):
    found = arrays(order, w=look(shape, strides, offset))["w"]
    expected = np.lib.stride_tricks.as_strided(NUMBERS[offset:], shape, [4 * stride for stride in strides])
    np.testing.assert_array_equal(found, expected, strict=True)
    assert found.flags.c_contiguous
    assert found.flags.writeable


def test_the_order_of_the_names_stays_and_equal_looks_are_one_array():
    other = Storage("1", FLOAT, 24)
    found = arrays(b=look((2,), (1,), storage=other), a=look((2,), (1,)), c=look((2,), (1,)), d=look((1,), (1,)))
    assert [*found] == ["b", "a", "c", "d"]
    assert found["a"] is found["c"]
    assert found["b"] is not found["a"]
    assert not np.shares_memory(found["a"], found["d"])


def test_an_axis_of_one_may_have_any_stride():
    np.testing.assert_array_equal(arrays(w=look((1, 2), (2**62, 1)))["w"], [[0, 1]])


def test_tensors_without_numbers():
    found = arrays(w=look((0, 3), (3, 1), 99), v=look((2, 0), (0, 0)))
    assert (found["w"].shape, found["v"].shape) == ((0, 3), (2, 0))


def test_a_part_of_a_storage_and_another_kind_of_number():
    found = arrays(
        part=look((2,), (1,), 1, Storage("0", FLOAT, 4, 10)),
        halves=look((2,), (24,), 1, Storage("0", ELEMENTS["uint8"], 96), ELEMENTS["uint16"]),
    )
    np.testing.assert_array_equal(found["part"], [11, 12])
    np.testing.assert_array_equal(found["halves"], NUMBERS.view(np.uint16)[[1, 25]])


@pytest.mark.parametrize(
    ("tensor", "found"),
    [
        (look((25,), (1,)), "number 25 of a storage of 24"),
        (look((2,), (1,), 23), "number 25 of a storage of 24"),
        (look((2,), (1,), 3, Storage("0", FLOAT, 4, 10)), "number 5 of a storage of 4"),
        (look((1,), (1,), storage=Storage("0", FLOAT, 24, 1)), "claims 96 bytes, and the file holds 96"),
        (look((1,), (-1,)), "a negative size, stride or offset"),
        (look((1,), (1,), storage=Storage("2", FLOAT, 24)), "its storage '2' is not in the file"),
        (look((2**60,), (0,)), "repeat the 104 bytes of the file too often"),
        (look((0, 2**30), (1, 1)), "holds nothing"),
        (look((1,) * 33, (1,) * 33), "33 axes"),
        (Unreadable("a sparse tensor"), "a sparse tensor, which cannot be read here"),
    ],
)
def test_what_cannot_be_is_refused_by_name(tensor, found):
    with pytest.raises(CheckpointError, match=rf"model.pt: .*'w'.*{found}|model.pt: .*{found}.*'w'"):
        arrays(v=look((1,), (1,)), w=tensor)


def test_what_is_repeated_is_bounded_by_the_size_of_the_file():
    fits = {f"w{i}": look((i + 2**20,), (0,)) for i in range(8)}  # 33,554,544 of 8 · 104 + 33,554,432 bytes
    assert len(arrays(**fits)) == 8
    with pytest.raises(CheckpointError, match=r"too often \(at 'more'\)"):
        arrays(**fits, more=look((1000,), (0,)))
