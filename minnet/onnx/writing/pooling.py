"""Poolings of images."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.layers import GlobalAvgPool2d
from minnet.layers.images import adaptive_pooling, average_pooling, max_pooling
from minnet.layers.images.borders import Borders
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.images import bordered
from minnet.onnx.writing.table import exports
from minnet.onnx.writing.value import Value

MAX, AVG, ADAPTIVE_AVG, ADAPTIVE_MAX = (
    [getattr(module, f"{name}{axes}d") for axes in "123"]
    for module, name in (
        (max_pooling, "MaxPool"),
        (average_pooling, "AvgPool"),
        (adaptive_pooling, "AdaptiveAvgPool"),
        (adaptive_pooling, "AdaptiveMaxPool"),
    )
)


@exports(*MAX)
def max_pool(graph: Graph, layer: Any, x: Value) -> Value:
    """Write the largest number of each window; onnxruntime refuses a padding of a kernel or more as an attribute."""
    options, axes = _windows(layer, x), layer.axes
    before, after = options["pads"][:axes], options["pads"][axes:]
    if any(n >= k for n, k in zip(after, options["kernel_shape"], strict=True)):
        x = bordered(graph, x, Borders(tuple(zip(before, after, strict=True)), "constant", -np.inf))
        options["pads"] = (0,) * 2 * axes
    return graph.op("MaxPool", x, dilations=layer._windows.dilation, **options)


@exports(*AVG)
def avg_pool(graph: Graph, layer: Any, x: Value) -> Value:
    """Write the mean of each window, times K over the divisor where they differ."""
    windows, size = layer._windows, _size(x)
    counted = layer.count_include_pad and any(map(any, windows.padding))  # whether there are zeros that count
    if layer.divisor_override is None and not (layer.ceil_mode and counted):
        return graph.op("AveragePool", x, count_include_pad=int(counted), **_windows(layer, x))
    if layer.ceil_mode and size is None:
        _refuse(layer, "images of any size")
    y = graph.op("AveragePool", x, count_include_pad=1, **_windows(layer, x))
    divisor = layer.divisor_override or layer._divisor(np.empty((1, *(size or ())), graph.dtype))[..., 0]
    return graph.op("Mul", y, graph.constant(windows.places / np.asarray(divisor), "divisor"))


@exports(GlobalAvgPool2d)
def global_avg_pool(graph: Graph, layer: GlobalAvgPool2d, x: Value) -> Value:
    """Write the mean of each channel."""
    return graph.op("ReduceMean", x, [-2, -1], keepdims=0)


@exports(*ADAPTIVE_AVG)
def adaptive_avg_pool(graph: Graph, layer: Any, x: Value) -> Value:
    """Write the means of windows, one axis after another, because the mean of a window is that of its rows' means.

    Along an axis it is a product with a matrix (H′, H), each row of which has 1/k at the k places of a window. ONNX has
    no operator for windows of different sizes.
    """
    for axis, n, out in _axes(layer, x):
        if out == 1:
            x = graph.op("ReduceMean", x, [axis], keepdims=1)
        elif axis == x.ndim - 2:
            x = graph.op("MatMul", _means(n, out), x)
        else:
            last = [axis if i == x.ndim - 1 else x.ndim - 1 if i == axis else i for i in range(x.ndim)]
            turned = x if axis == x.ndim - 1 else graph.op("Transpose", x, perm=last)
            y = graph.op("MatMul", turned, _means(n, out).T)
            x = y if axis == x.ndim - 1 else graph.op("Transpose", y, perm=last)
    return x


@exports(*ADAPTIVE_MAX)
def adaptive_max_pool(graph: Graph, layer: Any, x: Value) -> Value:
    """Write the largest numbers of windows, one axis after another; in a smaller window the last place comes twice."""
    for axis, n, out in _axes(layer, x):
        if out > 1:
            starts, ends = _spans(n, out)
            places = np.minimum(starts[:, None] + np.arange((ends - starts).max()), ends[:, None] - 1)
            x = graph.op("Gather", x, graph.constant(places, "places"), axis=axis)  # (..., H′, k, ...)
        x = graph.op("ReduceMax", x, [axis + (out > 1)], keepdims=int(out == 1))
    return x


def _size(x: Value) -> tuple[int, ...] | None:
    """Return the size of the images; None, if it is not known."""
    size = tuple(n for n in x.shape[2:] if isinstance(n, int))
    return size if len(size) == x.ndim - 2 else None


def _windows(layer: Any, x: Value) -> dict[str, Any]:
    """Return the attributes of windows. With ceil_mode, the padding is as large as the last window needs.

    The attribute ceil_mode has had several meanings, so it is used only where all agree: without padding.
    """
    windows, size = layer._windows, _size(x)
    before, after = zip(*windows.padding, strict=True)
    ceil = None
    if layer.ceil_mode and size is not None:
        around = windows._padded(size)
        after = tuple(total - n - first for total, n, first in zip(around, size, before, strict=True))
    elif layer.ceil_mode:
        if any(before):
            _refuse(layer, "images of any size")
        ceil = 1
    return {"kernel_shape": windows.kernel, "strides": windows.stride, "pads": before + after, "ceil_mode": ceil}


def _axes(layer: Any, x: Value) -> Iterator[tuple[int, int, int]]:
    """Yield the axes of adaptive windows that change, with their old size (0: not known) and their new one."""
    for axis, size in enumerate(layer._sizes, 2):
        n = x.shape[axis]
        if size is None or size == n:
            continue
        if size > 1 and not isinstance(n, int):
            _refuse(layer, "images of any size", ", or use an output_size of 1")
        yield axis, n if isinstance(n, int) else 0, size


def _spans(n: int, out: int) -> tuple[Any, Any]:
    """Return where windows begin and end: from ⌊i·n/out⌋ to before ⌈(i + 1)·n/out⌉."""
    i = np.arange(out)
    return i * n // out, -(-(i + 1) * n // out)


def _means(n: int, out: int) -> Array:
    """Return the matrix (out, n) that maps n numbers to the means of windows."""
    means = np.zeros((out, n))
    for row, start, end in zip(means, *_spans(n, out), strict=True):
        row[start:end] = 1 / (end - start)
    return means


def _refuse(layer: Any, what: str, cure: str = "") -> None:
    raise ValueError(
        f"mn.onnx.export cannot write {layer.describe()} for {what}: give the height and the width in input_shape{cure}"
    )
