"""What the three headers say; `test_opening.py` has the files, and those that lie."""

import numpy as np
import pytest

from minnet.data.files.headers import idx_layout, npy_layout, safetensors_layout
from minnet.data.files.layout import Layout
from tests.support.array_files import write_idx, write_safetensors

X = np.arange(6, dtype=np.uint8).reshape(2, 3)


def test_each_says_where_the_numbers_begin(tmp_path):
    np.save(tmp_path / "x.npy", X.T)
    idx = write_idx(tmp_path / "x", X, "u1")
    tensors = write_safetensors(tmp_path / "x.safetensors", {"other": X[:1], "x": X})
    found = [
        npy_layout(tmp_path / "x.npy", 128 + 6),
        idx_layout(idx, 18),
        safetensors_layout(tensors, tensors.stat().st_size, "x"),
    ]
    u1 = np.dtype("u1")
    assert found[:2] == [Layout((3, 2), u1, 128, True), Layout((2, 3), u1, 12)]
    assert found[2] == Layout((2, 3), u1, tensors.stat().st_size - 6)
    assert found[2].row_bytes == 3


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_both_versions_of_npy(version, tmp_path):
    with (tmp_path / "x.npy").open("wb") as file:
        np.lib.format.write_array(file, X, version)
    size = (tmp_path / "x.npy").stat().st_size
    assert npy_layout(tmp_path / "x.npy", size).offset == size - 6
