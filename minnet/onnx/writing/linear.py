"""Linear and Tied: one matrix product, of rows Gemm and of sequences MatMul."""

from minnet.core.parameter import Parameter
from minnet.layers import Linear, Tied
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.table import exports
from minnet.onnx.writing.value import Value


@exports(Linear)
def linear(graph: Graph, layer: Linear, x: Value) -> Value:
    """Write y = x @ W + b."""
    return affine(graph, x, layer.weight, layer.bias)


@exports(Tied)
def tied(graph: Graph, layer: Tied, x: Value) -> Value:
    """Write y = x @ W.T + b, with the weight of the other layer as it is stored."""
    return affine(graph, x, layer.weight, layer.bias, transposed=True)


def affine(graph: Graph, x: Value, weight: Parameter, bias: Parameter | None = None, transposed: bool = False) -> Value:
    """Write x @ W + b for x with any number of axes."""
    if x.ndim == 2:
        return graph.op("Gemm", x, weight, bias, transB=int(transposed) or None)
    matrix = graph.op("Transpose", weight, perm=[1, 0]) if transposed else weight
    y = graph.op("MatMul", x, matrix)
    return y if bias is None else graph.op("Add", y, bias)
