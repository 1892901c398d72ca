"""Windows of images of which one number is kept, whole images that become one number, and images made larger."""

from typing import Any

from minnet.layers import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from minnet.layers.operations import Reduce
from minnet.onnx.reading.network import Network
from minnet.onnx.reading.products import padded, padding, per_axis, simple
from minnet.onnx.reading.shapes import known, windows
from minnet.onnx.reading.values import Node, Sizes, Value


def _pool(net: Network, node: Node, kind: type[Any], fill: float, **options: Any) -> Value:
    x, kernel = node.value(0), node.attribute("kernel_shape", ())
    axes = len(kernel)
    if axes != 2 or any(not 1 <= n <= 1 << 20 for n in kernel):
        raise node.refused(f"its kernel_shape is {kernel[:8]}, and there are windows of images only")
    stride, dilation = per_axis(node, "strides", axes), per_axis(node, "dilations", axes)
    if dilation != (1,) * axes:
        raise node.refused("dilations of a pooling are not there in minnet")
    pads = padding(node, x, axes, kernel, stride, dilation)
    ceil_mode = bool(node.attribute("ceil_mode", 0))
    if ceil_mode and not _is_even(x, kernel, stride, pads):
        raise node.refused("ceil_mode is not there in minnet for these sizes")
    shape: Sizes | None = None
    if x.shape is not None and len(x.shape) == axes + 2:
        rest = zip(x.shape[2:], kernel, stride, pads, strict=True)
        shape = (*x.shape[:2], *(windows(n, k, s, *p) for n, k, s, p in rest))
    uneven = any(before != behind for before, behind in pads) or any(
        2 * p[0] > k for p, k in zip(pads, kernel, strict=True)
    )
    if uneven and not options.get("count_include_pad", True):
        raise node.refused(f"pads of {pads} that do not count are not there in minnet")
    x, same = padded(net, node, x, pads, fill)
    layer = net.make(node, kind, simple(kernel), simple(stride), simple(same), **options)
    return net.add(node, layer, x, shape=shape)


def _is_even(x: Value, kernel: tuple[int, ...], stride: tuple[int, ...], pads: tuple[tuple[int, int], ...]) -> bool:
    """Whether windows fill the images, so that it does not matter in which direction their number is rounded."""
    size = known(x.shape[2:]) if x.shape is not None else None
    if size is None or len(size) != len(kernel):
        return False
    axes = zip(size, kernel, stride, pads, strict=True)
    return all((n + sum(p) - k) % s == 0 for n, k, s, p in axes)


def max_pool(net: Network, node: Node) -> Value:
    """The largest number of each window."""
    node.only(storage_order=0)
    if len([name for name in node.outputs if name]) > 1:
        raise node.refused("its second output, the places of the largest numbers, is not there in minnet")
    return _pool(net, node, MaxPool2d, float("-inf"))


def average_pool(net: Network, node: Node) -> Value:
    """The mean of each window."""
    return _pool(net, node, AvgPool2d, 0.0, count_include_pad=bool(node.attribute("count_include_pad", 0)))


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


def resize(net: Network, node: Node) -> Value:
    """Images made larger: not there yet."""
    raise node.refused("images made larger or smaller are not there in minnet")


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
