"""Models to ONNX, and from it.

``mn.onnx`` needs the extra "onnx", and is imported when it is first used.
"""

import sys

from minnet.core import names
from minnet.core.extras import require

require("onnx", "onnx")

__all__: list[str] = []
names.offer({"mn.onnx": sys.modules[__name__]})
