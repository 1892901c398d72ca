"""Models to ONNX, and from it.

``mn.onnx`` needs the extra "onnx", and is imported when it is first used.
"""

import sys

from minnet.core import names
from minnet.core.extras import require

require("onnx", "onnx")

from minnet.onnx.reading.loading import load as load

__all__ = ["load"]
names.offer({"mn.onnx": sys.modules[__name__]})
