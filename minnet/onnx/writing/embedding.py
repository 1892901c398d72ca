"""Tables of vectors, and vectors for the places of a sequence."""

import numpy as np

from minnet.layers import Embedding, LearnedPosition, SinusoidalPosition
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.table import exports
from minnet.onnx.writing.value import Value


@exports(Embedding)
def embedding(graph: Graph, layer: Embedding, x: Value) -> Value:
    """Write the rows of the table, and 0 for the padding."""
    y = graph.op("Gather", layer.weight, x, axis=0)
    if layer.padding_idx is None or not layer.weight.data[layer.padding_idx].any():
        return y
    padding = graph.op("Equal", x, layer.padding_idx)
    return graph.op("Where", graph.op("Unsqueeze", padding, [-1]), 0.0, y)


@exports(LearnedPosition)
def learned_position(graph: Graph, layer: LearnedPosition, x: Value) -> Value:
    """Write x + P, with as many rows of P as x has places."""
    steps = x.shape[-2]
    table = layer.weight if steps == layer.max_length else graph.op("Slice", layer.weight, [0], graph.size(x, -2), [0])
    return graph.op("Add", x, table)


@exports(SinusoidalPosition)
def sinusoidal_position(graph: Graph, layer: SinusoidalPosition, x: Value) -> Value:
    """Write x + a table, which the graph makes in float64 for sequences of any length: cos a = sin(a + π/2)."""
    place = np.arange(layer.embed_dim)
    rates = 10000.0 ** -((place - place % 2) / layer.embed_dim)  # of a sin and its cos the same
    shifts = np.where(place % 2, np.pi / 2, 0.0)
    steps = x.shape[-2]
    if isinstance(steps, int):
        table = graph.constant(np.sin(np.arange(steps)[:, None] * rates + shifts), "table")
    else:
        places = graph.op("Unsqueeze", graph.cast(graph.steps(x, -2), np.float64), [1])
        angles = graph.op("Mul", places, graph.constant(rates, "rates", np.float64))
        angles = graph.op("Add", angles, graph.constant(shifts, "shifts", np.float64))
        table = graph.cast(graph.op("Sin", angles), graph.dtype)
    return graph.op("Add", x, table)
