"""The zip form; hostile zips are in test_hostile_files.py."""

import io
import re
import zipfile

import pytest
from torch_files import Ordered, archive, pickled, tensor

from minnet.errors import CheckpointError
from minnet.torch.reading.archive import read_archive
from minnet.torch.reading.records import Tensor

NUMBERS = bytes(range(8))
STATE = Ordered({"w": tensor("7", 2, (2,))})


def read(content, tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with path.open("rb") as file:
        found = read_archive(file, path)
        place = found.places.get("7")
        file.seek(place.start if place else 0)
        return found, file.read(place.size if place else 0)


@pytest.mark.parametrize(("order", "sign"), [("little", "<"), ("big", ">"), (None, "<")])
@pytest.mark.parametrize("top", ["archive", "my model", "größe"])
def test_values_and_places(tmp_path, order, sign, top):
    found, data = read(archive(STATE, {"7": NUMBERS}, order=order, top=top), tmp_path)
    assert isinstance(found.values["w"], Tensor)
    assert (found.order, data, [*found.places]) == (sign, NUMBERS, ["7"])


def test_other_entries_are_left_alone(tmp_path):
    found, _ = read(archive(STATE, {"7": NUMBERS}, **{".data/serialization_id": b"5", "extra/notes": b"x"}), tmp_path)
    assert [*found.places] == ["7"]


def test_zip64(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as whole:
        for name, data in (("a/data.pkl", pickled(STATE)), ("a/data/7", NUMBERS)):
            with whole.open(name, "w", force_zip64=True) as entry:
                entry.write(data)
    assert read(file.getvalue(), tmp_path)[1] == NUMBERS


def test_sizes_behind_the_bytes(tmp_path):
    """As PyTorch writes them, and whoever cannot go back in a file."""

    class OneWay(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *_):
            raise io.UnsupportedOperation

    file = OneWay()
    with zipfile.ZipFile(file, "w") as whole:
        whole.writestr("a/data.pkl", pickled(STATE))
        whole.writestr("a/data/7", NUMBERS)
    assert read(file.getvalue(), tmp_path)[1] == NUMBERS


def test_a_folder_as_an_entry(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as whole:
        whole.mkdir("a")
        whole.writestr("a/data.pkl", pickled(STATE))
    assert [*read(file.getvalue(), tmp_path)[0].places] == []


@pytest.mark.parametrize(
    ("names", "found", "cure"),
    [
        (("x.npy",), "an archive of NumPy, without", "save the weights alone"),
        (("a/version", "a/data/0"), "another zip archive, without", "save the weights alone"),
        (("a/b/data.pkl",), "another zip archive, without", "save the weights alone"),
        (("a/data.pkl", "a/constants.pkl"), "a TorchScript program", "torch.jit.load"),
    ],
)
def test_other_zips_are_named(tmp_path, names, found, cure):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as whole:
        for name in names:
            whole.writestr(name, b"data")
    with pytest.raises(CheckpointError, match=f"found {found}.*\n.*{re.escape(cure)}"):
        read(file.getvalue(), tmp_path)
