"""Arrays of other libraries, such as PyTorch's tensors, are read as NumPy's, without a copy where that is possible."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.buffer import LayerArray


def is_foreign(value: object) -> bool:
    """Whether something is an array of another library, by NumPy's protocol or DLPack's."""
    kind = type(value)
    if isinstance(value, np.ndarray | np.generic | LayerArray):
        return False
    return hasattr(kind, "__array__") or hasattr(kind, "__dlpack__")


def read(value: Any) -> NDArray[Any]:
    """Return anything that NumPy can read as an array; bfloat16, of which it knows nothing, as float32.

    No library is imported. Raises what it raises, such as for a tensor that asks for gradients or lies on a GPU.
    """
    if str(getattr(value, "dtype", "")).endswith("bfloat16"):
        value = value.float() if hasattr(value, "float") else value.astype(np.float32)
    if hasattr(type(value), "__dlpack__") and not hasattr(type(value), "__array__"):
        return np.from_dlpack(value)
    return np.asarray(value)
