"""Models to ONNX, and from it: `export` writes a file that other programs run, `load` makes a model of such a file.

``mn.onnx`` needs the extra "onnx", and is imported when it is first used.
"""

import sys

from minnet.core import names
from minnet.core.extras import require

require("onnx", "onnx")

from minnet.onnx.exporting import export as export  # noqa: E402
from minnet.onnx.reading.loading import load as load  # noqa: E402
from minnet.onnx.writing.graph import Graph as Graph  # noqa: E402
from minnet.onnx.writing.value import Value as Value  # noqa: E402

__all__ = ["Graph", "Value", "export", "load"]
names.offer({"mn.onnx": sys.modules[__name__]})
