"""What is loaded: the arrays of a file, or of a dict of PyTorch's tensors or of arrays."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.saving.messages import brief
from minnet.torch.reading.nested import state_dict_in
from minnet.torch.reading.prefixes import without_prefixes
from minnet.torch.reading.state_dicts import read_state_dict

THE_DICT = "the state_dict"
SHORT = ("torch.float16", "torch.bfloat16", "torch.float8")


def arrays_of(file_or_dict: Any, key: str | None) -> tuple[str, dict[str, NDArray[Any]]]:
    """Return what to call it, and the arrays by their names, without the prefixes that wrappers add to all of them.

    Raises TypeError if it is neither a file nor a dict, CheckpointError if it holds no state_dict, or several.
    """
    if isinstance(file_or_dict, Mapping):
        return THE_DICT, without_prefixes(state_dict_in(_as_arrays(file_or_dict), Path(THE_DICT), key))
    if not isinstance(file_or_dict, str | os.PathLike):
        cure = ": pass its state_dict()" * hasattr(file_or_dict, "state_dict")
        raise TypeError(f"load_state_dict expected a path or a dict, got a {type(file_or_dict).__name__}{cure}")
    return os.fspath(file_or_dict), without_prefixes(read_state_dict(file_or_dict, key))


def _as_arrays(value: Any, name: object = "") -> Any:
    """Return what a dict holds with arrays in place of PyTorch's tensors; short floats become float32."""
    if isinstance(value, Mapping):
        return {name: _as_arrays(item, name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_arrays(item, name) for item in value]
    if hasattr(value, "detach"):
        try:
            value = value.detach().cpu().to_dense()
            value = (value.float() if str(value.dtype).startswith(SHORT) else value).numpy()
        except (TypeError, RuntimeError) as error:  # such as one on the device "meta", which has no values
            raise TypeError(f"load_state_dict cannot use the tensor {brief(name)}: {error}") from None
    return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype == np.float16 else value
