"""A safetensors file with PyTorch's names: minnet's own reader has no bfloat16, because NumPy has none."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.saving.messages import brief
from minnet.saving.tensorfile import MAX_HEADER, check_header
from minnet.torch.reading.records import ELEMENTS, in_native_form
from minnet.torch.reading.unpickler import DAMAGED, refused

_CODES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
}
_EXPECTED = "a safetensors file"
_KINDS = "Convert it to float, integer or bool numbers, and save the file again."


def _natural(entry: tuple[str, Any]) -> str:
    """Return a key that sorts layer2 before layer10: the order of the layers is not in the file."""
    return re.sub(r"\d+", lambda digits: digits[0].zfill(12), entry[0])


def read_tensor_file(path: Path) -> dict[str, NDArray[Any]]:
    """Read a safetensors file; float16 and bfloat16 become float32."""
    from safetensors import SafetensorError, deserialize

    check_header(path)
    content = path.read_bytes()
    if b'"minnet_version"' in content[8 : 8 + int.from_bytes(content[:8], "little")]:
        raise refused(path, "one that mn.save wrote", "Load it with mn.load(model, path).", "a file of PyTorch's")
    try:
        entries = deserialize(content)  # type: ignore[no-untyped-call]
    except (SafetensorError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise refused(path, f"what is no whole one ({brief(error)})", DAMAGED, _EXPECTED) from None
    arrays: dict[str, NDArray[Any]] = {}
    for name, entry in sorted(entries, key=_natural):
        dtype, shape, data = entry["dtype"], tuple(entry["shape"]), entry.pop("data")
        if dtype not in _CODES:
            raise refused(path, f"the tensor {brief(name)!r} of the kind {brief(dtype)}", _KINDS, _EXPECTED)
        if not len(data) and max(shape, default=0) > MAX_HEADER:
            raise refused(
                path, f"the tensor {brief(name)!r}, which claims {shape} and holds nothing", DAMAGED, _EXPECTED
            )
        element = ELEMENTS[_CODES[dtype]]
        numbers = np.frombuffer(data, np.dtype("<" + element.stored)).reshape(shape)
        arrays[name] = in_native_form(numbers, element)
    return arrays
