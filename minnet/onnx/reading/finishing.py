"""What is left of the layers that were read: a Sequential, if they are a chain, and a Graph otherwise."""

import numpy as np

from minnet.core.layer import Layer
from minnet.core.layers import Layers
from minnet.layers import Flatten, Graph, Identity, Permute, Sequential
from minnet.layers.operations import Squeeze, Transpose, Unsqueeze
from minnet.onnx.reading.network import Network
from minnet.onnx.reading.values import Node, Value


def finish(net: Network, inputs: list[str], outputs: list[Value]) -> Layer:
    """Return the model of the layers that outputs depend on."""
    ends: list[str] = []
    for output in outputs:
        name = net.wire(Node("output", "", 0, [], []), output)
        if name in inputs or name in ends:  # a Graph's outputs are layers
            net.layers[copy := net.names.unique("output")] = Identity()
            net.reads[copy], name = (name,), copy
        ends.append(name)
    _simplify(net, ends)
    needed = set(ends)
    for name in reversed(net.reads):
        if name in needed:
            needed.update(net.reads[name])
    layers = {name: layer for name, layer in net.layers.items() if name in needed}
    if not layers:
        raise ValueError("it has no layers")
    model = _chain(net, inputs, layers) if len(ends) == 1 and ends[0] == next(reversed(layers)) else None
    if model is None:
        before, wires = inputs[0], {}
        for name in layers:
            if net.reads[name] != (before,):
                wires[name] = net.reads[name] if len(net.reads[name]) != 1 else net.reads[name][0]
            before = name
        last = ends[0] if len(ends) == 1 else tuple(ends)
        model = Graph(
            layers,
            inputs=inputs[0] if len(inputs) == 1 else tuple(inputs),
            wires=wires,
            outputs=None if last == next(reversed(layers)) else last,
        )
    if net.class_names is not None:
        model.class_names = net.class_names
    return model


def _chain(net: Network, inputs: list[str], layers: dict[str, Layer]) -> Layer | None:
    """Return a Sequential of layers of which each reads the one before; None, if they are no chain."""
    if len(inputs) > 1:
        return None
    before = inputs[0]
    for name in layers:
        if net.reads[name] != (before,):
            return None
        before = name
    model = Sequential(*layers.values())
    names = [name if not (name.startswith("layer_") or hasattr(Sequential, name)) else None for name in layers]
    model.layers = Layers(layers.values(), names)
    return model


def _simplify(net: Network, ends: list[str]) -> None:
    """Leave out layers that undo the one before, and those that do nothing."""
    instead: dict[str, str] = {}
    for name, layer in list(net.layers.items()):
        reads = tuple(instead.get(read, read) for read in net.reads[name])
        net.reads[name] = reads
        if len(reads) != 1 or name in ends:
            continue
        (read,) = reads
        before = net.layers.get(read)
        if type(layer) is Identity:
            instead[name] = read
        elif before is not None and len(net.reads[read]) == 1 and _undoes(layer, before):
            instead[name] = net.reads[read][0]
        elif type(layer) is Flatten and type(before) is Flatten:
            instead[name] = read


def _undoes(layer: Layer, before: Layer) -> bool:
    if isinstance(layer, Transpose | Permute) and isinstance(before, Transpose | Permute):
        one, other = layer.axes, before.axes
        return one is not None and other is not None and len(one) == len(other) and np.argsort(other).tolist() == [*one]
    if isinstance(layer, Squeeze) and isinstance(before, Unsqueeze):
        return layer.axes is not None and layer.axes == before.axes and all(axis >= 0 for axis in before.axes)
    return False
