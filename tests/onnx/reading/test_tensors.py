"""Arrays of a file: their types, where their numbers are, and what is said of those that lie about it."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

import onnx

from minnet.errors import CheckpointError
from minnet.onnx.reading.tensors import TYPES, Tensors, kind_of

NAMES = {2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 12: "uint32", 13: "uint64"}


def tensors(tmp_path, size=10_000, double=False):
    return Tensors(tmp_path / "m.onnx", size, double)


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("number", sorted(TYPES))
def test_every_type(number, raw, tmp_path):
    values = np.array([[0, 1, 3], [2, 1, 0]])
    if number == 16:
        import ml_dtypes

        array = values.astype(ml_dtypes.bfloat16)
    else:
        array = values.astype({1: "f4", 10: "f2", 11: "f8", **NAMES}[number])
    tensor = onnx.numpy_helper.from_array(array, "w")
    if not raw:
        numbers = array.reshape(-1)
        numbers = numbers.view(np.uint16) if number in (10, 16) else numbers
        tensor = (
            onnx.helper.make_tensor("w", number, array.shape, numbers.tolist()) if number not in (10, 16) else tensor
        )
        if number in (10, 16):
            tensor.ClearField("raw_data")
            tensor.int32_data.extend(numbers.tolist())
    got = tensors(tmp_path).array(tensor)
    assert got.dtype == {"f": np.float32, "i": np.int64, "b": bool}[kind_of(number)]
    assert np.array_equal(got, array.astype(got.dtype))


def test_double(tmp_path):
    tensor = onnx.numpy_helper.from_array(np.array([0.1, 0.2]), "w")
    assert tensors(tmp_path, double=True).array(tensor).tolist() == [0.1, 0.2]


def lying(**changes):
    tensor = onnx.numpy_helper.from_array(np.arange(6, dtype=np.float32), "w")
    for name, value in changes.items():
        if name == "dims":
            del tensor.dims[:]
            tensor.dims.extend(value)
        else:
            setattr(tensor, name, value)
    return tensor


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dims": [2**60]}, "more numbers than the file holds"),
        ({"dims": [-1, 6]}, "has the shape"),
        ({"dims": [1] * 40}, "has the shape"),
        ({"dims": [5]}, "5 numbers by its shape, and 24 bytes"),
        ({"dims": [0, 2**60]}, "0 numbers by its shape, and 24 bytes"),
        ({"raw_data": b"abc"}, "6 numbers by its shape, and 3 bytes"),
        ({"data_type": 8}, "data type 8"),
        ({"data_type": 99}, "data type 99"),
    ],
)
def test_shapes_that_lie(changes, message, tmp_path):
    with pytest.raises(CheckpointError, match=message):
        tensors(tmp_path).array(lying(**changes))


def external(location, offset=None, length=None):
    tensor = lying(data_location=1)
    tensor.ClearField("raw_data")
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            entry = tensor.external_data.add()
            entry.key, entry.value = key, str(value)
    return tensor


def test_numbers_in_another_file(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "w.bin").write_bytes(b"abcd" + np.arange(6, dtype="<f4").tobytes())
    got = tensors(tmp_path, 10).array(external("data/w.bin", 4, 24))
    assert got.tolist() == [0, 1, 2, 3, 4, 5]
    for offset, length in ((5, 24), (-1, 24), (2**62, 24), (0, 25), (0, 2**60), ("x", 24)):
        with pytest.raises(CheckpointError, match=r"is said to be|is no number"):
            tensors(tmp_path, 10).array(external("data/w.bin", offset, length))


@pytest.mark.parametrize(
    "location",
    ["../secret", "/etc/passwd", "a/../../secret", "", ".", "..", "C:\\secret", "C:secret", "a\0b", "x" * 2000],
)
def test_no_path_leads_out_of_the_folder(location, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(24))
    with pytest.raises(CheckpointError, match="no path inside the model's folder"):
        tensors(folder, 10).array(external(location))


def test_links_folders_and_missing_files_are_refused(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(24))
    folder = tmp_path / "model"
    (folder / "inside").mkdir(parents=True)
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "out").symlink_to(tmp_path)
    for location, message in (
        ("link", "a link"),
        ("out/secret", "a link"),
        ("inside", "a folder"),
        ("gone", "copy both"),
    ):
        with pytest.raises(CheckpointError, match=message):
            tensors(folder, 10).array(external(location))


def test_the_same_bytes_for_many_arrays(tmp_path):
    (tmp_path / "w").write_bytes(bytes(24))
    reader = Tensors(tmp_path / "m.onnx", 0, False)

    def read():
        for _ in range(10_000):
            reader.array(external("w"))

    with pytest.raises(CheckpointError, match="more numbers than the file holds"):
        read()
