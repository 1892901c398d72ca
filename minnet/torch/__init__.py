"""Models and weights from PyTorch, and to it.

``mn.torch`` is imported when it is first used. Reading PyTorch's files needs no extra; making modules of
PyTorch's needs the extra "torch".
"""

import sys

from minnet.core import names

__all__: list[str] = []
names.offer({"mn.torch": sys.modules[__name__]})
