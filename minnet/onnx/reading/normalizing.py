"""Normalizations, Dropout, and the softmax along any axis."""

from typing import Any

import numpy as np

from minnet.layers import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    Dropout,
    GroupNorm,
    Identity,
    LayerNorm,
    LogSoftmax,
    RMSNorm,
    Softmax,
)
from minnet.layers.operations import Transpose, View
from minnet.onnx.reading.network import Network
from minnet.onnx.reading.values import Node, Value

BATCH_NORMS = {2: BatchNorm1d, 3: BatchNorm1d, 4: BatchNorm2d, 5: BatchNorm3d}  # by the number of axes


def batch_norm(net: Network, node: Node) -> Value:
    """Batch normalization: in training, with the statistics of the batch; the running ones are Buffers."""
    x = node.value(0)
    kind = None if x.shape is None else BATCH_NORMS.get(len(x.shape))
    if kind is None:
        raise node.refused("there is BatchNorm for inputs of 2 to 5 axes, and the file says no such shape")
    arrays = [node.floats(i) for i in range(1, 5)]
    node.only(spatial=1)
    momentum = node.attribute("momentum", 0.9)
    if not 0 <= momentum <= 1:
        raise node.refused(f"its momentum is {momentum}")
    if arrays[0].ndim != 1 or not arrays[0].size:
        raise node.refused(f"its scale has shape {arrays[0].shape}")
    layer = net.make(node, kind, len(arrays[0]), node.attribute("epsilon", 1e-5), round(1 - momentum, 12))
    net.give(
        node,
        layer,
        weight=(node.value(1), arrays[0]),
        bias=(node.value(2), arrays[1]),
        running_mean=(None, arrays[2]),
        running_var=(None, arrays[3]),
        num_batches_tracked=(None, np.zeros(())),
    )
    return net.add(node, layer, x, shape=x.shape, own_name=True)


def layer_norm(net: Network, node: Node) -> Value:
    """Normalization over the last axes."""
    x, scale, bias = node.value(0), node.floats(1), node.get(2)
    layer = net.make(node, LayerNorm, tuple(scale.shape), node.attribute("epsilon", 1e-5), bias=bias is not None)
    _check_last_axes(node, x, scale.ndim)
    arrays: dict[str, Any] = {"weight": (node.value(1), scale)}
    if bias is not None:
        arrays["bias"] = (bias, node.floats(2))
    net.give(node, layer, **arrays)
    return net.add(node, layer, x, shape=x.shape, own_name=True)


def rms_norm(net: Network, node: Node) -> Value:
    """Division by the root of the mean square over the last axes."""
    x, scale = node.value(0), node.floats(1)
    layer = net.make(node, RMSNorm, tuple(scale.shape), node.attribute("epsilon", 1e-5))
    _check_last_axes(node, x, scale.ndim)
    net.give(node, layer, weight=(node.value(1), scale))
    return net.add(node, layer, x, shape=x.shape, own_name=True)


def _check_last_axes(node: Node, x: Value, count: int) -> None:
    axis = node.attribute("axis", -1)
    if axis != -count and (x.ndim is None or axis % x.ndim != x.ndim - count):
        raise node.refused(f"its axis is {axis}, and its scale has {count} axes")


def instance_norm(net: Network, node: Node) -> Value:
    """Normalization of each channel of each image: GroupNorm with one channel a group."""
    return _groups(net, node, len(node.floats(1)))


def group_norm(net: Network, node: Node) -> Value:
    """Normalization over groups of channels."""
    scale, groups = node.floats(1), node.attribute("num_groups", 1)
    if node.version < 21:
        raise node.refused("before opset 21, its scale is one for each group, which is not there in minnet")
    if scale.ndim != 1:
        raise node.refused(f"its scale has shape {scale.shape}")
    return _groups(net, node, groups)


def _groups(net: Network, node: Node, groups: int) -> Value:
    x, scale, bias = node.value(0), node.floats(1), node.floats(2)
    # Without weights in PyTorch, the exporter writes ones and zeros that have no name: they are not to be learned.
    plain = not (node.value(1).learned or node.value(2).learned) and bool((scale == 1).all() and (bias == 0).all())
    layer = net.make(node, GroupNorm, groups, len(scale), node.attribute("epsilon", 1e-5), not plain)
    if not plain:
        net.give(node, layer, weight=(node.value(1), scale), bias=(node.value(2), bias))
    return net.add(node, layer, x, shape=x.shape, own_name=True)


def dropout(net: Network, node: Node) -> Value:
    """Dropout, which does nothing in eval mode."""
    if len([name for name in node.outputs if name]) > 1 and net.uses.get(node.outputs[1]):
        raise node.refused("its second output, the mask, is not there in minnet")
    x = node.value(0)
    training = node.get(2)
    if node.version >= 12 and training is None:
        return net.add(node, Identity(), x, shape=x.shape)  # as the file says
    if training is not None and training.array is not None and not training.array.any():
        return net.add(node, Identity(), x, shape=x.shape)
    p = node.number(1, 0.5) if node.version >= 12 else node.attribute("ratio", 0.5)
    return net.add(node, net.make(node, Dropout, round(p, 7)), x, shape=x.shape, own_name=True)


def softmax(kind: type[Any]) -> Any:
    """Return the reader of Softmax or LogSoftmax."""

    def read(net: Network, node: Node) -> Value:
        x = node.value(0)
        axis = node.attribute("axis", -1 if node.version >= 13 else 1)
        if axis == -1 or (x.ndim is not None and axis == x.ndim - 1):
            return net.add(node, kind(), x, shape=x.shape)
        if x.shape is None or not -len(x.shape) <= axis < len(x.shape):
            raise node.refused(f"its axis is {axis}, and the file does not say how many axes its input has")
        axis %= len(x.shape)
        if node.version < 13:  # over all axes from this one on
            flat = net.add(node, View((*[0] * axis, -1)), x, shape=(*x.shape[:axis], None))
            y = net.add(node, kind(), flat, shape=flat.shape)
            rest = x.shape[axis:]
            if not all(isinstance(n, int) for n in rest):
                raise node.refused("its input has axes of unknown size, which it takes together")
            return net.add(node, View((*[0] * axis, *(n for n in rest if isinstance(n, int)))), y, shape=x.shape)
        order = [i for i in range(len(x.shape)) if i != axis]
        there = (*order, axis)
        moved = net.add(node, Transpose(there), x, shape=tuple(x.shape[i] for i in there))
        y = net.add(node, kind(), moved, shape=moved.shape)
        return net.add(node, Transpose(tuple(int(i) for i in np.argsort(there))), y, shape=x.shape)

    return read


OPERATORS = {
    "BatchNormalization": batch_norm,
    "LayerNormalization": layer_norm,
    "RMSNormalization": rms_norm,
    "InstanceNormalization": instance_norm,
    "GroupNormalization": group_norm,
    "Dropout": dropout,
    "Softmax": softmax(Softmax),
    "LogSoftmax": softmax(LogSoftmax),
}
