"""Operators that replace small numbers: Hardshrink, Softshrink, Threshold."""

from collections.abc import Callable
from typing import Any

from minnet.core.layer import Layer
from minnet.layers import Hardshrink, Softshrink, Threshold
from minnet.onnx.reading.pointwise import alone
from minnet.onnx.reading.values import Node


def _shrink(node: Node) -> Layer:
    lambd, bias = node.attribute("lambd", 0.5), node.attribute("bias", 0.0)
    if lambd < 0 or bias not in (0, lambd):
        raise node.refused(f"lambd={lambd} and bias={bias} are not there in minnet, only a bias of 0 or of lambd")
    return Softshrink(lambd) if bias else Hardshrink(lambd)


OPERATORS: dict[str, Callable[..., Any]] = {
    "Shrink": alone(_shrink),
    "ThresholdedRelu": alone(lambda node: Threshold(node.attribute("alpha", 1.0), 0.0)),
}
