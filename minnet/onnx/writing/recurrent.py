"""Recurrent layers: ONNX's own operators, with the gates in their order, and any mask."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.parameter import Parameter
from minnet.layers import GRU, LSTM, RNN
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.table import exports
from minnet.onnx.writing.value import Value

ORDERS = {LSTM: (0, 3, 1, 2), GRU: (1, 0, 2), RNN: (0,)}  # the places of ONNX's gates among minnet's


@exports(RNN, GRU, LSTM)
def recurrent(graph: Graph, layer: Any, x: Value, state: Value | None = None, mask: Value | None = None) -> Value:
    """Write the sequences (N, T, I) as (N, T, H).

    Where the mask is False, the state stays as it was. So the real steps are moved to the front, the layer reads these
    one after another, and what it made of step number k is read again at every place with k real ones up to it.
    """
    if x.ndim != 3 or state is not None:
        problem = "without a first state" if x.ndim == 3 else f"of shape (N, T, {layer.input_size})"
        raise ValueError(f"mn.onnx.export writes {layer.describe()} for sequences {problem}")
    if mask is None:
        return run(graph, layer, x)
    size = layer.hidden_size
    counts = graph.op("CumSum", graph.cast(mask, np.int64), 1)  # the number of real steps up to each place
    steps = graph.op("Neg", graph.steps(x, 1))
    keys = graph.op("Where", mask, graph.op("Add", steps, graph.size(x, 1)), steps)  # the real ones first, in order
    _, places = graph.ops("TopK", 2, keys, graph.size(x, 1), axis=1, like=mask)
    number = graph.op("ReduceMax", counts, [1])  # of real steps, (N, 1)
    y = run(graph, layer, take_steps(graph, x, places), number)
    last = graph.op("Sub", counts, 1)  # the last real step up to each place
    if not layer.bidirectional:
        return _made_at(graph, y, last)
    # The backward direction has come as far as the next real step from each place on; behind the last, to none.
    coming = graph.op("Sub", counts, graph.cast(mask, np.int64))
    coming = graph.op("Where", graph.op("Less", coming, number), coming, -1)
    both = zip(((0, size), (size, 2 * size)), (last, coming), strict=True)
    parts = [_made_at(graph, graph.op("Slice", y, [a], [b], [2]), at) for (a, b), at in both]
    return graph.op("Concat", *parts, axis=-1)


def _made_at(graph: Graph, y: Value, places: Value) -> Value:
    """Write what was made at some places (N, T), and 0 for the place −1."""
    made = take_steps(graph, y, graph.op("Max", places, 0))
    return graph.op("Where", graph.op("Unsqueeze", graph.op("GreaterOrEqual", places, 0), [2]), made, 0.0)


def take_steps(graph: Graph, x: Value, places: Value) -> Value:
    """Write the steps at some places (N, T) of sequences (N, T, F)."""
    return graph.op("GatherND", x, graph.op("Unsqueeze", places, [2]), batch_dims=1)


def run(graph: Graph, layer: Any, x: Value, number: Value | None = None) -> Value:
    """Write the operators, one a layer: each wants time first, and returns (T, directions, N, H).

    With a `number` (N, 1) of real steps, which come first, the backward direction begins at the last of these.
    """
    directions = 2 if layer.bidirectional else 1
    parts = layer.layers or [layer]
    lengths = None
    if number is not None and layer.bidirectional:
        lengths = graph.cast(graph.op("Squeeze", number, [1]), np.int32)
    time_first = graph.op("Transpose", x, perm=[1, 0, 2])
    for i in range(0, len(parts), directions):
        y = _operator(graph, parts[i : i + directions], time_first, lengths)
        if directions == 1:
            time_first = graph.op("Squeeze", y, [1])
        else:
            side_by_side = graph.op("Transpose", y, perm=[0, 2, 1, 3])
            time_first = graph.op("Reshape", side_by_side, [0, 0, 2 * layer.hidden_size])
    return graph.op("Transpose", time_first, perm=[1, 0, 2])


def _operator(graph: Graph, parts: Sequence[Any], x: Value, lengths: Value | None) -> Value:
    """Write the operator of one layer, whose directions are given as plain layers."""
    first = parts[0]
    kind = next(cls for cls in ORDERS if isinstance(first, cls))
    order = ORDERS[kind]
    weights = [_joined(graph, [getattr(p, name) for p in parts], order) for name in ("weight_ih", "weight_hh")]
    options: dict[str, Any] = {"hidden_size": first.hidden_size}
    if len(parts) > 1:
        options["direction"] = "bidirectional"
    if kind is GRU:
        options["linear_before_reset"] = 1
    if kind is RNN:
        options["activations"] = ["Tanh" if p.nonlinearity == "tanh" else "Relu" for p in parts]
    bias = None
    if first.bias:
        both = [[_by_gate(b.data, order) for b in (p.bias_ih, p.bias_hh)] for p in parts]
        bias = graph.constant(np.stack([np.concatenate(pair) for pair in both]), "bias")
    return graph.op(kind.__name__, x, *weights, bias, lengths, **options)


def _joined(graph: Graph, weights: list[Parameter], order: tuple[int, ...]) -> Value:
    """Write the weights of the directions, along a first axis."""
    arrays = [graph.array(w, lambda w: _by_gate(w, order)[None]) for w in weights]
    return arrays[0] if len(arrays) == 1 else graph.op("Concat", *arrays, axis=0)


def _by_gate(array: Array, order: tuple[int, ...]) -> Array:
    """Return (..., G·H) as (G·H, ...), with the gates in another order."""
    gates = np.split(array.T, len(order))
    return np.concatenate([gates[i] for i in order])
