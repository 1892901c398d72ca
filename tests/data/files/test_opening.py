"""Arrays in files: every form is read as the library that wrote it reads it, and whatever is none is named."""

import gzip
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import minnet as mn
from tests.support.array_files import IDX, SAFETENSORS, write_idx, write_safetensors

ANY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
SHAPES = arrays.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=5)
ROWS = st.lists(st.integers(0, 4), max_size=6).map(lambda rows: np.array(rows, int))


def same(found, expected):
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype.newbyteorder("=")
    assert found.dtype.isnative
    assert found.flags.c_contiguous


@ANY
@given(arrays.arrays(st.sampled_from(["?", "u1", ">i4", "<f2", ">f8", "<u8"]), SHAPES), st.booleans(), ROWS)
def test_npy(tmp_path, array, fortran, rows):
    np.save(tmp_path / "x.npy", np.asarray(array, order="F" if fortran else "C"))
    found = mn.data.open_array(tmp_path / "x.npy")
    same(found[:], array)
    same(found[1:3], array[1:3])
    same(found[rows % len(array)], array[rows % len(array)])


@ANY
@given(st.data(), st.sampled_from(sorted(IDX)), SHAPES, ROWS)
def test_idx(tmp_path, data, dtype, shape, rows):
    array = data.draw(arrays.arrays(dtype, shape))
    found = mn.data.open_array(write_idx(tmp_path / "x", array, dtype))
    same(found[:], array)
    same(found[rows % len(array)], array[rows % len(array)])
    same(found[:], mn.data.read_idx(tmp_path / "x"))


@ANY
@given(st.data(), st.sampled_from(sorted(SAFETENSORS)), SHAPES, ROWS)
def test_safetensors(tmp_path, data, dtype, shape, rows):
    from safetensors.numpy import save_file

    array = data.draw(arrays.arrays(dtype, shape))
    save_file({"other": np.arange(3.0), "x": array, "y": array.copy()}, tmp_path / "x.safetensors")
    found = mn.data.open_array(tmp_path / "x.safetensors", "x")
    same(found[:], array)
    same(found[rows % len(array)], array[rows % len(array)])


def test_bfloat16_is_read_as_float32(tmp_path):
    exact = np.array([[1, -2.5], [0, 3e38], [np.inf, -0.0]], np.float32)
    high = (exact.view(np.uint32) >> 16).astype("<u2")
    path = write_safetensors(tmp_path / "x", {"x": ("BF16", [3, 2], high.tobytes())})
    found = mn.data.open_array(path)
    assert found.dtype == np.float32
    expected = (high.astype(np.uint32) << 16).view(np.float32)
    same(found[[2, 0]], expected[[2, 0]])


def test_pytorch_writes_what_it_reads(tmp_path):
    torch, safe = pytest.importorskip("torch"), pytest.importorskip("safetensors.torch")
    tensor = torch.arange(6.0).reshape(3, 2).to(torch.bfloat16)
    safe.save_file({"x": tensor}, tmp_path / "x.safetensors")
    same(mn.data.open_array(tmp_path / "x.safetensors")[:], tensor.float().numpy())


def test_it_says_what_it_is_and_is_pickled_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.arange(6.0).reshape(3, 2))
    found = mn.data.open_array("x.npy")
    monkeypatch.chdir("/")
    assert repr(found) == f"open_array({str(tmp_path / 'x.npy')!r}) (3, 2) float64"
    copy = pickle.loads(pickle.dumps(found))
    same(copy[1:], np.arange(6.0).reshape(3, 2)[1:])
    assert len(pickle.dumps(found)) < 2000
    path = write_safetensors(tmp_path / "x", {"x": np.zeros((2, 2))})
    assert repr(mn.data.open_array(path, "x")) == f"open_array({str(path)!r}, 'x') (2, 2) float64"


def test_no_rows(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((0, 3), np.float32))
    found = mn.data.open_array(tmp_path / "x.npy")
    assert found[:].shape == found[[]].shape == (0, 3)


# -- what is none


def npy_of(tmp_path, array, **options):
    np.save(tmp_path / "x", array, **options)
    return (tmp_path / "x.npy").read_bytes()


def header(text, version=1):
    text = text.encode()
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text


CLAIM = "{'descr': '<f4', 'fortran_order': False, 'shape': %s}\n"
WRONG = {
    "nothing": (b"", "found nothing: the file is empty"),
    "web page": (b"<!DOCTYPE html>" * 9, "an HTML page"),
    "gzip": (gzip.compress(b"\0\0\x08\x01\0\0\0\0"), "found gzip data\nRows cannot be found in it: unpack it once"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(90), r"h5py.File\(path\)\[name\]"),
    "2^60 rows": (header(CLAIM % f"({2**60},)"), "rows of at least one number, found a header that claims"),
    "many rows": (
        header(CLAIM % f"({2**59},)"),
        r"expected 2,305,843,009,213,\d+,\d+ bytes, because of a header that cl",
    ),
    "no numbers a row": (header(CLAIM % f"({2**59}, 0)"), "rows of at least one number"),
    "endless row": (header(CLAIM % f"(0, {2**59}, {2**59})"), "rows of at least one number"),
    "negative": (header(CLAIM % "(-1,)"), "rows of at least one number"),
    "long text": (header("{" + " " * 70_000, 2), "it claims 70,001 bytes"),
    "a long length": (b"\x93NUMPY\2\0\xff\xff\xff\xff{}", "it claims 4,294,967,295 bytes"),
    "columns": (header("", 3), "version .3, 0., which has columns with names"),
    "text": (header("{'shape': __import__('os')}"), "a fault in it"),
    "cut off": (header(CLAIM % "(3,)") + bytes(11), "found .* bytes\nLikely cause: a file that is damaged, or not"),
    "too long": (header(CLAIM % "(3,)") + bytes(13), "found .* bytes"),
    "idx cut off": (b"\0\0\x0d\1\0\0\0\2" + bytes(7), r"expected 16 bytes, because of a header that claims .* \(2,\)"),
    "idx of another kind": (b"\0\0\x0a\1\0\0\0\2" + bytes(7), "expected an IDX element type"),
    "no JSON": (b"\3\0\0\0\0\0\0\0{}}" + bytes(9), "expected a header in JSON, found a fault in it"),
    "no object": (b"\2\0\0\0\0\0\0\0{}", "found 0 tensors"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_none_is_named(case, tmp_path):
    content, message = WRONG[case]
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(mn.errors.DataError, match=message) as caught:
        mn.data.open_array(tmp_path / "x")
    assert str(caught.value).startswith(f"{tmp_path / 'x'}: expected ")


ENTRIES = [
    ({"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}, "a place as large as the tensor, found 4 bytes for 8"),
    ({"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]}, "a place as large as the tensor"),
    ({"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}, "because of a header that claims the shape"),
    ({"dtype": "F32", "shape": [2**59], "data_offsets": [0, 2**61]}, "because of a header that claims the shape"),
    ({"dtype": "F8_E4M3", "shape": [8], "data_offsets": [0, 8]}, "Convert it to float16 or float32"),
    ({"dtype": "F32", "shape": [], "data_offsets": [0, 4]}, "an array of rows, found a single number"),
    ({"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]}, "expected dtype, shape and data_offsets"),
    ({"dtype": "F32", "shape": [True, 2], "data_offsets": [0, 8]}, "expected dtype, shape and data_offsets"),
    ({"dtype": ["F32"], "shape": [2], "data_offsets": [0, 8]}, "expected dtype, shape and data_offsets"),
    ({"dtype": "F32"}, "expected dtype, shape and data_offsets"),
    ([], "expected dtype, shape and data_offsets"),
]


@pytest.mark.parametrize(("entry", "message"), ENTRIES)
def test_a_tensor_that_lies(entry, message, tmp_path):
    import json

    text = json.dumps({"x": entry}).encode()
    (tmp_path / "x").write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    with pytest.raises(mn.errors.DataError, match=message):
        mn.data.open_array(tmp_path / "x")


def test_a_header_longer_than_the_file(tmp_path):
    (tmp_path / "x").write_bytes((2**60 + 1).to_bytes(8, "little") + b"{}" + bytes(90))
    with pytest.raises(mn.errors.DataError, match="expected a header of at most 92 bytes, found 1,152,921,"):
        mn.data.open_array(tmp_path / "x")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([None, {}]), "Python objects, which are a pickle\nminnet unpickles no file"),
        (np.array(["a"]), "expected real numbers, found <U1"),
        (np.zeros(2, complex), "expected real numbers, found complex128"),
        (np.zeros(2, [("a", float)]), "expected real numbers"),
        (np.float64(3), "an array of rows, found a single number"),
    ],
)
def test_an_array_of_anything_but_numbers(array, message, tmp_path):
    (tmp_path / "y").write_bytes(npy_of(tmp_path, array))
    with pytest.raises(mn.errors.DataError, match=message):
        mn.data.open_array(tmp_path / "y")


def test_an_archive_a_folder_and_a_pipe(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", b"")
    with pytest.raises(mn.errors.DataError, match=r"a zip archive, such as .npz\nStore each of its arrays"):
        mn.data.open_array(tmp_path / "x.npz")
    with pytest.raises(mn.errors.DataError, match=r"found a folder\n.*zarr.open_array"):
        mn.data.open_array(tmp_path)
    with pytest.raises(mn.errors.DataNotFoundError, match="there is no file"):
        mn.data.open_array(tmp_path / "none.npy")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(mn.errors.DataError, match="a device or a pipe"):
            mn.data.open_array(tmp_path / "pipe")


def test_names(tmp_path):
    path = write_safetensors(tmp_path / "two", {"a": np.zeros(2), "b": np.zeros(3)}, {"by": "us"})
    with pytest.raises(
        mn.errors.DataError, match=r"the name of one of its tensors, found 2 tensors\nPass .*'a'\): 'a', 'b'"
    ):
        mn.data.open_array(path)
    with pytest.raises(mn.errors.DataError, match="expected a tensor 'c', found none of that name among 2"):
        mn.data.open_array(path, "c")
    assert mn.data.open_array(path, "b").shape == (3,)
    np.save(tmp_path / "x.npy", np.zeros(2))
    with pytest.raises(ValueError, match=r"got name='a', but .*x.npy is .npy, which has one array: leave out name"):
        mn.data.open_array(tmp_path / "x.npy", "a")
    with pytest.raises(TypeError, match="expected name to be a text, got int"):
        mn.data.open_array(path, 1)
    with pytest.raises(TypeError, match="expected path to be a path"):
        mn.data.open_array(3)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.zeros(2))

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(mn.errors.DataError, match=r"an error of the system .Permission denied"):
        mn.data.open_array(tmp_path / "x.npy")
