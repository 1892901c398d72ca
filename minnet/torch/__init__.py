"""Models and weights from PyTorch, and to it.

``mn.torch`` is imported when it is first used. Reading PyTorch's files needs no extra; making modules and tensors of
PyTorch's needs the extra "torch".
"""

import sys

from minnet.core import names as _names
from minnet.torch import layers as layers
from minnet.torch.loading import load_state_dict as load_state_dict
from minnet.torch.making import state_dict as state_dict
from minnet.torch.making import to_torch as to_torch

__all__ = ["load_state_dict", "state_dict", "to_torch"]
_names.offer({"mn.torch": sys.modules[__name__]})
