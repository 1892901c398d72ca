"""Operations are small layers for the nodes of a `Graph` that was read from an ONNX file, and for your own.

Each does one operation of NumPy's, with its backward. What is computed from whole numbers or booleans has no gradient:
backward returns None for it.
"""

from typing import TYPE_CHECKING

from minnet.layers.operations.comparing import Cast as Cast
from minnet.layers.operations.comparing import Compare as Compare
from minnet.layers.operations.comparing import Where as Where
from minnet.layers.operations.constants import Constant as Constant
from minnet.layers.operations.constants import Fill as Fill
from minnet.layers.operations.constants import Range as Range
from minnet.layers.operations.constants import ShapeOf as ShapeOf
from minnet.layers.operations.constants import Weight as Weight
from minnet.layers.operations.functions import Extreme as Extreme
from minnet.layers.operations.functions import Function as Function
from minnet.layers.operations.functions import Power as Power
from minnet.layers.operations.padding import PadAxes as PadAxes
from minnet.layers.operations.reduction import ArgMax as ArgMax
from minnet.layers.operations.reduction import CumSum as CumSum
from minnet.layers.operations.reduction import Reduce as Reduce
from minnet.layers.operations.reduction import UnitNorm as UnitNorm
from minnet.layers.operations.shapes import Expand as Expand
from minnet.layers.operations.shapes import Squeeze as Squeeze
from minnet.layers.operations.shapes import Tile as Tile
from minnet.layers.operations.shapes import Transpose as Transpose
from minnet.layers.operations.shapes import Unsqueeze as Unsqueeze
from minnet.layers.operations.shapes import View as View
from minnet.layers.operations.taking import Gather as Gather
from minnet.layers.operations.taking import Join as Join
from minnet.layers.operations.taking import Slice as Slice
from minnet.layers.operations.taking import Triangle as Triangle

if not TYPE_CHECKING:  # type checkers read the imports: a computed __all__ would be an empty one to them
    __all__ = [name for name, value in tuple(globals().items()) if isinstance(value, type)]
