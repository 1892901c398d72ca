"""Operators that take parts of arrays, join them, or run along an axis."""

from typing import Any

from minnet.layers.operations import ArgMax, CumSum, Join, PadAxes, Slice, Triangle
from minnet.onnx.reading.network import Network
from minnet.onnx.reading.shapes import known
from minnet.onnx.reading.values import Node, Sizes, Value

FAR = 1 << 62  # an end that is beyond any array, and that a file of minnet's holds


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
    if given[0] is None or given[1] is None or len(given[0]) != len(given[1]):
        raise node.refused(f"it cannot take starts {given[0]} and ends {given[1]}")
    given = [None if n is None else tuple(max(-FAR, min(FAR, i)) for i in n) for n in given]
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


OPERATORS = {
    "Concat": concat,
    "Slice": slices,
    "Split": split,
    "Pad": pad,
    "Trilu": triangle,
    "CumSum": cumulative_sum,
    "ArgMax": place_of(False),
    "ArgMin": place_of(True),
}
