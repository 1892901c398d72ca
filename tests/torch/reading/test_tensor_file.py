"""Safetensors files that PyTorch's users have, made by hand."""

import json
import struct

import numpy as np
import pytest

import minnet as mn
from minnet.errors import CheckpointError
from minnet.torch.reading.tensor_file import read_tensor_file


def written(tmp_path, **tensors):
    """Write tensors, each as (dtype, shape, bytes)."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


@pytest.mark.parametrize(
    ("dtype", "stored", "becomes"),
    [
        ("F64", "<f8", "f8"),
        ("F32", "<f4", "f4"),
        ("F16", "<f2", "f4"),
        ("I64", "<i8", "i8"),
        ("I32", "<i4", "i4"),
        ("I16", "<i2", "i2"),
        ("I8", "i1", "i1"),
        ("U64", "<u8", "u8"),
        ("U32", "<u4", "u4"),
        ("U16", "<u2", "u2"),
        ("U8", "u1", "u1"),
        ("BOOL", "?", "?"),
    ],
)
def test_every_kind_of_number(tmp_path, dtype, stored, becomes):
    numbers = np.array([[0, 1, 2], [3, 4, 100]], stored)
    found = read_tensor_file(written(tmp_path, w=(dtype, [2, 3], numbers.tobytes())))
    np.testing.assert_array_equal(found["w"], numbers.astype(becomes), strict=True)
    assert found["w"].flags.writeable


def test_bfloat16(tmp_path):
    numbers = np.array([1.5, -2], np.float32)
    found = read_tensor_file(written(tmp_path, w=("BF16", [2], numbers.view("<u2")[1::2].tobytes())))
    np.testing.assert_array_equal(found["w"], numbers, strict=True)


def test_shapes(tmp_path):
    four = np.float32(4).tobytes()
    found = read_tensor_file(written(tmp_path, b=("F32", [], four), a=("F32", [0, 3], b""), c=("F32", [1, 1], four)))
    assert {name: array.shape for name, array in found.items()} == {"a": (0, 3), "b": (), "c": (1, 1)}


@pytest.mark.parametrize(
    ("tensor", "found"),
    [
        (("F8_E4M3", [1], b"1"), "the tensor 'w' of the kind F8_E4M3\nConvert it"),
        (("F32", [2**40, 0], b""), r"claims \(1099511627776, 0\) and holds nothing"),
        (("F32", [2**62], bytes(4)), "no whole one"),
        (("F32", [2**62, 2**62], b""), "no whole one"),
        (("F32", [-1], bytes(4)), "no whole one"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, tensor, found):
    with pytest.raises(CheckpointError, match=f"model.safetensors: expected a safetensors file, found .*{found}"):
        read_tensor_file(written(tmp_path, w=tensor))


def test_a_header_that_claims_more(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", 2**60) + b"{}")
    with pytest.raises(CheckpointError, match="its header claims"):
        read_tensor_file(path)


def test_load_refuses_what_a_package_has_taught_numpy(tmp_path):
    """With ml_dtypes, which onnx brings, NumPy has a bfloat16: `mn.load` refuses it as it does without."""
    pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    path = written(tmp_path, weight=("BF16", [2], bytes(4)))
    with pytest.raises(CheckpointError, match=r"the array weight.*bfloat16.*mn\.torch\.load_state_dict"):
        mn.load(mn.Linear(1, 2), path)
