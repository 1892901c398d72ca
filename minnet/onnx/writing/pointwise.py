"""More activations: those with a learned slope, with a gate, or with a threshold."""

from minnet.core.arrays import Array
from minnet.layers import (
    CELU,
    GLU,
    Hardshrink,
    Hardsigmoid,
    LogSigmoid,
    PReLU,
    Softshrink,
    Tanhshrink,
    Threshold,
)
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.table import exports
from minnet.onnx.writing.value import Value


@exports(PReLU)
def prelu(graph: Graph, layer: PReLU, x: Value) -> Value:
    """Write x where x > 0, and a · x elsewhere; the slopes a are those of axis 1."""

    def at_channels(slopes: Array) -> Array:
        return slopes.reshape(-1, *[1] * (x.ndim - 2)) if layer.num_parameters > 1 else slopes

    return graph.op("PRelu", x, graph.array(layer.weight, at_channels))


@exports(CELU)
def celu(graph: Graph, layer: CELU, x: Value) -> Value:
    """Write x where x > 0, and α · (e^{x/α} − 1) elsewhere."""
    return graph.op("Celu", x, alpha=layer.alpha)


@exports(GLU)
def glu(graph: Graph, layer: GLU, x: Value) -> Value:
    """Write a · σ(b), with the two halves of x."""
    a, b = graph.ops("Split", 2, x, axis=layer.axis, num_outputs=2)
    return graph.op("Mul", a, graph.op("Sigmoid", b))


@exports(Hardsigmoid)
def hardsigmoid(graph: Graph, layer: Hardsigmoid, x: Value) -> Value:
    """Write clip(x/6 + 1/2, 0, 1)."""
    return graph.op("HardSigmoid", x, alpha=1 / 6, beta=0.5)


@exports(Threshold)
def threshold(graph: Graph, layer: Threshold, x: Value) -> Value:
    """Write x where it is above the threshold, and a constant elsewhere."""
    return graph.op("Where", graph.op("LessOrEqual", x, layer.threshold), layer.value, x)


@exports(Hardshrink)
def hardshrink(graph: Graph, layer: Hardshrink, x: Value) -> Value:
    """Write x where |x| > λ, and 0 elsewhere."""
    return graph.op("Shrink", x, lambd=layer.lambd, bias=0.0)


@exports(Softshrink)
def softshrink(graph: Graph, layer: Softshrink, x: Value) -> Value:
    """Write x moved towards 0 by λ."""
    return graph.op("Shrink", x, lambd=layer.lambd, bias=layer.lambd)


@exports(LogSigmoid)
def log_sigmoid(graph: Graph, layer: LogSigmoid, x: Value) -> Value:
    """Write −log(1 + e⁻ˣ)."""
    return graph.op("Neg", graph.op("Softplus", graph.op("Neg", x)))


@exports(Tanhshrink)
def tanhshrink(graph: Graph, layer: Tanhshrink, x: Value) -> Value:
    """Write x − tanh(x)."""
    return graph.op("Sub", x, graph.op("Tanh", x))
