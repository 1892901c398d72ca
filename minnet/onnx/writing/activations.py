"""The activations: an operator of ONNX each, or a few."""

import math

from minnet.layers import (
    ELU,
    GELU,
    SELU,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSoftmax,
    Mish,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
)
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.table import Exporter, exports
from minnet.onnx.writing.value import Value

# Those that are one operator, without an attribute.
OPERATORS = {
    ReLU: "Relu", Sigmoid: "Sigmoid", Tanh: "Tanh", Mish: "Mish", Hardswish: "HardSwish", Softsign: "Softsign",
}  # fmt: skip


def _exporter(operator: str) -> Exporter:
    return lambda graph, layer, x: graph.op(operator, x)


for _kind, _operator in OPERATORS.items():
    exports(_kind)(_exporter(_operator))


@exports(LeakyReLU)
def leaky_relu(graph: Graph, layer: LeakyReLU, x: Value) -> Value:
    """Write x where x > 0, and s · x elsewhere."""
    return graph.op("LeakyRelu", x, alpha=layer.negative_slope)


@exports(Hardtanh, ReLU6)
def hardtanh(graph: Graph, layer: Hardtanh, x: Value) -> Value:
    """Write x between two bounds."""
    return graph.op("Clip", x, layer.min_val, layer.max_val)


@exports(ELU)
def elu(graph: Graph, layer: ELU, x: Value) -> Value:
    """Write x where x > 0, and α · (eˣ − 1) elsewhere."""
    return graph.op("Elu", x, alpha=layer.alpha)


@exports(SELU)
def selu(graph: Graph, layer: SELU, x: Value) -> Value:
    """Write λ · ELU(x)."""
    return graph.op("Selu", x, alpha=layer.ALPHA, gamma=layer.SCALE)


@exports(GELU)
def gelu(graph: Graph, layer: GELU, x: Value) -> Value:
    """Write x · Φ(x): the operator Gelu from opset 20 on, and its formula before."""
    if graph.opset >= 20:
        return graph.op("Gelu", x, approximate=layer.approximate)
    if layer.approximate == "tanh":
        inner = graph.op("Mul", graph.op("Mul", graph.op("Mul", x, x), x), layer.CUBIC)
        inner = graph.op("Mul", graph.op("Add", x, inner), math.sqrt(2 / math.pi))
        cdf = graph.op("Tanh", inner)
    else:
        cdf = graph.op("Erf", graph.op("Mul", x, math.sqrt(1 / 2)))
    return graph.op("Mul", graph.op("Mul", x, graph.op("Add", cdf, 1.0)), 0.5)


@exports(SiLU)
def silu(graph: Graph, layer: SiLU, x: Value) -> Value:
    """Write x · σ(x)."""
    return graph.op("Mul", x, graph.op("Sigmoid", x))


@exports(Softplus)
def softplus(graph: Graph, layer: Softplus, x: Value) -> Value:
    """Write log(1 + e^{βx}) / β, and x where βx is above the threshold."""
    z = x if layer.beta == 1 else graph.op("Mul", x, layer.beta)
    y = graph.op("Softplus", z)
    y = y if layer.beta == 1 else graph.op("Mul", y, 1 / layer.beta)
    return graph.op("Where", graph.op("Greater", z, layer.threshold), x, y)


@exports(Softmax)
def softmax(graph: Graph, layer: Softmax, x: Value) -> Value:
    """Write the probabilities along the last axis."""
    return graph.op("Softmax", x, axis=-1)


@exports(LogSoftmax)
def log_softmax(graph: Graph, layer: LogSoftmax, x: Value) -> Value:
    """Write the logarithms of the probabilities along the last axis."""
    return graph.op("LogSoftmax", x, axis=-1)
