"""Recurrent layers: LSTM, GRU and RNN, whose time comes first in ONNX, and the batch in minnet."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.layers import GRU, LSTM, RNN
from minnet.layers.operations import Gather, Join, Slice, Squeeze, Transpose, Unsqueeze, View
from minnet.onnx.reading.network import Network
from minnet.onnx.reading.values import Node, Sizes, Value

ORDERS: dict[type[Any], tuple[int, ...]] = {LSTM: (0, 3, 1, 2), GRU: (1, 0, 2), RNN: (0,)}  # see writing/recurrent.py
FAR = 1 << 62
BACKWARD = Slice((-1,), (-FAR,), (1,), (-1,)).arguments()  # the steps of (N, T, …) in reverse order
ACTIVATIONS = {LSTM: ("Sigmoid", "Tanh", "Tanh"), GRU: ("Sigmoid", "Tanh"), RNN: ("Tanh",)}


def recurrent(kind: type[Any]) -> Any:
    """Return the reader of one of the three."""

    def read(net: Network, node: Node) -> list[Value | None]:
        node.only(layout=0, input_forget=0)
        direction = node.attribute("direction", "forward")
        both = direction == "bidirectional"
        if direction not in ("forward", "reverse", "bidirectional") or "clip" in node.attributes:
            raise node.refused("it has a clip, or an unknown direction")
        if node.get(4) is not None or node.get(7) is not None:
            raise node.refused("lengths of sequences, and peepholes, are not there in minnet")
        x = node.value(0)
        state = _state(net, node, kind, both)
        sequences = net.add(node, Transpose((1, 0, 2)), x, shape=_moved(x.shape, (1, 0, 2)))
        if direction == "reverse":
            sequences = net.add(node, Slice(**BACKWARD), sequences, shape=sequences.shape)
        layer = _layer(net, node, kind, both)
        H = layer.hidden_size
        shape: Sizes | None = None if sequences.shape is None else (*sequences.shape[:2], (1 + both) * H)
        y = net.add(node, layer, sequences, *([] if state is None else [state]), kind="f", shape=shape, own_name=True)
        if direction == "reverse":
            y = net.add(node, Slice(**BACKWARD), y, shape=shape)
        last = None
        if len(node.outputs) > 1 and net.uses.get(node.outputs[1]):
            last = _last(net, node, y, H, direction)
        if len(node.outputs) > 2 and net.uses.get(node.outputs[2]):
            raise node.refused("its last cell state is read, which minnet's layers do not return to others")
        return [_as_onnx(net, node, y, H, both), last]

    return read


def _as_onnx(net: Network, node: Node, y: Value, size: int, both: bool) -> Value:
    """Return the outputs (N, T, D·H) as ONNX has them, (T, D, N, H)."""
    steps = None if y.shape is None else (y.shape[1], y.shape[0])
    if not both:
        first = net.add(node, Transpose((1, 0, 2)), y, shape=None if steps is None else (*steps, size))
        return net.add(node, Unsqueeze((1,)), first, shape=None if steps is None else (steps[0], 1, steps[1], size))
    cut = net.add(node, View((0, 0, 2, size)), y, shape=None if steps is None else (*steps[::-1], 2, size))
    return net.add(node, Transpose((1, 2, 0, 3)), cut, shape=_moved(cut.shape, (1, 2, 0, 3)))


def _last(net: Network, node: Node, y: Value, size: int, direction: str) -> Value:
    """Return the last states (D, N, H): that of a backward direction is at the first step."""
    batch = None if y.shape is None else y.shape[0]
    ends = {"forward": [(-1, 0)], "reverse": [(0, 0)], "bidirectional": [(-1, 0), (0, size)]}[direction]
    parts = []
    for step, start in ends:
        part = net.add(node, Gather(1, step), y)
        if len(ends) > 1:
            part = net.add(node, Slice((start,), (start + size,), (-1,)), part)
        parts.append(net.add(node, Unsqueeze((0,)), part, shape=(1, batch, size)))
    return parts[0] if len(parts) == 1 else net.add(node, Join(0), *parts, shape=(2, batch, size))


def _state(net: Network, node: Node, kind: type[Any], both: bool) -> Value | None:
    """Return the first state (N, H), or None if it is zeros."""
    given = [value for value in (node.get(5), node.get(6)) if value is not None and value.filled != 0]
    if not given:
        return None
    if kind is LSTM or both:
        raise node.refused("it begins with states other than zeros, which only a GRU or RNN of one direction may have")
    return net.add(node, Squeeze((0,)), given[0], shape=None if given[0].shape is None else given[0].shape[1:])


def _layer(net: Network, node: Node, kind: type[Any], both: bool) -> Any:
    """Return the layer, with its weights."""
    w, r = net.computed(node, 1), net.computed(node, 2)
    b = net.computed(node, 3) if node.get(3) is not None else None
    gates, directions = len(ORDERS[kind]), 1 + both
    size = r.shape[-1]
    if w.ndim != 3 or not w.size or r.shape != (directions, gates * size, size) or w.shape[:2] != r.shape[:2]:
        raise node.refused("its weights do not fit each other")
    if b is not None and b.shape != (directions, 2 * gates * size):
        raise node.refused("its biases do not fit its weights")
    if node.attribute("hidden_size", size) != size:
        raise node.refused("its hidden_size is not that of its weights")
    options = {"bidirectional": both, "bias": b is not None} | _activations(node, kind, directions)
    layer = net.make(node, kind, w.shape[2], size, **options)
    for d, part in enumerate(layer.layers or [layer]):
        arrays = {"weight_ih": (node.value(1), w[d]), "weight_hh": (node.value(2), r[d])}
        if b is not None:
            ih, hh = np.split(b[d], 2)
            arrays |= {"bias_ih": (node.value(3), ih), "bias_hh": (node.value(3), hh)}
        for name, (value, array) in arrays.items():
            if value.learned and not net.is_read_once(value):
                raise node.refused("another node has the same weights, which minnet's layers cannot share")
            net.give(node, part, **{name: (None, _by_gate(array, ORDERS[kind]).T)})
    return layer


def _activations(node: Node, kind: type[Any], directions: int) -> dict[str, Any]:
    """Return what the activations of the node say; refuse those that minnet's layers do not have."""
    if kind is GRU and not node.attribute("linear_before_reset", 0):
        raise node.refused("linear_before_reset=0 is not there in minnet")
    found = node.attributes.get("activations", ACTIVATIONS[kind] * directions)
    if kind is RNN and found in (("Relu",) * directions, ("Tanh",) * directions):
        return {"nonlinearity": found[0].lower()}
    if found != ACTIVATIONS[kind] * directions:
        raise node.refused("its activations are not there in minnet")
    return {}


def _by_gate(array: NDArray[Any], order: tuple[int, ...]) -> NDArray[Any]:
    """Return the gates along the first axis in minnet's order."""
    parts = np.split(array, len(order))
    return np.concatenate([parts[order.index(gate)] for gate in range(len(order))])


def _moved(shape: Sizes | None, axes: tuple[int, ...]) -> Sizes | None:
    return None if shape is None or len(shape) != len(axes) else tuple(shape[i] for i in axes)


OPERATORS = {"LSTM": recurrent(LSTM), "GRU": recurrent(GRU), "RNN": recurrent(RNN)}
