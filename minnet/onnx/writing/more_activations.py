"""The activations that are made of straight lines, those with a gate, and PReLU."""

from minnet.layers import (
    CELU,
    GLU,
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    LogSigmoid,
    Mish,
    PReLU,
    Softshrink,
    Softsign,
    Tanhshrink,
    Threshold,
)
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.table import exports
from minnet.onnx.writing.value import Value


@exports(CELU)
def celu(graph: Graph, layer: CELU, x: Value) -> Value:
    """Write x where x > 0, and α · (e^{x/α} − 1) elsewhere: the ELU of x/α, times α."""
    return graph.op("Mul", graph.op("Elu", graph.op("Div", x, layer.alpha)), layer.alpha)


@exports(Mish)
def mish(graph: Graph, layer: Mish, x: Value) -> Value:
    """Write x · tanh(softplus(x))."""
    return graph.op("Mul", x, graph.op("Tanh", graph.op("Softplus", x)))


@exports(Hardsigmoid)
def hardsigmoid(graph: Graph, layer: Hardsigmoid, x: Value) -> Value:
    """Write x/6 + 1/2, between 0 and 1."""
    return graph.op("HardSigmoid", x, alpha=1 / 6)


@exports(Hardswish)
def hardswish(graph: Graph, layer: Hardswish, x: Value) -> Value:
    """Write x times its hard sigmoid."""
    return graph.op("HardSwish", x)


@exports(Hardshrink)
def hardshrink(graph: Graph, layer: Hardshrink, x: Value) -> Value:
    """Write x where |x| > λ, and 0 elsewhere."""
    return graph.op("Where", graph.op("Greater", graph.op("Abs", x), layer.lambd), x, 0.0)


@exports(Softshrink)
def softshrink(graph: Graph, layer: Softshrink, x: Value) -> Value:
    """Write x less what of it is between −λ and λ."""
    return graph.op("Sub", x, graph.op("Clip", x, -layer.lambd, layer.lambd))


@exports(Threshold)
def threshold(graph: Graph, layer: Threshold, x: Value) -> Value:
    """Write x above the threshold, and the constant elsewhere."""
    return graph.op("Where", graph.op("Greater", x, layer.threshold), x, layer.value)


@exports(LogSigmoid)
def log_sigmoid(graph: Graph, layer: LogSigmoid, x: Value) -> Value:
    """Write −softplus(−x)."""
    return graph.op("Neg", graph.op("Softplus", graph.op("Neg", x)))


@exports(Softsign)
def softsign(graph: Graph, layer: Softsign, x: Value) -> Value:
    """Write x / (1 + |x|), which onnxruntime has in float32 only."""
    return graph.op("Softsign", x)


@exports(Tanhshrink)
def tanhshrink(graph: Graph, layer: Tanhshrink, x: Value) -> Value:
    """Write x − tanh(x)."""
    return graph.op("Sub", x, graph.op("Tanh", x))


@exports(PReLU)
def prelu(graph: Graph, layer: PReLU, x: Value) -> Value:
    """Write x where x > 0, and a · x elsewhere, with one slope a, or one for each channel."""
    channels = layer.num_parameters > 1
    shape = (-1, *[1] * (x.ndim - 2)) if channels else (1,)
    return graph.op("PRelu", x, graph.array(layer.weight, lambda a: a.reshape(shape)))


@exports(GLU)
def glu(graph: Graph, layer: GLU, x: Value) -> Value:
    """Write the first half of x along an axis, times σ of the second."""
    size = x.shape[layer.axis]
    if not isinstance(size, int):
        raise ValueError(
            f"mn.onnx.export cannot write {layer.describe()} for any size of axis {layer.axis}, which it halves: give "
            "that as a number in input_shape"
        )
    a, b = graph.ops("Split", 2, x, [size // 2] * 2, axis=layer.axis)
    return graph.op("Mul", a, graph.op("Sigmoid", b))
