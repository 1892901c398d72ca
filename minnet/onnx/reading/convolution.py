"""Convolutions and their transposes, and what poolings have like them: kernels, strides, pads."""

from typing import Any

from minnet.layers import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d
from minnet.layers.operations import PadAxes
from minnet.onnx.reading.network import Network
from minnet.onnx.reading.shapes import known, windows
from minnet.onnx.reading.values import Node, Sizes, Value

CONVOLUTIONS: dict[int, type[Any]] = {1: Conv1d, 2: Conv2d, 3: Conv3d}  # by the number of axes
TRANSPOSED: dict[int, type[Any]] = {1: ConvTranspose1d, 2: ConvTranspose2d}


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


OPERATORS = {"Conv": conv, "ConvTranspose": conv_transpose}
