"""Normalizations, with the running statistics where there are any."""

import math
from typing import Any

import numpy as np

from minnet.layers import GroupNorm, LayerNorm, Normalize, RMSNorm
from minnet.layers.normalization import batch_norm, instance_norm
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.table import exports
from minnet.onnx.writing.value import Value

KINDS = [
    getattr(module, f"{name}{axes}d")
    for module, name in ((batch_norm, "BatchNorm"), (instance_norm, "InstanceNorm"))
    for axes in "123"
]


@exports(*KINDS)
def channel_norm(graph: Graph, layer: Any, x: Value) -> Value:
    """Write y = γ ∘ (x − μ) / √(v + ε) + β, with the running statistics, or without them with the input's own."""
    channels = layer.num_features
    if layer.running_mean is not None:
        scale = graph.constant(np.ones(channels), "weight") if layer.weight is None else layer.weight
        bias = graph.constant(np.zeros(channels), "bias") if layer.bias is None else layer.bias
        statistics = layer.running_mean, layer.running_var
        return graph.op("BatchNormalization", x, scale, bias, *statistics, epsilon=layer.eps)
    axes = list(layer._together(x.ndim))
    x = graph.op("Sub", x, graph.op("ReduceMean", x, axes))
    x = graph.op("Mul", x, _inverse_root(graph, x, axes, layer.eps))
    return scaled(graph, layer, x)


@exports(GroupNorm)
def group_norm(graph: Graph, layer: GroupNorm, x: Value) -> Value:
    """Write the normalization of (N, G, the numbers of a group) as that of instances with G channels."""
    groups = layer.num_groups
    sizes = [n for n in x.shape[1:] if isinstance(n, int)]
    of_group = math.prod(sizes) // groups if len(sizes) == x.ndim - 1 else None
    grouped = graph.reshaped(x, (x.shape[0], groups, of_group))
    y = graph.op("InstanceNormalization", grouped, np.ones(groups), np.zeros(groups), epsilon=layer.eps)
    return scaled(graph, layer, graph.reshaped(y, x.shape, like=x))


@exports(LayerNorm)
def layer_norm(graph: Graph, layer: LayerNorm, x: Value) -> Value:
    """Write the normalization of the last axes."""
    shape = layer.normalized_shape
    weight = graph.constant(np.ones(shape), "weight") if layer.weight is None else layer.weight
    bias = graph.constant(np.zeros(shape), "bias") if layer.bias is None else layer.bias  # onnxruntime dies without
    return graph.op("LayerNormalization", x, weight, bias, axis=-len(shape), epsilon=layer.eps)


@exports(RMSNorm)
def rms_norm(graph: Graph, layer: RMSNorm, x: Value) -> Value:
    """Write γ ∘ x / √(mean of x² + ε)."""
    eps = float(np.finfo(graph.dtype).eps) if layer.eps is None else layer.eps
    y = graph.op("Mul", x, _inverse_root(graph, x, list(layer._axes), eps))
    return y if layer.weight is None else graph.op("Mul", y, layer.weight)


@exports(Normalize)
def normalize(graph: Graph, layer: Normalize, x: Value) -> Value:
    """Write (x − μ) / σ, with constants that broadcast."""
    mean = graph.array(layer.mean, lambda _: layer._placed(layer.mean, x.ndim))
    std = graph.array(layer.std, lambda _: layer._placed(layer.std, x.ndim))
    return graph.op("Div", graph.op("Sub", x, mean), std)


def scaled(graph: Graph, layer: Any, x: Value) -> Value:
    """Write γ ∘ x + β, with a number for each channel, as far as the layer has them."""
    shape = (-1, *[1] * (x.ndim - 2))
    if layer.weight is not None:
        x = graph.op("Mul", x, graph.array(layer.weight, lambda w: w.reshape(shape)))
    if layer.bias is not None:
        x = graph.op("Add", x, graph.array(layer.bias, lambda b: b.reshape(shape)))
    return x


def _inverse_root(graph: Graph, x: Value, axes: list[int], eps: float) -> Value:
    """Write 1 / √(mean of x² + ε)."""
    square = graph.op("ReduceMean", graph.op("Mul", x, x), axes)
    return graph.op("Reciprocal", graph.op("Sqrt", graph.op("Add", square, eps)))
