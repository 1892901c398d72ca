"""Layers that make one vector of a sequence."""

import numpy as np

from minnet.layers import PoolTime, Select
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.table import exports
from minnet.onnx.writing.value import Value


@exports(PoolTime)
def pool_time(graph: Graph, layer: PoolTime, x: Value, mask: Value | None = None) -> Value:
    """Write the mean, the maximum or the last of the places that count, and 0 where none counts."""
    if mask is None:
        if layer.how == "last":
            return graph.op("Gather", x, -1, axis=-2)
        return graph.op("ReduceMean" if layer.how == "mean" else "ReduceMax", x, [-2], keepdims=0)
    counts = graph.op("Unsqueeze", mask, [-1])
    if layer.how == "max":
        largest = graph.op("ReduceMax", graph.op("Where", counts, x, float("-inf")), [-2], keepdims=0)
        some = graph.op("ReduceMax", graph.cast(counts, graph.dtype), [-2], keepdims=0)
        return graph.op("Where", graph.op("Greater", some, 0.0), largest, 0.0)
    if layer.how == "last":
        steps = graph.op("Unsqueeze", graph.steps(x, -2), [-1])
        last = graph.op("ReduceMax", graph.op("Where", counts, steps, -1), [-2])
        counts = graph.op("Equal", steps, last)
    total = graph.op("ReduceSum", graph.op("Where", counts, x, 0.0), [-2], keepdims=0)
    if layer.how == "last":
        return total
    number = graph.op("ReduceSum", graph.cast(counts, graph.dtype), [-2], keepdims=0)
    return graph.op("Div", total, graph.op("Max", number, 1.0))


@exports(Select)
def select(graph: Graph, layer: Select, x: Value, mask: Value | None = None) -> Value:
    """Write one place along an axis; with a mask, of those that count, and 0 if there are too few."""
    if mask is None:
        return graph.op("Gather", x, layer.index, axis=layer.axis)
    number = graph.op("CumSum", graph.cast(mask, np.int64), 1)  # of each place, among those that count, from 1
    wanted: Value | int = layer.index + 1
    if layer.index < 0:
        wanted = graph.op("Add", graph.op("ReduceMax", number, [1]), layer.index + 1)
    chosen = graph.op("And", mask, graph.op("Equal", number, wanted))
    if x.ndim > 2:
        chosen = graph.op("Unsqueeze", chosen, list(range(2, x.ndim)))
    return graph.op("ReduceSum", graph.op("Where", chosen, x, 0.0), [1], keepdims=0)
