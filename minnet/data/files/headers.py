"""The headers of files that hold an array: NumPy's .npy, IDX, and safetensors."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from minnet.data.files.layout import BFLOAT16, DAMAGED, Layout, check_numbers
from minnet.data.mnist.idx import read_header
from minnet.untrusted.bounded import BoundedReader, data_error

MAX_HEADER = 1 << 26  # bytes of JSON; a million tensors need no more
MAX_NPY_HEADER = 10_000  # as NumPy's own
_NPY = {(1, 0): (2, npy.read_array_header_1_0), (2, 0): (4, npy.read_array_header_2_0)}
_DTYPES: dict[str, Any] = {  # of safetensors, little-endian
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": BFLOAT16,
}  # fmt: skip


def npy_layout(path: Path, size: int) -> Layout:
    """Return where the array is in a file that ``np.save`` wrote."""
    with path.open("rb") as file:
        try:
            version = npy.read_magic(file)
            if version not in _NPY:
                raise ValueError(f"version {version}, which has columns with names")
            bytes_of_length, read = _NPY[version]
            if (length := int.from_bytes(file.read(bytes_of_length), "little")) > MAX_NPY_HEADER:
                raise ValueError(f"it claims {length:,} bytes")
            file.seek(npy.MAGIC_LEN)
            shape, fortran, dtype = read(file)
        except OSError:
            raise
        except Exception as error:  # of Python's parser, of NumPy's dtypes
            raise data_error(path, "a header of .npy", f"a fault in it ({str(error)[:200]})", DAMAGED) from None
        offset = file.tell()
    shape = tuple(map(int, shape))
    return Layout(shape, check_numbers(path, dtype), offset, fortran and len(shape) > 1).check(path, size)


def idx_layout(path: Path, size: int) -> Layout:
    """Return where the array is in an IDX file."""
    with BoundedReader(path, max(size, 1)) as file:
        dtype, shape = read_header(file)
    return Layout(shape, dtype, 4 + 4 * len(shape)).check(path, size)


def safetensors_layout(path: Path, size: int, name: str | None) -> Layout:
    """Return where the tensor of a name is in a safetensors file; without a name, the only one.

    The package safetensors maps the whole file into memory, which a limit of the process may forbid. So the header is
    read here: 8 bytes with its length, and JSON, name → dtype, shape, and place behind the header.
    """
    entries, start = _entries(path, size)
    if name is None and len(entries) != 1:
        raise data_error(path, "the name of one of its tensors", f"{len(entries)} tensors", _names(entries))
    entry = entries.get(next(iter(entries)) if name is None else name)
    if entry is None:
        raise data_error(path, f"a tensor {name!r}", f"none of that name among {len(entries)}", _names(entries))
    try:
        kind, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        if not all(type(number) is int for number in (*shape, begin, end)) or not isinstance(kind, str):
            raise TypeError(entry)
    except (TypeError, KeyError, ValueError):
        raise data_error(path, "dtype, shape and data_offsets of a tensor", str(entry)[:200], DAMAGED) from None
    if kind not in _DTYPES:
        raise data_error(path, f"a dtype of {', '.join(_DTYPES)}", repr(kind[:20]), "Convert it to float16 or float32.")
    layout = Layout(shape, np.dtype(_DTYPES[kind]), start + begin).check(path, size, ends=False)
    if begin < 0 or end - begin != shape[0] * layout.row_bytes:
        found = f"{end - begin:,} bytes for {shape[0] * layout.row_bytes:,}"
        raise data_error(path, "a place as large as the tensor", found, DAMAGED)
    return layout


def _entries(path: Path, size: int) -> tuple[dict[str, Any], int]:
    """Return the tensors in the header of a safetensors file, and where the header ends."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(size - 8, MAX_HEADER):
            raise data_error(path, f"a header of at most {min(size - 8, MAX_HEADER):,} bytes", f"{length:,}", DAMAGED)
        text = file.read(length)
    try:
        entries = json.loads(text)
        if not isinstance(entries, dict):
            raise TypeError("no object")
    except (ValueError, TypeError, RecursionError) as error:
        raise data_error(path, "a header in JSON", f"a fault in it ({str(error)[:200]})", DAMAGED) from None
    entries.pop("__metadata__", None)
    return entries, 8 + length


def _names(entries: dict[str, Any]) -> str:
    names = ", ".join(repr(name[:40]) for name in list(entries)[:6])
    return f"Pass one of them, such as mn.data.open_array(path, {next(iter(entries), 'name')[:40]!r}): {names}."
