"""Windows of images of which one number is kept, whole images that become one number, and images made larger."""

from typing import Any

from minnet.layers import AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d
from minnet.layers.operations import Reduce
from minnet.onnx.reading.convolution import padded, padding, per_axis, simple
from minnet.onnx.reading.network import Network
from minnet.onnx.reading.shapes import windows
from minnet.onnx.reading.values import Node, Sizes, Value

MAXIMA: dict[int, type[Any]] = {1: MaxPool1d, 2: MaxPool2d, 3: MaxPool3d}  # by the number of axes
MEANS: dict[int, type[Any]] = {1: AvgPool1d, 2: AvgPool2d, 3: AvgPool3d}


def _pool(net: Network, node: Node, kinds: dict[int, type[Any]], fill: float, **options: Any) -> Value:
    x, kernel = node.value(0), node.attribute("kernel_shape", ())
    axes = len(kernel)
    if axes not in kinds or any(not 1 <= n <= 1 << 20 for n in kernel):
        raise node.refused(
            f"its kernel_shape is {kernel[:8]}, and there are windows of {min(kinds)} to {max(kinds)} axes"
        )
    stride, dilation = per_axis(node, "strides", axes), per_axis(node, "dilations", axes)
    if dilation != (1,) * axes:
        if kinds is not MAXIMA:
            raise node.refused("dilations of means are not there in minnet")
        options["dilation"] = simple(dilation)
    pads = padding(node, x, axes, kernel, stride, dilation)
    ceil_mode = bool(node.attribute("ceil_mode", 0))
    shape: Sizes | None = None
    if x.shape is not None and len(x.shape) == axes + 2:
        rest = zip(x.shape[2:], kernel, stride, pads, dilation, strict=True)
        shape = (*x.shape[:2], *(windows(n, k, s, *p, d, ceil_mode) for n, k, s, p, d in rest))
    if not options.get("count_include_pad", True) and not ceil_mode and _is_ceil(shape, x.shape, kernel, stride, pads):
        ceil_mode, pads = True, tuple((before, before) for before, _ in pads)
    uneven = any(before != behind for before, behind in pads)
    if uneven and (ceil_mode or not options.get("count_include_pad", True)):
        raise node.refused(f"pads of {pads} are not there in minnet with ceil_mode, or if they do not count")
    x, same = padded(net, node, x, pads, fill)
    layer = net.make(node, kinds[axes], simple(kernel), simple(stride), simple(same), ceil_mode=ceil_mode, **options)
    return net.add(node, layer, x, shape=shape)


def _is_ceil(
    made: Sizes | None, given: Sizes | None, kernel: tuple[int, ...], stride: tuple[int, ...], pads: tuple[Any, ...]
) -> bool:
    """Whether pads that are larger behind, and do not count, make as many windows as ceil_mode would."""
    if made is None or given is None or all(before == behind for before, behind in pads):
        return False
    axes = zip(given[2:], kernel, stride, pads, strict=True)
    return made[2:] == tuple(windows(n, k, s, before, before, ceil_mode=True) for n, k, s, (before, _) in axes)


def max_pool(net: Network, node: Node) -> Value:
    """The largest number of each window."""
    node.only(storage_order=0)
    if len([name for name in node.outputs if name]) > 1:
        raise node.refused("its second output, the places of the largest numbers, is not there in minnet")
    return _pool(net, node, MAXIMA, float("-inf"))


def average_pool(net: Network, node: Node) -> Value:
    """The mean of each window."""
    return _pool(net, node, MEANS, 0.0, count_include_pad=bool(node.attribute("count_include_pad", 0)))


def global_average_pool(net: Network, node: Node) -> Value:
    """The mean of each image, as an image of one pixel."""
    x = node.value(0)
    if x.ndim == 4 and x.shape is not None:
        return net.add(node, net.make(node, AdaptiveAvgPool2d, 1), x, shape=(*x.shape[:2], 1, 1))
    return _global(net, node, "mean")


def global_max_pool(net: Network, node: Node) -> Value:
    """The largest number of each image, as an image of one pixel."""
    return _global(net, node, "max")


def _global(net: Network, node: Node, kind: str) -> Value:
    x = node.value(0)
    if x.shape is None:
        raise node.refused("the file does not say how many axes its input has")
    axes = tuple(range(2, len(x.shape)))
    return net.add(node, Reduce(kind, axes), x, shape=(*x.shape[:2], *(1 for _ in axes)))


def reduce(kind: str) -> Any:
    """Return the reader of a reduction."""

    def read(net: Network, node: Node) -> Value:
        x, keep = node.value(0), bool(node.attribute("keepdims", 1))
        axes: tuple[int, ...] | None = node.attribute("axes", None)
        if node.get(1) is not None:
            axes = node.ints(1)
            if axes is None:
                raise node.refused("its axes are computed, and must be constants here")
        if axes is None or not axes:
            if node.attribute("noop_with_empty_axes", 0):
                raise node.refused("noop_with_empty_axes is not there in minnet")
            axes = None
        shape: Sizes | None = None
        if x.shape is not None:
            ndim = len(x.shape)
            places = set(range(ndim)) if axes is None else {axis % max(ndim, 1) for axis in axes}
            shape = tuple(1 if i in places else n for i, n in enumerate(x.shape) if keep or i not in places)
            if kind == "mean" and keep and ndim == 4 and places == {2, 3}:
                return net.add(node, net.make(node, AdaptiveAvgPool2d, 1), x, shape=shape)
        return net.add(node, net.make(node, Reduce, kind, axes, keep), x, shape=shape)

    return read


OPERATORS = {
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average_pool,
    "GlobalMaxPool": global_max_pool,
    "ReduceMean": reduce("mean"),
    "ReduceSum": reduce("sum"),
    "ReduceMax": reduce("max"),
    "ReduceMin": reduce("min"),
    "ReduceProd": reduce("prod"),
    "ReduceSumSquare": reduce("sum_square"),
    "ReduceL1": reduce("l1"),
    "ReduceL2": reduce("l2"),
    "ReduceLogSum": reduce("log_sum"),
    "ReduceLogSumExp": reduce("log_sum_exp"),
}
