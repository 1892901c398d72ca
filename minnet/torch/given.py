"""What is loaded: the arrays of a file, or of a dict of PyTorch's tensors or of arrays."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.saving.messages import brief
from minnet.saving.tensorfile import read_tensors

THE_DICT = "the state_dict"


def arrays_of(file_or_dict: Any, key: str | None) -> tuple[str, dict[str, NDArray[Any]]]:
    """Return what to call it, and the arrays by their names.

    Raises TypeError if it is neither, or if a value in the dict is no tensor.
    """
    if isinstance(file_or_dict, Mapping):
        return THE_DICT, {name: _array(name, value) for name, value in file_or_dict.items()}
    if hasattr(file_or_dict, "state_dict"):
        raise TypeError(
            f"load_state_dict expected a file or a dict, got a {type(file_or_dict).__name__}: pass its state_dict()"
        )
    return os.fspath(file_or_dict), read_tensors(file_or_dict).tensors


def _array(name: object, value: Any) -> NDArray[Any]:
    """Return a tensor of PyTorch's, or an array, as an array; numbers of 16 bits become float32."""
    if not isinstance(name, str):
        raise TypeError(f"load_state_dict expected names that are strings, got {brief(repr(name))}")
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = (value.float() if "float16" in str(value.dtype) else value).numpy()
    if not isinstance(value, np.ndarray):
        raise TypeError(f"load_state_dict expected tensors or arrays, got {brief(name)}: {type(value).__name__}")
    return value.astype(np.float32) if value.dtype == np.float16 else value
