"""Operators of shapes: the shape of an array, and arrays of a given shape."""

import numpy as np

from minnet.layers.operations import Expand, Fill, Range, ShapeOf, Tile
from minnet.onnx.reading.network import Network
from minnet.onnx.reading.shapes import known
from minnet.onnx.reading.values import Node, Size, Sizes, Value, constant


def shape_of(net: Network, node: Node) -> Value:
    """The shape of an array; a constant, if the file knows it."""
    x, start, end = node.value(0), node.attribute("start", 0), node.attributes.get("end")
    if end is not None and not isinstance(end, int):
        raise node.refused("its end is no number")
    sizes = None if x.shape is None else x.shape[start:end]
    numbers = known(sizes)
    if numbers is not None and x.array is None:
        return constant(node.outputs[0], np.array(numbers, np.int64))
    count = None if sizes is None else len(sizes)
    return net.add(node, ShapeOf(start, end), x, kind="i", shape=(count,), sizes=sizes)


def size_of(net: Network, node: Node) -> Value:
    """The number of numbers of an array, if the file knows it."""
    numbers = known(node.value(0).shape)
    if numbers is None:
        raise node.refused("the size of its input is not known from the file")
    return constant(node.outputs[0], np.array(int(np.prod(numbers, dtype=object))))


def expand(net: Network, node: Node) -> Value:
    """An array repeated to a shape."""
    x, target = node.value(0), node.value(1)
    shape: Sizes | None = None
    if target.sizes is not None and x.shape is not None and len(target.sizes) >= len(x.shape):
        own = (1,) * (len(target.sizes) - len(x.shape)) + x.shape
        shape = tuple(n if m == 1 else m if n == 1 or n == m else None for n, m in zip(own, target.sizes, strict=True))
    if target.ints is not None:
        return net.add(node, Expand(target.ints), x, shape=shape, filled=x.filled)
    return net.add(node, Expand(), x, target, kind=x.kind, shape=shape, filled=x.filled)


def tile(net: Network, node: Node) -> Value:
    """An array laid side by side."""
    x, repeats = node.value(0), node.value(1)
    if repeats.ints is not None:
        return net.add(node, Tile(repeats.ints), x, shape=None if x.shape is None else (None,) * len(x.shape))
    return net.add(node, Tile(), x, repeats, kind=x.kind, shape=None if x.shape is None else (None,) * len(x.shape))


def constant_of_shape(net: Network, node: Node) -> Value:
    """One number in all places of an array of a computed shape."""
    target, value = node.value(0), node.attributes.get("value", np.zeros(1, net.dtype))
    if not isinstance(value, np.ndarray) or value.size != 1:
        raise node.refused("its value is not a single number")
    one = constant("", value.reshape(()))
    layer = Fill(one.array, {"f": "float", "b": "bool"}.get(one.kind, "int64"))  # type: ignore[arg-type]
    return net.add(node, layer, target, kind=one.kind, shape=target.sizes, filled=one.filled)


def numbers_from_to(net: Network, node: Node) -> Value:
    """Numbers from a start to before an end."""
    values = [node.value(i) for i in range(3)]
    start, end = values[0], values[1]
    size: Size = None
    if start.ints == (0,) and values[2].ints == (1,) and end.sizes:
        size = end.sizes[0]
    return net.add(node, Range(), *values, kind=start.kind, shape=(size,))


OPERATORS = {
    "Shape": shape_of,
    "Size": size_of,
    "Expand": expand,
    "Tile": tile,
    "ConstantOfShape": constant_of_shape,
    "Range": numbers_from_to,
}
