"""Products of matrices and convolutions: Linear, Conv1d, Conv2d and their like."""

from typing import Any

import numpy as np

from minnet.layers import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    Embedding,
    Linear,
    MatMul,
    Multiply,
    Sum,
)
from minnet.layers.operations import Gather, PadAxes, Transpose
from minnet.onnx.reading.network import Network
from minnet.onnx.reading.shapes import known, together, windows
from minnet.onnx.reading.values import Node, Sizes, Value, constant

CONVOLUTIONS: dict[int, type[Any]] = {1: Conv1d, 2: Conv2d, 3: Conv3d}  # by the number of axes
TRANSPOSED: dict[int, type[Any]] = {1: ConvTranspose1d, 2: ConvTranspose2d}


def gemm(net: Network, node: Node) -> Value:
    """The sum alpha · a @ b + beta · c, a and b perhaps transposed: a Linear layer, if b is a constant."""
    a, b, c = node.value(0), node.value(1), node.get(2)
    alpha, beta = node.attribute("alpha", 1.0), node.attribute("beta", 1.0)
    if node.attribute("transA", 0):
        a = net.add(node, Transpose((1, 0)), a, shape=None if a.shape is None else a.shape[::-1])
    plain = alpha == 1 and (beta == 1 or c is None)
    transposed = bool(node.attribute("transB", 0))
    if plain and b.array is not None and b.array.ndim == 2 and a.array is None and not net.is_tied(b):
        size = b.array.shape[0 if transposed else 1]
        if c is None or (c.array is not None and c.array.size == size and c.array.shape[-1:] == (size,)):
            return linear(net, node, a, b, c, transposed)
    if transposed:
        b = net.add(node, Transpose((1, 0)), b, shape=None if b.shape is None else b.shape[::-1])
    shape = None if a.shape is None or b.shape is None else (*a.shape[:1], *b.shape[-1:])
    y = net.add(node, MatMul(), a, b, shape=shape)
    y = scaled(net, node, y, alpha)
    return y if c is None else net.add(node, Sum(), y, scaled(net, node, c, beta), shape=shape)


def scaled(net: Network, node: Node, x: Value, factor: float) -> Value:
    """Return a value times a number."""
    if factor == 1:
        return x
    return net.add(node, Multiply(), x, constant("", np.asarray(factor, net.dtype)), shape=x.shape)


def linear(net: Network, node: Node, x: Value, w: Value, c: Value | None, transposed: bool) -> Value:
    """Add a Linear layer of the weights w (I, O), or (O, I) if they are transposed, and the bias c."""
    assert w.array is not None
    weight = w.array.T if transposed else w.array
    # The exporter leaves out a bias of zeros, and says so; it is to be learned all the same.
    dropped = c is None and "RemoveOptionalBias" in node.notes
    layer = net.make(node, Linear, *weight.shape, bias=c is not None or dropped)
    arrays: dict[str, Any] = {"weight": (w, weight)}
    if c is not None and c.array is not None:
        arrays["bias"] = (c, c.array.reshape(-1))
    elif dropped:
        arrays["bias"] = (None, np.zeros(weight.shape[1], net.dtype))
    net.give(node, layer, **arrays)
    shape = None if x.shape is None else (*x.shape[:-1], weight.shape[1])
    return net.add(node, layer, x, shape=shape, own_name=True)


def matmul(net: Network, node: Node) -> Value:
    """The product a @ b: a Linear layer without a bias, if b is a constant matrix."""
    a, b = node.value(0), node.value(1)
    is_matrix = b.array is not None and b.array.ndim == 2 and b.array.size > 0 and b.kind == "f"
    if is_matrix and a.array is None and not net.is_tied(b):
        return linear(net, node, a, b, None, False)
    shape: Sizes | None = None
    if a.shape is not None and b.shape is not None and len(a.shape) > 1 and len(b.shape) > 1:
        batch = together(a.shape[:-2], b.shape[:-2])
        shape = None if batch is None else (*batch, a.shape[-2], b.shape[-1])
    return net.add(node, MatMul(), a, b, shape=shape)


def add(net: Network, node: Node) -> Value:
    """The sum a + b; or the bias of a Linear layer, if it is one."""
    a, b = node.value(0), node.value(1)
    for x, bias in ((a, b), (b, a)):
        layer = net.bare_linear(x)
        array = bias.array
        if layer is None or array is None or bias.kind != "f":
            continue
        if array.shape == (layer.out_features,) or (array.shape == (1, layer.out_features) and x.ndim == 2):
            with_bias = net.make(node, Linear, layer.in_features, layer.out_features)
            layer.bias = with_bias.bias
            net.give(node, layer, bias=(bias, array.reshape(-1)))
            return Value(node.outputs[0], "f", x.shape, x.wire)
    return net.add(node, Sum(), a, b, shape=together(a.shape, b.shape))


def gather(net: Network, node: Node) -> Value:
    """Parts of an array with given numbers: rows of an Embedding, if the array is a constant of floats."""
    x, numbers, axis = node.value(0), node.value(1), node.attribute("axis", 0)
    shape: Sizes | None = None
    if x.shape is not None and numbers.shape is not None and -len(x.shape) <= axis < len(x.shape):
        place = axis % len(x.shape)
        shape = (*x.shape[:place], *numbers.shape, *x.shape[place + 1 :])
    sizes = None
    if (
        x.sizes is not None
        and numbers.ints is not None
        and all(-len(x.sizes) <= n < len(x.sizes) for n in numbers.ints)
    ):
        sizes = tuple(x.sizes[n] for n in numbers.ints)
    is_table = x.array is not None and x.learned and x.array.ndim == 2 and axis == 0 and x.array.size > 0
    if is_table and not net.is_tied(x) and x.array is not None:
        layer = net.make(node, Embedding, *x.array.shape)
        net.give(node, layer, weight=(x, x.array))
        return net.add(node, layer, numbers, kind="f", shape=shape, own_name=True)
    if numbers.array is not None and numbers.array.ndim == 0:
        return net.add(node, Gather(axis, int(numbers.array)), x, shape=shape, sizes=sizes)
    return net.add(node, Gather(axis), x, numbers, kind=x.kind, shape=shape, sizes=sizes)


def padding(
    node: Node, x: Value, axes: int, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """Return the numbers that are added before and behind each axis, by the attributes pads and auto_pad."""
    auto = node.attribute("auto_pad", "NOTSET")
    if auto in ("NOTSET", "VALID", ""):
        pads = node.attribute("pads", (0,) * 2 * axes) if auto != "VALID" else (0,) * 2 * axes
        if len(pads) != 2 * axes or any(n < 0 or n > 1 << 20 for n in pads):
            raise node.refused(f"its pads are {pads[:8]}")
        return tuple((pads[i], pads[i + axes]) for i in range(axes))
    if auto not in ("SAME_UPPER", "SAME_LOWER"):
        raise node.refused(f"its auto_pad is {auto}")
    extents = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    size = known(x.shape[-axes:]) if x.shape is not None else None
    if size is None and any(s != 1 for s in stride):
        raise node.refused("auto_pad=SAME with a stride needs images of a size that the file says")
    sizes = size or (1 << 20,) * axes
    needed = [max((-(-n // s) - 1) * s + e - n, 0) for n, s, e in zip(sizes, stride, extents, strict=True)]
    first = [n // 2 if auto == "SAME_UPPER" else n - n // 2 for n in needed]
    return tuple((before, n - before) for before, n in zip(first, needed, strict=True))


def per_axis(node: Node, name: str, axes: int) -> tuple[int, ...]:
    """Return an attribute that has a number for each axis, by default 1."""
    values: tuple[int, ...] = node.attribute(name, (1,) * axes)
    if len(values) != axes or any(not 1 <= n <= 1 << 20 for n in values):
        raise node.refused(f"its {name} is {values[:8]}")
    return values


def padded(
    net: Network, node: Node, x: Value, pads: tuple[tuple[int, int], ...], value: float = 0.0
) -> tuple[Value, tuple[int, ...]]:
    """Return x, and a padding that is the same before and behind; if there is none, x is padded by a layer before."""
    if all(before == behind for before, behind in pads):
        return x, tuple(before for before, _ in pads)
    shape = x.shape
    if shape is not None:
        front = shape[: -len(pads)]
        shape = (
            *front,
            *(n + sum(p) if isinstance(n, int) else None for n, p in zip(shape[-len(pads) :], pads, strict=True)),
        )
    layer = net.make(node, PadAxes, ((0, 0), (0, 0), *pads), "constant", value)
    return net.add(node, layer, x, shape=shape), (0,) * len(pads)


def _bias(node: Node) -> Value | None:
    """Return the bias of a convolution; none, if it is computed and 0, which PyTorch's exporter writes for no bias."""
    bias = node.get(2)
    return None if bias is not None and not bias.learned and bias.filled == 0 else bias


def simple(values: tuple[int, ...]) -> Any:
    """Return one number if it is the same for all axes, as people write it."""
    return values[0] if len(set(values)) == 1 else values


def conv(net: Network, node: Node) -> Value:
    """A convolution of signals or images, with constant weights."""
    x, w, bias = node.value(0), node.floats(1), _bias(node)
    axes = w.ndim - 2
    if axes not in CONVOLUTIONS or 0 in w.shape:
        raise node.refused(f"its weights have shape {w.shape}, and there are Conv1d, Conv2d and Conv3d")
    stride, dilation = per_axis(node, "strides", axes), per_axis(node, "dilations", axes)
    pads = padding(node, x, axes, w.shape[2:], stride, dilation)
    if node.attribute("kernel_shape", tuple(w.shape[2:])) != tuple(w.shape[2:]):
        raise node.refused("its kernel_shape is not that of its weights")
    groups = node.attribute("group", 1)
    shape: Sizes | None = None
    if x.ndim == axes + 2 and x.shape is not None:
        rest = zip(x.shape[2:], w.shape[2:], stride, pads, dilation, strict=True)
        shape = (x.shape[0], w.shape[0], *(windows(n, k, s, *p, d) for n, k, s, p, d in rest))
    x, same = padded(net, node, x, pads)
    layer = net.make(
        node,
        CONVOLUTIONS[axes],
        w.shape[1] * groups,
        w.shape[0],
        simple(w.shape[2:]),
        simple(stride),
        simple(same),
        simple(dilation),
        groups,
        bias is not None,
    )
    arrays: dict[str, Any] = {"weight": (node.value(1), w.swapaxes(0, 1))}
    if bias is not None:
        arrays["bias"] = (bias, node.floats(2))
    net.give(node, layer, **arrays)
    return net.add(node, layer, x, shape=shape or (None, w.shape[0], *[None] * axes), own_name=True)


def conv_transpose(net: Network, node: Node) -> Value:
    """The transpose of a convolution, with constant weights."""
    x, w, bias = node.value(0), node.floats(1), _bias(node)
    axes = w.ndim - 2
    if axes not in TRANSPOSED or 0 in w.shape:
        raise node.refused(f"its weights have shape {w.shape}, and there are ConvTranspose1d and ConvTranspose2d")
    if "output_shape" in node.attributes or node.attribute("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise node.refused("output_shape and auto_pad are not there in minnet, only pads")
    stride, dilation = per_axis(node, "strides", axes), per_axis(node, "dilations", axes)
    pads = padding(node, x, axes, w.shape[2:], stride, dilation)
    extra = node.attribute("output_padding", (0,) * axes)
    if len(extra) != axes or any(n < 0 for n in extra):
        raise node.refused(f"its output_padding is {extra[:8]}")
    # More behind than before is less output padding: both cut rows off the same end.
    extra = tuple(e - (behind - before) for e, (before, behind) in zip(extra, pads, strict=True))
    groups = node.attribute("group", 1)
    layer = net.make(
        node,
        TRANSPOSED[axes],
        w.shape[0],
        w.shape[1] * groups,
        simple(w.shape[2:]),
        simple(stride),
        simple(tuple(before for before, _ in pads)),
        simple(extra),
        groups,
        bias is not None,
        simple(dilation),
    )
    arrays: dict[str, Any] = {"weight": (node.value(1), w)} | ({} if bias is None else {"bias": (bias, node.floats(2))})
    net.give(node, layer, **arrays)
    shape = None if x.shape is None else (x.shape[0], w.shape[1] * groups, *[None] * axes)
    return net.add(node, layer, x, shape=shape, own_name=True)


OPERATORS = {
    "Gemm": gemm,
    "MatMul": matmul,
    "Add": add,
    "Gather": gather,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
}
