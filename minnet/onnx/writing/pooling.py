"""Poolings of images."""

import numpy as np

from minnet.core.arrays import Array
from minnet.layers import AdaptiveAvgPool2d, AvgPool2d, GlobalAvgPool2d, MaxPool2d
from minnet.onnx.writing.convolution import window_attributes
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.table import exports
from minnet.onnx.writing.value import Value


@exports(MaxPool2d)
def max_pool(graph: Graph, layer: MaxPool2d, x: Value) -> Value:
    """Write the largest number of each window."""
    return graph.op("MaxPool", x, **window_attributes(layer._windows))


@exports(AvgPool2d)
def avg_pool(graph: Graph, layer: AvgPool2d, x: Value) -> Value:
    """Write the mean of each window."""
    count = int(layer.count_include_pad)
    return graph.op("AveragePool", x, count_include_pad=count, **window_attributes(layer._windows))


@exports(GlobalAvgPool2d)
def global_avg_pool(graph: Graph, layer: GlobalAvgPool2d, x: Value) -> Value:
    """Write the mean of each channel."""
    return graph.op("ReduceMean", x, [-2, -1], keepdims=0)


@exports(AdaptiveAvgPool2d)
def adaptive_avg_pool(graph: Graph, layer: AdaptiveAvgPool2d, x: Value) -> Value:
    """Write the means of H′ x W′ windows: A x Bᵀ, because the mean of a window is that of its rows' means.

    A row of A (H′, H) has 1/k at the k rows of its window. ONNX has no operator for windows of different sizes.
    """
    for axis, size in zip((-2, -1), layer._sizes, strict=True):
        n = x.shape[axis]
        if size is None or size == n:
            continue
        if size == 1:
            x = graph.op("ReduceMean", x, [axis], keepdims=1)
        elif isinstance(n, int):
            means = _means(n, size)
            x = graph.op("MatMul", means, x) if axis == -2 else graph.op("MatMul", x, means.T)
        else:
            raise ValueError(
                f"mn.onnx.export cannot write {layer.describe()} for images of any size: give the height and the "
                "width in input_shape, or use an output_size of 1"
            )
    return x


def _means(n: int, out: int) -> Array:
    """Return the matrix (out, n) that maps n numbers to the means of windows from ⌊i·n/out⌋ to ⌈(i + 1)·n/out⌉."""
    means = np.zeros((out, n))
    for i, row in enumerate(means):
        start, end = i * n // out, -(-(i + 1) * n // out)
        row[start:end] = 1 / (end - start)
    return means
