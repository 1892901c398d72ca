"""Operators that change the shape or order of an array."""

from typing import Any

import numpy as np

from minnet.layers import Flatten, Permute, Reshape
from minnet.layers.operations import Squeeze, Transpose, Unsqueeze, View
from minnet.onnx.reading.network import Network
from minnet.onnx.reading.shapes import keeps_first, known, reshaped
from minnet.onnx.reading.values import Node, Sizes, Value, constant


def moved(net: Network, node: Node, value: Value, *, to: Any, layer: Any, shape: Sizes | None, **more: Any) -> Value:
    """Add a layer that moves the numbers of an array; of a weight that nothing else reads, move them now."""
    if value.learned and value.array is not None and net.is_read_once(value):
        try:
            return constant(value.name, np.ascontiguousarray(to(value.array)), learned=True)
        except ValueError as error:
            raise node.refused(str(error)) from None
    return net.add(node, layer, value, shape=shape, **more)


def flatten(net: Network, node: Node) -> Value:
    """Two axes: those before one, and those from it on."""
    x, axis = node.value(0), node.attribute("axis", 1)
    if x.shape is not None and axis < 0:
        axis += len(x.shape)
    if x.shape is not None and not 0 <= axis <= len(x.shape):
        raise node.refused(f"its axis is {axis}")
    after = known(x.shape[axis:]) if x.shape is not None else None
    size = int(np.prod(after, dtype=object)) if after is not None else None
    if axis == 1 and (x.ndim or 2) > 1 and x.kind == "f":
        return net.add(node, Flatten(), x, shape=(None if x.shape is None else x.shape[0], size))
    before = known(x.shape[:axis]) if x.shape is not None else None
    if axis == 0:
        return net.add(node, View((1, -1)), x, shape=(1, size))
    if before is None:
        if size is None:
            raise node.refused(f"its axis is {axis}, and the file does not say the sizes of its input")
        return net.add(node, View((-1, size)), x, shape=(None, size))
    count = int(np.prod(before, dtype=object))
    return net.add(node, View((count, -1)), x, shape=(count, size))


def reshape(net: Network, node: Node) -> Value:
    """Another shape; numbers that the file knows become part of the layer."""
    x, target = node.value(0), node.value(1)
    zero = bool(node.attribute("allowzero", 0)) and (target.sizes is None or 0 in target.sizes)
    if target.sizes is None or zero:
        return net.add(node, View(None, zero), x, target, kind=x.kind)
    sizes = x.sizes if x.kind == "i" and len(target.sizes) < 2 else None
    shape, numbers = reshaped(x.shape, target.sizes)
    if x.array is not None and target.ints is not None:
        layer = View(target.ints)
        return moved(net, node, x, to=lambda a: View(target.ints).forward(a), layer=layer, shape=shape, sizes=sizes)
    if numbers is None:
        return net.add(node, View(), x, target, kind=x.kind, shape=shape)
    if x.kind == "f" and keeps_first(x.shape, numbers):
        if len(numbers) == 2 and (numbers[1] == -1 or (x.ndim or 0) > 1):
            if (x.ndim or 0) > 1:
                return net.add(node, Flatten(), x, shape=shape)
        elif len(numbers) > 1 and all(n > 0 or n == -1 for n in numbers[1:]):
            return net.add(node, Reshape(*numbers[1:]), x, shape=shape)
    return net.add(node, View(numbers), x, shape=shape, sizes=sizes)


def transpose(net: Network, node: Node) -> Value:
    """Another order of the axes."""
    x = node.value(0)
    axes: tuple[int, ...] | None = node.attribute("perm", None)
    if axes is None and x.ndim is not None:
        axes = tuple(range(x.ndim))[::-1]
    if axes is not None and (sorted(axes) != list(range(len(axes))) or len(axes) != (x.ndim or len(axes))):
        raise node.refused(f"its perm is {axes[:8]}")
    shape = None if axes is None or x.shape is None else tuple(x.shape[i] for i in axes)
    permutes = axes is not None and len(axes) > 1 and axes[0] == 0 and x.kind == "f" and x.array is None
    layer = Permute(*axes) if permutes and axes is not None else Transpose(axes)
    return moved(net, node, x, to=lambda a: a.transpose(axes), layer=layer, shape=shape)


def _axes(node: Node) -> tuple[int, ...] | None:
    """Return the axes of Squeeze and the like: an attribute, and since opset 13 an input."""
    axes: tuple[int, ...] | None = node.attribute("axes", None)
    if node.get(1) is not None:
        axes = node.ints(1)
        if axes is None:
            raise node.refused("its axes are computed, and must be constants here")
    return axes


def squeeze(net: Network, node: Node) -> Value:
    """Without axes of size 1."""
    x, axes = node.value(0), _axes(node)
    shape: Sizes | None = None
    if x.shape is not None:
        if axes is None and not any(n is None or isinstance(n, str) for n in x.shape):
            axes = tuple(i for i, n in enumerate(x.shape) if n == 1)
        if axes is not None and all(-len(x.shape) <= axis < len(x.shape) for axis in axes):
            gone = {axis % len(x.shape) for axis in axes}
            shape = tuple(n for i, n in enumerate(x.shape) if i not in gone)
    layer = Squeeze(axes)
    return moved(net, node, x, to=layer.forward, layer=layer, shape=shape, sizes=x.sizes)


def unsqueeze(net: Network, node: Node) -> Value:
    """With new axes of size 1."""
    x, axes = node.value(0), _axes(node) or ()
    shape: Sizes | None = None
    if x.shape is not None and len(axes) < 64:
        total = len(x.shape) + len(axes)
        new, rest = {axis % total for axis in axes}, iter(x.shape)
        if len(new) == len(axes):
            shape = tuple(1 if i in new else next(rest) for i in range(total))
    layer = Unsqueeze(axes)
    return moved(net, node, x, to=layer.forward, layer=layer, shape=shape, sizes=x.sizes)


def constant_node(net: Network, node: Node) -> Value:
    """A constant in the graph, which is not learned."""
    for name, value in node.attributes.items():
        if isinstance(value, np.ndarray) and name == "value":
            return constant(node.outputs[0], value)
        if name in ("value_int", "value_ints"):
            return constant(node.outputs[0], np.array(value, np.int64))
        if name in ("value_float", "value_floats"):
            return constant(node.outputs[0], np.array(value, net.dtype))
    raise node.refused("it is no array of numbers")


OPERATORS = {
    "Flatten": flatten,
    "Reshape": reshape,
    "Transpose": transpose,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Constant": constant_node,
}
