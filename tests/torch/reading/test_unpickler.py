"""The unpickler by itself; hostile pickles are in test_hostile_files.py."""

import io
import pickle
from pathlib import Path

import pytest
from torch_files import Name, Ordered, Raw, Reference, pickled, tensor

from minnet.errors import CheckpointError
from minnet.torch.reading.places import Piece
from minnet.torch.reading.records import ELEMENTS, Other, Tensor
from minnet.torch.reading.unpickler import TensorUnpickler


def run(content):
    unpickler = TensorUnpickler(Piece(io.BytesIO(content), len(content)), Path("model.pt"))
    return unpickler.run(), unpickler


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
def test_plain_values_come_out_as_they_went_in(protocol):
    value = {"a": [1, -2, 70_000, 2**40, 2**3000, (True, None, 0.5)], "é\U0001f600": {1: "x" * 300, None: {}, 1.5: ()}}
    assert run(pickle.dumps(value, protocol))[0] == value


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_sets_are_lists_and_bytes_are_bytes(protocol):
    assert run(pickle.dumps([{1}, frozenset({2}), b"abc"], protocol))[0] in ([[1], [2], b"abc"], [[1], (2,), b"abc"])


def test_recursive_values():
    value: list = []
    value.append(({"self": value},))
    found, _ = run(pickle.dumps(value, 4))
    assert found[0][0]["self"] is found


def test_storages_are_kept_as_they_were_named_first():
    state = Ordered({"w": tensor("0", 24, (4, 6)), "b": tensor("0", 48, (2,), kind="Half")})
    found, unpickler = run(pickled(state))
    assert all(isinstance(record, Tensor) for record in found.values())
    assert found["b"].element is ELEMENTS["float16"]
    assert (unpickler.storages["0"].element, unpickler.storages["0"].count) == (ELEMENTS["float32"], 24)


def test_a_part_of_a_storage():
    found, unpickler = run(pickled({"w": tensor("0", 24, (2,), view=(("1", 3, 5),))}))
    assert (found["w"].storage.start, found["w"].storage.count, unpickler.storages["0"].count) == (3, 5, 24)


def test_attributes_of_objects_are_passed_over():
    content = Raw(b"cargparse\nNamespace\n)\x81}X\2\0\0\0lrK\1sb")
    assert isinstance(run(pickled({"args": content}))[0]["args"], Other)


def test_the_message_names_what_it_wanted_and_the_cure():
    with pytest.raises(CheckpointError) as caught:
        run(pickled({"model": Name("__main__", "Net")}))
    assert str(caught.value) == (
        "model.pt: expected a file of tensors that torch.save wrote, "
        "found a call for '__main__.Net'; nothing of it was run\n"
        "If you trust it, load it with PyTorch, and save the weights alone: torch.save(model.state_dict(), path)."
    )


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (Reference(("module", 1, 2, 3)), "a whole model"),
        (Reference(("storage", "x", "0", "cpu", 1)), "no storage"),
        (Raw(b"K\1]b"), "a state for something that has none"),
        (Raw(b"K\1K\1K\1s"), "no dict"),
        (Raw(b"K\1K\1a"), "no list"),
        (Raw(b"K\1)R"), "no function"),
        (Raw(b"K\1)\x81"), "no function"),
    ],
)
def test_what_does_not_fit_is_refused(value, found):
    with pytest.raises(CheckpointError, match=f"{found}.*; nothing of it was run"):
        run(pickled(value))
