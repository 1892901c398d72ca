"""Operators that change the shape or order of an array, take parts of it, or make one of a given shape."""

from typing import Any

import numpy as np

from minnet.layers import Flatten, Permute, Reshape
from minnet.layers.operations import (
    ArgMax,
    CumSum,
    Expand,
    Fill,
    Join,
    PadAxes,
    Range,
    ShapeOf,
    Slice,
    Squeeze,
    Tile,
    Transpose,
    Triangle,
    Unsqueeze,
    View,
)
from minnet.onnx.reading.network import Network
from minnet.onnx.reading.shapes import keeps_first, known, reshaped
from minnet.onnx.reading.values import Node, Size, Sizes, Value, constant


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
        if numbers[1:] == (-1,) or (x.ndim or 0) > 1 and len(numbers) == 2:
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
    """start, start + step, …"""
    values = [node.value(i) for i in range(3)]
    start, end = values[0], values[1]
    size: Size = None
    if start.ints == (0,) and values[2].ints == (1,) and end.sizes:
        size = end.sizes[0]
    return net.add(node, Range(), *values, kind=start.kind, shape=(size,))


def concat(net: Network, node: Node) -> Value:
    """Arrays one after another."""
    values = [node.value(i) for i in range(len(node.inputs))]
    axis = node.attribute("axis", 0 if node.version < 4 else 1)
    shapes = [value.shape for value in values]
    shape: Sizes | None = None
    first = shapes[0]
    if (
        first is not None
        and all(s is not None and len(s) == len(first) for s in shapes)
        and -len(first) <= axis < len(first)
    ):
        place = axis % len(first)
        parts = known(tuple(s[place] for s in shapes if s is not None))
        shape = tuple((None if parts is None else sum(parts)) if i == place else n for i, n in enumerate(first))
    sizes: Sizes | None = None
    if (
        all(value.sizes is not None and value.kind == "i" for value in values)
        and sum(len(v.sizes or ()) for v in values) < 64
    ):
        sizes = tuple(n for value in values for n in value.sizes or ())
    return net.add(node, Join(axis), *values, shape=shape, sizes=sizes)


def slices(net: Network, node: Node) -> Value:
    """A part of an array."""
    x = node.value(0)
    if node.version < 10:
        starts, ends = node.attribute("starts", ()), node.attribute("ends", ())
        given: list[Any] = [starts, ends, node.attribute("axes", None), None]
    else:
        given = [node.ints(i) for i in (1, 2)] + [node.ints(i) if node.get(i) is not None else None for i in (3, 4)]
        computed = [i for i in (1, 2, 3, 4) if node.get(i) is not None and node.ints(i) is None]
        if computed:
            values = [node.value(i) for i in range(1, len(node.inputs))]
            return net.add(
                node, Slice(), x, *values, kind=x.kind, shape=None if x.shape is None else (None,) * len(x.shape)
            )
    layer = net.make(node, Slice, *given)
    axes = given[2] if given[2] is not None else tuple(range(len(given[0])))
    shape = x.shape
    if shape is not None:
        found = list(shape)
        for start, end, axis, step in zip(given[0], given[1], axes, given[3] or (1,) * len(axes), strict=False):
            if -len(found) <= axis < len(found) and step:
                n = found[axis]
                whole = start == 0 and step == 1 and end > 1 << 31
                found[axis] = n if whole else len(range(n)[start:end:step]) if isinstance(n, int) else None
        shape = tuple(found)
    sizes = None
    if x.sizes is not None and len(given[0]) == len(given[1]) == 1 and axes in ((0,), (-1,)):
        step = (given[3] or (1,))[0]
        sizes = x.sizes[given[0][0] : given[1][0] : step] if step > 0 else None
    return net.add(node, layer, x, shape=shape, sizes=sizes)


def split(net: Network, node: Node) -> list[Value]:
    """Several parts of an array, each by a layer of its own."""
    x, axis = node.value(0), node.attribute("axis", 0)
    lengths = node.ints(1) if node.get(1) is not None else node.attribute("split", None)
    size = x.shape[axis] if x.shape is not None and -len(x.shape) <= axis < len(x.shape) else None
    count = len(node.outputs)
    if lengths is None:
        if not isinstance(size, int):
            raise node.refused("it says no lengths, and the file does not say the size of its input")
        each = -(-size // count)
        lengths = tuple(max(min(each, size - i * each), 0) for i in range(count))
    if len(lengths) != count or any(n < 0 for n in lengths):
        raise node.refused(f"it has {count} outputs, and lengths {lengths[:8]}")
    parts, start = [], 0
    for output, length in zip(node.outputs, lengths, strict=True):
        one = Node(node.op, node.name, node.version, node.inputs, [output], scope=node.scope)
        shape = None
        if x.shape is not None:
            shape = tuple(length if i == axis % len(x.shape) else n for i, n in enumerate(x.shape))
        parts.append(net.add(one, Slice((start,), (start + length,), (axis,)), x, shape=shape))
        start += length
    return parts


def pad(net: Network, node: Node) -> Value:
    """Numbers added before and behind."""
    x = node.value(0)
    pads = node.ints(1) if node.get(1) is not None else node.attribute("pads", ())
    mode = node.attribute("mode", "constant")
    value = node.number(2, 0.0) if node.version >= 11 else node.attribute("value", 0.0)
    if x.shape is None or pads is None:
        raise node.refused("its pads are computed, or the file does not say how many axes its input has")
    axes = node.ints(3, tuple(range(len(x.shape))))
    if axes is None or len(pads) != 2 * len(axes) or not all(-len(x.shape) <= axis < len(x.shape) for axis in axes):
        raise node.refused(f"its pads are {pads[:8]}")
    pairs = [(0, 0)] * len(x.shape)
    for i, axis in enumerate(axes):
        pairs[axis] = (pads[i], pads[i + len(axes)])
    layer = net.make(node, PadAxes, tuple(pairs), mode, value)
    shape = tuple(
        n + sum(p) if isinstance(n, int) else n if p == (0, 0) else None for n, p in zip(x.shape, pairs, strict=True)
    )
    return net.add(node, layer, x, shape=shape)


def triangle(net: Network, node: Node) -> Value:
    """The upper or lower triangle of matrices."""
    x = node.value(0)
    layer = net.make(node, Triangle, bool(node.attribute("upper", 1)), int(node.number(1, 0)))
    return net.add(node, layer, x, shape=x.shape)


def cumulative_sum(net: Network, node: Node) -> Value:
    """Running sums."""
    x = node.value(0)
    flags = [bool(node.attribute(name, 0)) for name in ("exclusive", "reverse")]
    return net.add(node, CumSum(int(node.number(1, 0)), *flags), x, shape=x.shape)


def place_of(smallest: bool) -> Any:
    """Return the reader of ArgMax or ArgMin."""

    def read(net: Network, node: Node) -> Value:
        node.only(select_last_index=0)
        layer = ArgMax(node.attribute("axis", 0), bool(node.attribute("keepdims", 1)), smallest)
        return net.add(node, layer, node.value(0), kind="i")

    return read


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
    "Shape": shape_of,
    "Size": size_of,
    "Expand": expand,
    "Tile": tile,
    "ConstantOfShape": constant_of_shape,
    "Range": numbers_from_to,
    "Concat": concat,
    "Slice": slices,
    "Split": split,
    "Pad": pad,
    "Trilu": triangle,
    "CumSum": cumulative_sum,
    "ArgMax": place_of(False),
    "ArgMin": place_of(True),
    "Constant": constant_node,
}
