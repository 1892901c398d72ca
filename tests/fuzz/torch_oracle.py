"""What is right to come of a file of PyTorch: Python's own unpickler and zipfile read it again, number by number."""

import io
import pickle
import struct
import zipfile
from typing import Any

import numpy as np
from tensorfiles import NUMPY, parse

MAGIC = 0x1950A86A20F9469CFC6C
# Each kind of storage: what NumPy says of its numbers, and what they become.
KINDS = {
    "Double": ("f8", "f8"),
    "Float": ("f4", "f4"),
    "Half": ("f2", "f4"),
    "BFloat16": ("u2", "f4"),
    "Long": ("i8", "i8"),
    "Int": ("i4", "i4"),
    "Short": ("i2", "i2"),
    "Char": ("i1", "i1"),
    "Byte": ("u1", "u1"),
    "Bool": ("u1", "?"),
}


class _Look(tuple):
    """A tensor: what its storage is, its number type, offset, sizes and strides."""


class _OnlyTensors(pickle.Unpickler):
    """Python's unpickler, for files that minnet took already; even so, it gets stand-ins of what makes tensors only."""

    def persistent_load(self, pid: Any) -> Any:
        """Return what a storage is."""
        return tuple(pid)

    def find_class(self, module: str, name: str) -> Any:
        """Return a stand-in."""
        if name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            return lambda storage, offset, size, stride, *_: _Look((storage, (), offset, size, stride))
        if name == "_rebuild_tensor_v3":
            return lambda storage, offset, size, stride, *more: _Look((storage, more[2:3], offset, size, stride))
        if name.startswith("_rebuild_parameter"):
            return lambda look, *more: look
        if name in ("OrderedDict", "defaultdict", "Counter"):
            return _Dict
        return name if name.endswith("Storage") or name in ("uint16",) else _Anything


class _Dict(dict):
    """A dict that takes what an OrderedDict takes."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*(argument for argument in arguments if isinstance(argument, dict | list)))

    def __setstate__(self, state: Any) -> None:
        """Leave the versions alone."""


class _Anything(list):
    """An object of any other class."""

    def __init__(self, *_: Any) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        """Leave the attributes alone."""


def check_torch(content: bytes, found: dict[str, np.ndarray]) -> None:
    for name, array in found.items():
        assert isinstance(name, str)
        assert array.dtype.str[1:] in {becomes.replace("?", "b1") for _, becomes in KINDS.values()} | {"u2", "u4", "u8"}
        assert array.dtype.isnative
        assert array.flags.writeable
        assert array.flags.c_contiguous
    distinct = {id(array): array.nbytes for array in found.values()}
    assert sum(distinct.values()) < 2**25 + 9 * len(content)
    if content[8:9] == b"{":
        _check_tensor_file(*parse(content), found)
        return
    try:
        values, storage, order = _as_python_reads_it(content)
    except Exception:  # Python is stricter: it minds the length of frames, for one
        return
    looks = [_tensors_in(value) for value in _dicts(values, {})]
    looks = [look for look in looks if look.keys() == found.keys()]
    assert looks or not found
    expected = [{name: _array(item, storage, order) for name, item in look.items()} for look in looks]
    assert any(all(_same(found[name], array) for name, array in one.items()) for one in expected) or not found


def _check_tensor_file(header: dict[str, Any], data: bytes, found: dict[str, np.ndarray]) -> None:
    """Compare the tensors of a safetensors file: float16 and bfloat16 with float32."""
    assert found.keys() == header.keys() - {"__metadata__"}
    for name, array in found.items():
        start, end = header[name]["data_offsets"]
        content, dtype = data[start:end], header[name]["dtype"]
        if dtype == "BF16":
            content = b"".join(bytes(2) + content[at : at + 2] for at in range(0, len(content), 2))
        stored = np.frombuffer(content, "f4" if dtype == "BF16" else NUMPY[dtype]).reshape(header[name]["shape"])
        with np.errstate(invalid="ignore"):
            assert _same(array, stored.astype(np.float32) if dtype == "F16" else stored)


def _tensors_in(value: dict[Any, Any]) -> dict[Any, _Look]:
    return {name: item for name, item in value.items() if isinstance(item, _Look)}


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    alike = one.shape == other.shape and one.dtype == other.dtype
    return alike and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def _as_python_reads_it(content: bytes) -> tuple[Any, Any, str]:
    file = io.BytesIO(content)
    if content[:1] == b"P":
        with zipfile.ZipFile(file) as whole:
            (top,) = (name[:-8] for name in whole.namelist() if name.endswith("/data.pkl"))
            little = f"{top}byteorder" not in whole.namelist() or whole.read(f"{top}byteorder") == b"little"
            data = {name.removeprefix(f"{top}data/"): whole.read(name) for name in whole.namelist()}
            return _OnlyTensors(io.BytesIO(whole.read(f"{top}data.pkl"))).load(), data, "<" if little else ">"
    assert pickle.load(file) == MAGIC
    _, _, values, keys = (_OnlyTensors(file).load() for _ in range(4))
    sizes = {pid[2]: np.dtype(_kind(pid)).itemsize for pid in reversed(_references(values))}
    data = {}
    for key in keys:
        (count,) = struct.unpack("<q", file.read(8))
        data[key] = file.read(count * sizes[key])
    return values, data, "<"


def _kind(pid: Any) -> str:
    return KINDS.get(pid[1].removesuffix("Storage"), ("u1",))[0]


def _references(values: Any) -> list[Any]:
    found: list[Any] = []
    for value in _dicts(values, {}):
        found += [look[0] for look in _tensors_in(value).values()]
    return found


def _dicts(value: Any, seen: dict[int, Any]) -> list[dict[Any, Any]]:
    if id(value) in seen or not isinstance(value, dict | list | tuple) or isinstance(value, _Look):
        return []
    seen[id(value)] = value
    inner = list(value.values()) if isinstance(value, dict) else list(value)
    return [*([value] if isinstance(value, dict) else []), *(one for item in inner for one in _dicts(item, seen))]


def _array(look: _Look, storage: dict[str, bytes], order: str) -> np.ndarray:
    """Make an array number by number, which is slow and plain."""
    pid, more, offset, size, stride = look
    stored, becomes = KINDS.get(pid[1].removesuffix("Storage"), ("u1", "u1"))
    if more == ("uint16",):
        stored = becomes = "u2"
    start = pid[5][1] * np.dtype(_kind(pid)).itemsize if len(pid) > 5 and pid[5] else 0
    width = np.dtype(stored).itemsize
    array = np.zeros(size, becomes)
    for index in np.ndindex(*size):
        at = start + width * (offset + sum(i * step for i, step in zip(index, stride, strict=True)))
        (number,) = np.frombuffer(storage[pid[2]][at : at + width], np.dtype(stored).newbyteorder(order))
        if pid[1] == "BFloat16Storage" and more != ("uint16",):
            number = np.uint32(int(number) << 16).view(np.float32)
        with np.errstate(invalid="ignore"):
            array[index] = number
    return array
