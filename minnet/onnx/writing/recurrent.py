"""Recurrent layers: ONNX's own operators, with the gates in their order, and any mask."""

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
def recurrent(
    graph: Graph,
    layer: Any,
    x: Value,
    state: Value | None = None,
    mask: Value | None = None,
    reverse: bool = False,
) -> Value:
    """Write the sequences (N, T, I) as (N, T, H), or (N, T, 2·H) in both directions; `reverse` from the last step on.

    Several layers and both directions are layers of one direction, which this one has inside.
    """
    if x.ndim != 3 or state is not None:
        problem = "without a first state" if x.ndim == 3 else f"of shape (N, T, {layer.input_size})"
        raise ValueError(f"mn.onnx.export writes {layer.describe()} for sequences {problem}")
    if not layer.layers:
        return one_layer(graph, layer, x, reverse) if mask is None else masked(graph, layer, x, mask, reverse)
    for level in range(layer.num_layers):
        parts = [graph.layer(layer.layers[i], x, mask=mask, reverse=turn < 0) for i, turn in layer._of(level)]
        x = graph.op("Concat", *parts, axis=2) if len(parts) > 1 else parts[0]
    return x


def masked(graph: Graph, layer: Any, x: Value, mask: Value, reverse: bool) -> Value:
    """Write a layer whose state stays as it was where the mask (N, T) is False.

    The real steps are moved to the front, and the layer reads these one after another. What it made of the newest real
    step is its output at every place up to the next one: that is number (real steps up to this place) − 1, and in
    reverse, number (real steps before this place), as far as there is one.
    """
    ones = graph.cast(mask, np.int64)
    up_to = graph.op("CumSum", ones, 1)
    lengths = graph.op("ReduceSum", ones, [1])  # (N, 1)
    steps = graph.op("Neg", graph.steps(x, 1))
    keys = graph.op("Where", mask, graph.op("Add", steps, graph.size(x, 1)), steps)  # the real ones first, in order
    _, places = graph.ops("TopK", 2, keys, graph.size(x, 1), axis=1, like=mask)
    if reverse:
        number = graph.op("Sub", up_to, ones)
        exists = graph.op("Less", number, lengths)
        lengths = graph.cast(graph.op("Squeeze", graph.op("Max", lengths, 1), [1]), np.int32)
    else:
        number = graph.op("Max", graph.op("Sub", up_to, 1), 0)
        exists = graph.op("Greater", up_to, 0)
    y = one_layer(graph, layer, _steps_at(graph, x, places), reverse, lengths if reverse else None)
    return graph.op("Where", graph.op("Unsqueeze", exists, [2]), _steps_at(graph, y, number), 0.0)


def one_layer(graph: Graph, layer: Any, x: Value, reverse: bool, lengths: Value | None = None) -> Value:
    """Write the operator, which wants time first, and returns (T, 1, N, H); `lengths` are of sequences, (N,)."""
    kind = next(cls for cls in ORDERS if isinstance(layer, cls))
    weights = [graph.array(w, lambda w: _by_gate(w, ORDERS[kind])[None]) for w in (layer.weight_ih, layer.weight_hh)]
    options: dict[str, Any] = {"hidden_size": layer.hidden_size, "direction": "reverse" if reverse else None}
    if kind is GRU:
        options["linear_before_reset"] = 1
    if kind is RNN:
        options["activations"] = ["Tanh" if layer.nonlinearity == "tanh" else "Relu"]
    bias = None
    if layer.bias:
        both: tuple[Parameter, ...] = (layer.bias_ih, layer.bias_hh)
        bias = graph.constant(np.concatenate([_by_gate(b.data, ORDERS[kind]) for b in both])[None], "bias")
    time_first = graph.op("Transpose", x, perm=[1, 0, 2])
    y = graph.op(kind.__name__, time_first, *weights, bias, lengths, **options)
    return graph.op("Transpose", graph.op("Squeeze", y, [1]), perm=[1, 0, 2])


def _steps_at(graph: Graph, x: Value, places: Value) -> Value:
    """Write the steps at some places (N, T) of sequences (N, T, F)."""
    return graph.op("GatherND", x, graph.op("Unsqueeze", places, [2]), batch_dims=1)


def _by_gate(array: Array, order: tuple[int, ...]) -> Array:
    """Return (..., G·H) as (G·H, ...), with the gates in another order."""
    gates = np.split(array.T, len(order))
    return np.concatenate([gates[i] for i in order])
