"""Convolutions, and the transposed one: operators of ONNX, whose weights have the axes of PyTorch's."""

from typing import Any

from minnet.layers import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d
from minnet.layers.images.borders import Borders
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.images import bordered
from minnet.onnx.writing.table import exports
from minnet.onnx.writing.value import Value


@exports(Conv1d, Conv2d, Conv3d)
def convolution(graph: Graph, layer: Any, x: Value) -> Value:
    """Write a convolution; W (I/G, O, kernel) becomes (O, I/G, kernel). Only zeros are an attribute of it."""
    weight = graph.array(layer.weight, lambda w: w.swapaxes(0, 1))
    windows = layer._windows
    padding = windows.padding
    if windows.mode != "constant":
        x = bordered(graph, x, Borders(padding, windows.mode))
        padding = ((0, 0),) * len(padding)
    before, after = zip(*padding, strict=True)
    return graph.op(
        "Conv", x, weight, layer.bias, group=layer.groups, dilations=windows.dilation, kernel_shape=windows.kernel,
        strides=windows.stride, pads=before + after,
    )  # fmt: skip


@exports(ConvTranspose1d, ConvTranspose2d)
def transposed(graph: Graph, layer: Any, x: Value) -> Value:
    """Write a transposed convolution, with W (I, O/G, kernel) as it is.

    onnxruntime refuses an output_padding of a stride or more; one more row of zeros in x stands for a stride of it.
    """
    windows = layer._windows
    rows = [n // s for n, s in zip(layer._beyond, windows.stride, strict=True)]
    left = [n % s for n, s in zip(layer._beyond, windows.stride, strict=True)]
    if any(rows):
        x = graph.op("Pad", x, [0] * (x.ndim + 2) + rows)
    before, after = zip(*windows.padding, strict=True)
    return graph.op(
        "ConvTranspose", x, layer.weight, layer.bias, group=layer.groups, dilations=windows.dilation,
        output_padding=left, kernel_shape=windows.kernel, strides=windows.stride, pads=before + after,
    )  # fmt: skip
