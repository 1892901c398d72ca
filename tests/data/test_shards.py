"""Shards are one array, whatever each of them is."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minnet as mn
from tests.support.array_files import write_idx, write_safetensors

X = np.arange(60, dtype=np.float32).reshape(20, 3)


@given(
    st.lists(st.integers(0, 20), max_size=5).map(sorted),
    st.lists(st.integers(-20, 19), max_size=9) | st.slices(20),
)
def test_rows_are_those_of_the_whole(cuts, rows):
    shards = mn.data.Shards(np.split(X, cuts))
    assert shards.shape == X.shape
    expected = X[rows] if isinstance(rows, slice) else X[np.array(rows, int)]
    np.testing.assert_array_equal(shards[rows], expected)


def test_files_of_all_forms_are_shards(tmp_path):
    zarr = pytest.importorskip("zarr")
    np.save(tmp_path / "a.npy", X[:4])
    np.save(tmp_path / "f.npy", np.asfortranarray(X[4:6]))
    np.save(tmp_path / "none.npy", X[:0])
    write_idx(tmp_path / "b", X[6:7], ">f4")
    write_safetensors(tmp_path / "c", {"x": X[7:11], "y": X})
    chunks = zarr.create_array(str(tmp_path / "d.zarr"), shape=(5, 3), chunks=(2, 3), dtype="float32")
    chunks[:] = X[11:16]
    memmap = np.memmap(tmp_path / "e", np.float32, "w+", shape=(4, 3))
    memmap[:] = X[16:]
    named = mn.data.open_array(tmp_path / "c", "x")
    paths = [tmp_path / "a.npy", str(tmp_path / "f.npy"), tmp_path / "none.npy", tmp_path / "b"]
    shards = mn.data.Shards([*paths, named, chunks, memmap])
    assert repr(shards) == "Shards(7) (20, 3) float32"
    np.testing.assert_array_equal(shards[:], X)
    np.testing.assert_array_equal(shards[[19, 3, 4, 12, 0, 7]], X[[19, 3, 4, 12, 0, 7]])
    np.testing.assert_array_equal(mn.data.Shards([shards, shards])[18:23], np.concatenate([X, X])[18:23])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(mn.data.Shards(paths)))[2:6], X[2:6])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (np.zeros((2, 3)), r"rows of shape \(3,\), float32, as in .*a.npy.*, got \(3,\), float64, in .*other.npy"),
        (np.zeros((2, 4), np.float32), r"got \(4,\), float32, in open_array\('.*other.npy'\)"),
    ],
)
def test_a_shard_of_another_form_is_named(other, message, tmp_path):
    np.save(tmp_path / "a.npy", X)
    np.save(tmp_path / "other.npy", other)
    with pytest.raises(ValueError, match=message):
        mn.data.Shards([tmp_path / "a.npy", tmp_path / "other.npy"])


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ([], ValueError, "at least one path or array, got none: did a pattern match no file"),
        ("data/*.npy", TypeError, r"expected a list of paths or arrays, got a str: pass a list"),
        (X, TypeError, "expected a list of paths or arrays, got an array"),
        (3, TypeError, "expected a list of paths or arrays, got an int"),
        ({"a": X}, TypeError, "expected a list of paths or arrays, got a dict"),
        ([X, [[1, 2]]], TypeError, r"expected parts\[1\] to be a path, or an array"),
        ([np.float32(1)], TypeError, r"expected parts\[0\] to be a path, or an array"),
        ([np.array(["a"])], TypeError, "expected numbers, got <U1"),
    ],
)
def test_what_are_no_shards(parts, error, message):
    with pytest.raises(error, match=message):
        mn.data.Shards(parts)


def test_tensors():
    torch = pytest.importorskip("torch")
    np.testing.assert_array_equal(mn.data.Shards([torch.ones(2, 3), X])[1:3], [[1, 1, 1], X[0]])


def test_no_rows_at_all():
    shards = mn.data.Shards([X[:0], X[:0]])
    assert shards[:].shape == (0, 3)
    with pytest.raises(ValueError, match="got no samples: X has shape"):
        mn.DataLoader(shards, np.zeros(0))
