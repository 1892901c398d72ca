"""The table of operators that are understood: the name in ONNX, with its domain if that is not the default one."""

from collections.abc import Callable
from typing import Any

from minnet.onnx.reading.classical import OPERATORS as CLASSICAL
from minnet.onnx.reading.convolution import OPERATORS as CONVOLUTION
from minnet.onnx.reading.normalizing import OPERATORS as NORMALIZING
from minnet.onnx.reading.pointwise import OPERATORS as POINTWISE
from minnet.onnx.reading.pooling import OPERATORS as POOLING
from minnet.onnx.reading.products import OPERATORS as PRODUCTS
from minnet.onnx.reading.recurrent import OPERATORS as RECURRENT
from minnet.onnx.reading.resizing import OPERATORS as RESIZING
from minnet.onnx.reading.shaping import OPERATORS as SHAPING
from minnet.onnx.reading.sizing import OPERATORS as SIZING
from minnet.onnx.reading.taking import OPERATORS as TAKING
from minnet.onnx.reading.thresholds import OPERATORS as THRESHOLDS

OPERATORS: dict[str, Callable[..., Any]] = {
    **CLASSICAL,
    **CONVOLUTION,
    **NORMALIZING,
    **POINTWISE,
    **POOLING,
    **PRODUCTS,
    **RECURRENT,
    **RESIZING,
    **SHAPING,
    **SIZING,
    **TAKING,
    **THRESHOLDS,
}
