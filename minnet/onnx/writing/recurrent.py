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
    counts = graph.op("CumSum", graph.cast(mask, np.int64), 1)  # the number of real steps up to each place
    steps = graph.op("Neg", graph.steps(x, 1))
    keys = graph.op("Where", mask, graph.op("Add", steps, graph.size(x, 1)), steps)  # the real ones first, in order
    _, places = graph.ops("TopK", 2, keys, graph.size(x, 1), axis=1, like=mask)
    y = run(graph, layer, take_steps(graph, x, places))
    y = take_steps(graph, y, graph.op("Max", graph.op("Sub", counts, 1), 0))
    started = graph.op("Unsqueeze", graph.op("Greater", counts, 0), [2])
    return graph.op("Where", started, y, 0.0)


def take_steps(graph: Graph, x: Value, places: Value) -> Value:
    """Write the steps at some places (N, T) of sequences (N, T, F)."""
    return graph.op("GatherND", x, graph.op("Unsqueeze", places, [2]), batch_dims=1)


def run(graph: Graph, layer: Any, x: Value) -> Value:
    """Write the operator, which wants time first, and returns (T, directions, N, H)."""
    kind = next(cls for cls in ORDERS if isinstance(layer, cls))
    weights = [graph.array(w, lambda w: _by_gate(w, ORDERS[kind])[None]) for w in (layer.weight_ih, layer.weight_hh)]
    options: dict[str, Any] = {"hidden_size": layer.hidden_size}
    if kind is GRU:
        options["linear_before_reset"] = 1
    if kind is RNN:
        options["activations"] = ["Tanh" if layer.nonlinearity == "tanh" else "Relu"]
    bias = None
    if layer.bias:
        both: tuple[Parameter, ...] = (layer.bias_ih, layer.bias_hh)
        bias = graph.constant(np.concatenate([_by_gate(b.data, ORDERS[kind]) for b in both])[None], "bias")
    time_first = graph.op("Transpose", x, perm=[1, 0, 2])
    y = graph.op(kind.__name__, time_first, *weights, bias, **options)
    return graph.op("Transpose", graph.op("Squeeze", y, [1]), perm=[1, 0, 2])


def _by_gate(array: Array, order: tuple[int, ...]) -> Array:
    """Return (..., G·H) as (G·H, ...), with the gates in another order."""
    gates = np.split(array.T, len(order))
    return np.concatenate([gates[i] for i in order])
