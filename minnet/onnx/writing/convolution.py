"""Convolutions, and the transposed one: operators of ONNX, whose weights have the axes of PyTorch's."""

from typing import Any

from minnet.layers import Conv1d, Conv2d, ConvTranspose2d
from minnet.layers.windows import Windows
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.table import exports
from minnet.onnx.writing.value import Value


@exports(Conv1d, Conv2d)
def convolution(graph: Graph, layer: Any, x: Value) -> Value:
    """Write a convolution; W (I/G, O, kernel) becomes (O, I/G, kernel)."""
    weight = graph.array(layer.weight, lambda w: w.swapaxes(0, 1))
    windows = layer._windows
    options = {"group": layer.groups, "dilations": windows.dilation}
    return graph.op("Conv", x, weight, layer.bias, **options, **window_attributes(windows))


@exports(ConvTranspose2d)
def transposed(graph: Graph, layer: Any, x: Value) -> Value:
    """Write a transposed convolution, with W (I, O/G, kernel) as it is.

    onnxruntime refuses an output_padding of a stride or more; one more row of zeros in x stands for a stride of it.
    """
    windows = layer._windows
    rows = [n // s for n, s in zip(layer._beyond, windows.stride, strict=True)]
    left = [n % s for n, s in zip(layer._beyond, windows.stride, strict=True)]
    if any(rows):
        x = graph.op("Pad", x, [0] * (x.ndim + 2) + rows)
    return graph.op(
        "ConvTranspose", x, layer.weight, layer.bias, group=layer.groups, dilations=windows.dilation,
        output_padding=left, **window_attributes(windows),
    )  # fmt: skip


def window_attributes(windows: Windows) -> dict[str, Any]:
    """Return the attributes of a grid of windows that convolutions and poolings share."""
    before, after = zip(*windows.padding, strict=True)
    return {"kernel_shape": windows.kernel, "strides": windows.stride, "pads": before + after}
