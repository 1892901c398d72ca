"""Models and weights from PyTorch, and to it.

``mn.torch`` is imported when it is first used. Reading PyTorch's files needs no extra; making modules and tensors of
PyTorch's needs the extra "torch".
"""

import sys
from typing import NoReturn

from minnet.core import names as _names
from minnet.torch import layers as layers
from minnet.torch.loading import load_state_dict as load_state_dict
from minnet.torch.making import state_dict as state_dict
from minnet.torch.making import to_torch as to_torch

__all__ = ["load_state_dict", "state_dict", "to_torch"]

_FROM = "make the model of minnet's layers, then mn.torch.load_state_dict(model, module.state_dict())"
_WORDS = {
    "load": "mn.torch.load_state_dict(model, path) for a file of PyTorch's, mn.load(model, path) for one of minnet's",
    "save": "torch.save(mn.torch.state_dict(model), path) for PyTorch, mn.save(model, path) for minnet",
    "from_torch": _FROM,
    "from_pytorch": _FROM,
}


def __getattr__(name: str) -> NoReturn:
    """Say of a name that is not here what was probably meant."""
    if name in _WORDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}: {_WORDS[name]}")
    raise _names.unknown("mn.torch", name, {"mn.torch": sys.modules[__name__]})


_names.offer({"mn.torch": sys.modules[__name__]})
