"""The arrays of an ONNX file: their shapes and numbers are compared before memory is taken.

Numbers may lie in other files (external data), as PyTorch's exporter writes them: only regular files in the folder of
the model, or below it, are read, no link, and no path that leads out of it.
"""

import math
import os
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.errors import CheckpointError
from minnet.saving.messages import brief

# Number of the data type → how it lies in memory, and the field that has the numbers if raw_data has not.
TYPES: dict[int, tuple[str, str]] = {
    1: ("<f4", "float_data"),
    2: ("u1", "int32_data"),
    3: ("i1", "int32_data"),
    4: ("<u2", "int32_data"),
    5: ("<i2", "int32_data"),
    6: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
    9: ("?", "int32_data"),
    10: ("<f2", "int32_data"),
    11: ("<f8", "double_data"),
    12: ("<u4", "uint64_data"),
    13: ("<u8", "uint64_data"),
    16: ("<u2", "int32_data"),  # bfloat16: the upper half of a float32
}
FLOAT, HALF, DOUBLE, BFLOAT, BOOL, STRING = 1, 10, 11, 16, 9, 8
FLOATS = (FLOAT, HALF, DOUBLE, BFLOAT)
MOST_AXES = 16


def kind_of(number: int) -> str | None:
    """Return "f", "i" or "b" of a data type, or None if a model here cannot compute with it."""
    if number in FLOATS:
        return "f"
    return "b" if number == BOOL else "i" if number in TYPES else None


class Tensors:
    """What reads the arrays of one model file.

    Parameters
    ----------
    path
        The file.
    size
        How many bytes it has. All arrays together have at most twice as many as this and the other files, because
        several arrays of a file might be the same bytes.
    double
        Whether floats become float64, and not float32.
    """

    def __init__(self, path: Path, size: int, double: bool) -> None:
        self.folder = path.parent
        self.left = 2 * size + 65_536
        self.dtype = np.float64 if double else np.float32
        self.sizes: dict[str, int] = {}

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return a TensorProto as an array of the model's floats, of int64 or of bool."""
        name = brief(tensor.name or "a constant", 60)
        number = tensor.data_type
        if number not in TYPES:
            raise CheckpointError(f"{name} is of data type {number}, which has no place in a network here")
        shape = tuple(tensor.dims)
        if any(n < 0 for n in shape) or len(shape) > MOST_AXES:
            raise CheckpointError(f"{name} has the shape {brief(shape)}")
        dtype, field = TYPES[number]
        count = math.prod(shape)
        self._take(name, count, np.dtype(dtype).itemsize, tensor)
        if tensor.data_location == 1:
            flat = np.frombuffer(self._external(name, tensor, count * np.dtype(dtype).itemsize), dtype)
        elif tensor.HasField("raw_data"):
            flat = _raw(name, tensor.raw_data, dtype, count)
        else:
            flat = _numbers(name, getattr(tensor, field), number, dtype, count)
        if number == BFLOAT:
            flat = (flat.astype(np.uint32) << 16).view(np.float32)
        kind = kind_of(number)
        wanted: Any = self.dtype if kind == "f" else bool if kind == "b" else np.int64
        return flat.reshape(shape).astype(wanted)

    def _take(self, name: str, count: int, itemsize: int, tensor: Any) -> None:
        """Count an array's bytes against what the files can hold."""
        if tensor.data_location == 1:
            self._file(name, tensor)
        self.left -= count * itemsize
        if self.left < 0:
            raise CheckpointError(f"{name} has the shape {brief(tuple(tensor.dims))}, more numbers than the file holds")

    def _file(self, name: str, tensor: Any) -> Path:
        """Return the file that a tensor's numbers are in, after a check that it is one of the model's folder."""
        where = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        parts = PurePosixPath(where).parts
        bad = not parts or "\0" in where or "\\" in where or len(where) > 1000 or ".." in parts
        if bad or PurePosixPath(where).is_absolute() or PureWindowsPath(where).drive:
            raise CheckpointError(f"{name} is in the file {brief(where)!r}, which is no path inside the model's folder")
        path = self.folder
        for part in parts:
            path = path / part
            try:
                mode = os.lstat(path).st_mode
            except OSError as error:
                raise CheckpointError(
                    f"{name} is in the file {brief(where)!r} beside the model, which cannot be read: "
                    f"{error.strerror}. Both belong together: copy both"
                ) from None
            if stat.S_ISLNK(mode) or not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
                raise CheckpointError(f"{name} is in {brief(where)!r}, which is a link, or no regular file")
        if not stat.S_ISREG(mode):
            raise CheckpointError(f"{name} is in {brief(where)!r}, which is a folder")
        if where not in self.sizes:
            self.sizes[where] = os.lstat(path).st_size
            self.left += 2 * self.sizes[where]
        return path

    def _external(self, name: str, tensor: Any, length: int) -> bytes:
        path = self._file(name, tensor)
        entries = {entry.key: entry.value for entry in tensor.external_data}
        try:
            offset, given = int(entries.get("offset", 0)), int(entries.get("length", length))
        except ValueError:
            raise CheckpointError(f"{name}: its place in the other file is no number") from None
        size = self.sizes[entries["location"]]
        if offset < 0 or given != length or offset + length > size:
            raise CheckpointError(
                f"{name} has {length:,} bytes by its shape, and is said to be {given:,} bytes from {offset:,} of a "
                f"file of {size:,}"
            )
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read(length)
        if len(data) != length:
            raise CheckpointError(f"{name}: its file became shorter")
        return data


def _raw(name: str, data: bytes, dtype: str, count: int) -> NDArray[Any]:
    if len(data) != count * np.dtype(dtype).itemsize:
        raise CheckpointError(f"{name} has {count:,} numbers by its shape, and {len(data):,} bytes")
    flat = np.frombuffer(data, np.uint8 if dtype == "?" else dtype)
    return flat != 0 if dtype == "?" else flat  # a byte of a boolean may be any number


def _numbers(name: str, values: Any, number: int, dtype: str, count: int) -> NDArray[Any]:
    if len(values) != count:
        raise CheckpointError(f"{name} has {count:,} numbers by its shape, and {len(values):,} are there")
    if number in (HALF, BFLOAT):
        return (np.asarray(values, np.int64) & 0xFFFF).astype(np.uint16).view("<f2" if number == HALF else "<u2")
    with np.errstate(over="ignore"):
        return np.asarray(values, np.int64 if "int" in np.dtype(dtype).name else dtype).astype(dtype)
