"""The older form; hostile files of it are in test_hostile_files.py."""

import pytest
from torch_files import Ordered, older, tensor

from minnet.errors import CheckpointError
from minnet.torch.reading.older import read_older

STATE = Ordered({"w": tensor("94", 2, (2,)), "b": tensor("12", 3, (3,), kind="Byte")})


def read(content, tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with path.open("rb") as file:
        found = read_older(file, path, len(content))
    return found, {key: content[place.start : place.start + place.size] for key, place in found.places.items()}


def test_values_and_places(tmp_path):
    found, data = read(older(STATE, {"12": (3, b"abc"), "94": (2, b"12345678")}), tmp_path)
    assert [*found.values] == ["w", "b"]
    assert found.order == "<"
    assert data == {"12": b"abc", "94": b"12345678"}


def test_what_follows_is_left_alone(tmp_path):
    """Who saves twice into one file can load twice from it."""
    _, data = read(older(STATE, {"94": (2, b"12345678")}) + b"more", tmp_path)
    assert data == {"94": b"12345678"}


@pytest.mark.parametrize("count", [3, 2**60, -1])
def test_a_storage_that_claims_more(tmp_path, count):
    with pytest.raises(CheckpointError, match=r"found 8 bytes where there should be [\d,]+ of the storage '94'"):
        read(older(STATE, {"94": (count, b"12345678")}), tmp_path)
