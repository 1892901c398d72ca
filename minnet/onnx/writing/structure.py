"""Layers that move numbers, and those that do nothing in eval mode."""

import math

from minnet.layers import Dropout, Dropout2d, DropPath, Flatten, Identity, Permute, Reshape
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.table import exports
from minnet.onnx.writing.value import Value


@exports(Identity)
def identity(graph: Graph, layer: Identity, x: Value) -> Value:
    """Write nothing: y is x."""
    return x


@exports(Dropout, Dropout2d, DropPath)
def dropout(graph: Graph, layer: Dropout, x: Value) -> Value:
    """Write nothing: only training drops numbers."""
    return x


@exports(Flatten)
def flatten(graph: Graph, layer: Flatten, x: Value) -> Value:
    """Write (N, ...) as (N, product of the rest)."""
    return graph.op("Flatten", x, axis=1) if x.ndim > 1 else x


@exports(Reshape)
def reshape(graph: Graph, layer: Reshape, x: Value) -> Value:
    """Write each sample in another shape; the size −1 as a number, where it is known."""
    sizes = [n for n in x.shape[1:] if isinstance(n, int)]
    left = math.prod(sizes) // layer._known if len(sizes) == x.ndim - 1 else None
    return graph.reshaped(x, (x.shape[0], *(left if n == -1 else n for n in layer.shape)))


@exports(Permute)
def permute(graph: Graph, layer: Permute, x: Value) -> Value:
    """Write the axes in another order."""
    return graph.op("Transpose", x, perm=layer.axes)
