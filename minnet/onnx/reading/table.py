"""The table of operators that are understood: the name in ONNX, with its domain if that is not the default one."""

from collections.abc import Callable
from typing import Any

from minnet.onnx.reading import (
    classical,
    normalizing,
    pointwise,
    pooling,
    products,
    recurrent,
    shaping,
    sizing,
    taking,
    thresholds,
)

OPERATORS: dict[str, Callable[..., Any]] = {
    **products.OPERATORS,
    **pooling.OPERATORS,
    **normalizing.OPERATORS,
    **pointwise.OPERATORS,
    **shaping.OPERATORS,
    **sizing.OPERATORS,
    **taking.OPERATORS,
    **recurrent.OPERATORS,
    **thresholds.OPERATORS,
    **classical.OPERATORS,
}
