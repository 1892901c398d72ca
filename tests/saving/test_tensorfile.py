"""Tests of reading tensor files: right, or refused. How they are written is in test_tensorfile_writing.py."""

import hashlib
import json
import os
import struct
import time

import numpy as np
import pytest
from safetensors.numpy import save as plain_save

from minnet.errors import CheckpointError
from minnet.saving import tensorfile
from minnet.saving.tensorfile import OWN, read_tensors, write_tensors

ARRAYS = {
    "a.weight": np.array([[1.5, -2.0], [0.25, 3.0]], np.float32),
    "b.weight": np.array([[4.0, 5.0], [6.0, 7.0]], np.float32),
    "c": np.array([1, 2], np.int8),
}


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "model.safetensors"
    write_tensors(file, ARRAYS, {"kind": "weights", "structure": "Größe\nof two lines"})
    return file


def split(content):
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def join(header, data=b"", claimed=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if claimed is None else claimed) + text + data


def sign(header, data):
    """Compute all digests anew, as a hostile writer can."""
    metadata = header["__metadata__"]
    metadata["sha256"] = json.dumps(
        {
            name: hashlib.sha256(data[slice(*entry["data_offsets"])]).hexdigest()
            for name, entry in header.items()
            if name != "__metadata__"
        }
    )
    names = {"F32": "float32", "I8": "int8"}
    strings = {key: value for key, value in metadata.items() if key != "metadata_sha256"}
    arrays = {n: [names[e["dtype"]], e["shape"]] for n, e in header.items() if n != "__metadata__"}
    text = json.dumps([strings, arrays], sort_keys=True)
    metadata["metadata_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    return join(header, data)


def refused(path, *parts):
    start = time.perf_counter()
    with pytest.raises(CheckpointError) as caught:
        read_tensors(path)
    message = str(caught.value)
    assert str(path) in message
    for part in parts:
        assert part in message
    assert len(message) < 900
    assert time.perf_counter() - start < 5


def assert_same(tensors, expected):
    assert tensors.keys() == expected.keys()
    for name, array in expected.items():
        assert (tensors[name].shape, tensors[name].dtype) == (array.shape, array.dtype.newbyteorder("="))
        np.testing.assert_array_equal(tensors[name], array)


# What was written comes back


def test_arrays_and_metadata_come_back(path):
    tensors, metadata = read_tensors(path)
    assert_same(tensors, ARRAYS)
    assert metadata["structure"] == "Größe\nof two lines"
    assert {key for key in metadata if key not in OWN} == {"format", "kind", "structure"}


@pytest.mark.parametrize(
    "array",
    [
        np.float32(3) * np.ones((), np.float32),
        np.zeros((0,), np.float32),
        np.zeros((3, 0, 2), np.int64),
        np.arange(6.0).reshape(2, 3).T,
        np.arange(20)[::3],
        np.arange(5)[::-1],
        np.broadcast_to(np.float32(7), (2, 3)),
        np.arange(4, dtype=">f4"),
        np.arange(6, dtype=">i8").reshape(2, 3).T,
        np.array(9, dtype=">u2"),
        np.array([True, False]),
        np.array([np.nan, np.inf, -0.0], np.float16),
        np.array([2**64 - 1], np.uint64),
    ],
    ids=lambda array: f"{array.dtype.str}{array.shape}",
)
def test_arrays_of_every_layout(tmp_path, array):
    path = tmp_path / "file"
    write_tensors(path, {"x": array}, {})
    assert_same(read_tensors(path).tensors, {"x": array})


def test_nothing_and_strange_names(tmp_path):
    write_tensors(tmp_path / "file", {}, {})
    assert read_tensors(tmp_path / "file").tensors == {}
    named = {"": np.ones(1), "é\n\x1b[31m": np.zeros(2), "a" * 5000: np.ones(3)}
    write_tensors(tmp_path / "file", named, {"": "", "ключ": "\U0001f600\x00"})
    tensors, metadata = read_tensors(tmp_path / "file")
    assert_same(tensors, named)
    assert metadata["ключ"] == "\U0001f600\x00"


def test_a_name_that_is_no_unicode(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xe9.safetensors")
    try:
        write_tensors(path, ARRAYS, {})
    except OSError:
        pytest.skip("this file system has Unicode names only")
    assert_same(read_tensors(path).tensors, ARRAYS)


def test_a_file_of_another_tool_is_read_as_it_is(tmp_path):
    path = tmp_path / "foreign"
    for metadata in (None, {}, {"format": "pt"}):
        path.write_bytes(plain_save(ARRAYS, metadata))
        assert_same(read_tensors(path).tensors, ARRAYS)
    assert read_tensors(path).metadata == {"format": "pt"}


def test_a_link_stays_a_link(path, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(path.name)
    write_tensors(link, {"new": np.ones(1)}, {})
    assert link.is_symlink()
    assert list(read_tensors(path).tensors) == ["new"]


# Damage


def test_every_bit(path):
    """Each bit of a small file, flipped: it is refused, or nothing that counts has changed."""
    arrays = {"w": np.array([1.5, -2.0], np.float32), "n": np.array(7, np.int8)}
    write_tensors(path, arrays, {})
    good = path.read_bytes()
    metadata = read_tensors(path).metadata
    for bit in range(8 * len(good)):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bad)
        try:
            tensors, found = read_tensors(path)
        except CheckpointError as error:
            assert str(path) in str(error)  # noqa: PT017, most are refused and a few may be read
        else:
            assert_same(tensors, arrays)
            assert found == metadata


def test_every_length(path):
    good = path.read_bytes()
    for length in range(len(good)):
        path.write_bytes(good[:length])
        refused(path)
    path.write_bytes(good + b"\0")
    refused(path)


def test_a_changed_number_is_named(path):
    good = bytearray(path.read_bytes())
    good[-1] ^= 1
    path.write_bytes(good)
    name = max(split(bytes(good))[0].items(), key=lambda item: item[1].get("data_offsets", [0])[0])[0]
    refused(path, f"the SHA-256 of {name} is wrong", "use another copy")


def test_arrays_in_the_place_of_each_other(path):
    header, data = split(path.read_bytes())
    a, b = header["a.weight"], header["b.weight"]
    a["data_offsets"], b["data_offsets"] = b["data_offsets"], a["data_offsets"]
    path.write_bytes(join(header, data))
    refused(path, "the SHA-256 of a.weight, b.weight is wrong")
    path.write_bytes(sign(header, data))  # whoever signs it anew may: these are the arrays that he meant
    np.testing.assert_array_equal(read_tensors(path).tensors["a.weight"], ARRAYS["b.weight"])


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda h: h.update({"d": h.pop("c")}), "name, dtype or shape"),
        (lambda h: h["c"].update(dtype="U8"), "name, dtype or shape"),
        (lambda h: h["a.weight"].update(shape=[4, 1]), "name, dtype or shape"),
        (lambda h: h["__metadata__"].update(kind="checkpoint"), "its metadata"),
        (lambda h: h["__metadata__"].update(more="x"), "its metadata"),
        (lambda h: h["__metadata__"].pop("kind"), "its metadata"),
        (lambda h: h["__metadata__"].update(minnet_version="9"), "its metadata"),
        (lambda h: h["__metadata__"].update(metadata_sha256=""), "its metadata"),
        (lambda h: h["__metadata__"].pop("sha256"), "lack sha256"),
        (lambda h: [h["__metadata__"].pop(key) for key in OWN[1:]], "lack minnet_version, sha256, metadata_sha256"),
    ],
)
def test_a_changed_header(path, change, part):
    header, data = split(path.read_bytes())
    change(header)
    path.write_bytes(join(header, data))
    refused(path, part)


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "7", "null", "{}", '{"a.weight": 1}', "[" * 100_000, "NaN"])
def test_signed_digests_that_are_none(path, text):
    header, data = split(path.read_bytes())
    sign(header, data)
    metadata = header["__metadata__"]
    metadata["sha256"] = text
    strings = {key: value for key, value in metadata.items() if key != "metadata_sha256"}
    arrays = {name: [str(array.dtype), list(array.shape)] for name, array in ARRAYS.items()}
    digest = hashlib.sha256(json.dumps([strings, arrays], sort_keys=True).encode())
    metadata["metadata_sha256"] = digest.hexdigest()
    path.write_bytes(join(header, data))
    refused(path, "sha256" if not text.startswith(("[]", "7", "null", "{", "NaN")) else "its digests")


@pytest.mark.parametrize("version", ["2", "1.0", "", "x" * 10_000, "\x1b[31m"])
def test_a_later_version_of_the_format(path, version):
    header, data = split(path.read_bytes())
    header["__metadata__"] |= {"format_version": version, "minnet_version": "7.0\n" + "y" * 10_000}
    path.write_bytes(sign(header, data))
    refused(path, "update minnet", "by minnet 7.0?", f"this minnet, {tensorfile.__version__}")


# Hostile files

F32 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
HOSTILE = {
    "nothing": (b"", "0 bytes"),
    "seven bytes": (b"1234567", "7 bytes"),
    "zeros": (bytes(8), "not a whole safetensors file"),
    "a length of 2^64": (join({}, claimed=2**64 - 1), "claims 18,446,744,073,709,551,615"),
    "a length of 2^63": (join({}, claimed=2**63), "claims 9,2"),
    "a length one too large": (join({}, claimed=3), "claims 3"),
    "a header of 20 MB": (join(b"{}" + b" " * 20_000_000), "at most 16,777,216"),
    "no JSON": (join(b"\0\1\2\3"), "not a whole safetensors file"),
    "no UTF-8": (join(b'{"\xff": 1}'), "not a whole safetensors file"),
    "lone surrogate": (join(b'{"\\ud800": 1}'), "not a whole safetensors file"),
    "a list": (join(b"[]"), "not a whole safetensors file"),
    "deep lists": (join(b"[" * 500_000), "not a whole safetensors file"),
    "deep dicts": (join(b'{"a":' * 500_000), "not a whole safetensors file"),
    "deep metadata": (join(b'{"__metadata__":{"a":' + b"[" * 500_000), "not a whole safetensors file"),
    "metadata of numbers": (join({"__metadata__": {"a": 1}}), "not a whole safetensors file"),
    "a dtype of a megabyte": (join({"a": {**F32, "dtype": "x" * 10**6}}, b"abcd"), "not a whole safetensors file"),
    "a dtype with an escape": (join({"a": {**F32, "dtype": "\x1b[31m\n"}}, b"abcd"), "?[31m?"),
    "overlap": (join({"a": F32, "b": F32}, b"abcd"), "invalid offset for tensor"),
    "partial overlap": (join({"a": F32, "b": {**F32, "data_offsets": [2, 6]}}, b"abcdef"), "`b`"),
    "a hole": (join({"a": F32, "b": {**F32, "data_offsets": [8, 12]}}, bytes(12)), "`b`"),
    "more after the end": (join({"a": F32}, bytes(8)), "not a whole safetensors file"),
    "less than there should be": (join({"a": F32}, bytes(3)), "not a whole safetensors file"),
    "backwards": (join({"a": {**F32, "data_offsets": [4, 0]}}, bytes(4)), "`a`"),
    "a negative size": (join({"a": {**F32, "shape": [-1]}}, bytes(4)), "not a whole safetensors file"),
    "a size of 2^64": (join({"a": {**F32, "shape": [2**64]}}, bytes(4)), "not a whole safetensors file"),
    "sizes whose product is small": (join({"a": {**F32, "shape": [2**32, 2**32]}}, b""), "overflow"),
    "a huge shape of nothing": (join({"a": {**F32, "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]}}), "array a"),
    "65 dimensions": (join({"a": {**F32, "shape": [1] * 65}}, bytes(4)), "the array a"),
    "a million dimensions": (join({"a": {**F32, "shape": [1] * 10**6}}, bytes(4)), "the array a"),
    "one name twice": (
        join(
            b'{"a":%s,"a":%s}' % (json.dumps(F32).encode(), json.dumps({**F32, "data_offsets": [4, 8]}).encode()),
            bytes(8),
        ),
        "not a whole safetensors file",
    ),
    "BF16": (join({"the name": {**F32, "dtype": "BF16", "shape": [2]}}, bytes(4)), "the array the name"),
    "F8_E4M3": (join({"a": {**F32, "dtype": "F8_E4M3", "shape": [4]}}, bytes(4)), "the array a"),
    "F8_E5M2": (join({"a": {**F32, "dtype": "F8_E5M2", "shape": [4]}}, bytes(4)), "the array a"),
    "F4": (join({"a": {**F32, "dtype": "F4", "shape": [8]}}, bytes(4)), "the array a"),
    "a pickle": (b"\x80\4cos\nsystem\n.", "not a whole safetensors file"),
    "a page": (b"<!DOCTYPE html><html>", "Likely cause: an HTML page"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "run 'git lfs pull'"),
    "PyTorch's zip": (b"PK\3\4" + bytes(100), "mn.torch.load_state_dict(model, path)"),
    "PyTorch's older form": (b"\x80\2\x8a\nl\xfc\x9c" + bytes(100), "mn.torch.load_state_dict(model, path)"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(tmp_path, name):
    content, part = HOSTILE[name]
    path = tmp_path / "file.safetensors"
    path.write_bytes(content)
    refused(path, part)


def test_a_header_of_many_arrays_takes_its_time_and_no_more(tmp_path):
    path = tmp_path / "many"
    nothing = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
    path.write_bytes(join({str(i): nothing for i in range(50_000)}))
    assert len(read_tensors(path).tensors) == 50_000


# What is no file


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere: there is no such file"):
        read_tensors(tmp_path / "nowhere")


def test_a_folder(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read_tensors(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_does_not_make_it_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "not a regular file")
    refused_device = tmp_path / "zero"
    refused_device.symlink_to("/dev/zero")
    refused(refused_device, "not a regular file")


@pytest.mark.parametrize("shape", [(2**40, 0), (0, 2**40), (3, 2**25, 0)])
def test_an_array_of_many_rows_that_hold_nothing_is_refused(tmp_path, shape):
    write_tensors(tmp_path / "m", {"a": np.zeros((2**24, 0))}, {})
    assert read_tensors(tmp_path / "m").tensors["a"].shape == (2**24, 0)
    write_tensors(tmp_path / "m", {"a": np.zeros(shape)}, {})
    with pytest.raises(CheckpointError, match=r"the array a: cannot be read .*holds nothing"):
        read_tensors(tmp_path / "m")


@pytest.mark.parametrize("size", [0, 7])
def test_a_file_without_a_header_is_not_said_to_have_one(tmp_path, size):
    (tmp_path / "x.safetensors").write_bytes(b"1" * size)
    with pytest.raises(CheckpointError, match=rf"safetensors file: it has {size} bytes: the file is damaged"):
        read_tensors(tmp_path / "x.safetensors")
