"""Write arrays as files of each form that `mn.data.open_array` reads."""

import json
import struct

import numpy as np

IDX = {"u1": 8, "i1": 9, ">i2": 11, ">i4": 12, ">f4": 13, ">f8": 14}
SAFETENSORS = {
    "?": "BOOL", "u1": "U8", "i1": "I8", "<u2": "U16", "<i2": "I16", "<u4": "U32", "<i4": "I32", "<u8": "U64",
    "<i8": "I64", "<f2": "F16", "<f4": "F32", "<f8": "F64",
}  # fmt: skip


def write_idx(path, array, dtype):
    """Write an IDX file; `dtype` is a key of `IDX`."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, IDX[dtype], array.ndim, *array.shape)
    path.write_bytes(header + array.astype(dtype).tobytes())
    return path


def write_safetensors(path, tensors, metadata=None):
    """Write a safetensors file of name → (dtype of the format, shape, bytes), or → an array."""
    header, data = {} if metadata is None else {"__metadata__": metadata}, b""
    for name, tensor in tensors.items():
        if isinstance(tensor, np.ndarray):
            dtype = next(kind for code, kind in SAFETENSORS.items() if np.dtype(code) == tensor.dtype)
            tensor = dtype, list(tensor.shape), tensor.tobytes()
        kind, shape, content = tensor
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path
