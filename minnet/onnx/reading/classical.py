"""Operators of the domain ai.onnx.ml, which the exporter of scikit-learn writes."""

from typing import Any

import numpy as np

from minnet.layers import Linear, Normalize, Sigmoid, Softmax
from minnet.layers.operations import Gather, Join, UnitNorm
from minnet.onnx.reading.network import Network
from minnet.onnx.reading.values import Node, Value


def _floats(node: Node, name: str) -> tuple[float, ...]:
    values = node.attributes.get(name, ())
    if not isinstance(values, tuple) or not all(isinstance(n, int | float) and np.isfinite(n) for n in values):
        raise node.refused(f"its {name} are no finite numbers")
    return tuple(float(n) for n in values)


def scaler(net: Network, node: Node) -> Value:
    """Normalize: (x − offset) · scale, whose numbers are Buffers."""
    x = node.value(0)
    offset, scale = np.array(_floats(node, "offset")), np.array(_floats(node, "scale"))
    if not offset.size or not scale.size or not (scale > 0).all():
        raise node.refused("its offset or scale is missing, or is not positive")
    with np.errstate(all="ignore"):
        mean, std = np.broadcast_arrays(offset, 1 / scale) if offset.size in (1, scale.size) else (offset, 1 / scale)
    axis = None if mean.size == 1 else -1
    layer = net.make(node, Normalize, mean.reshape(() if axis is None else -1), std.reshape(mean.shape), axis)
    shape = () if axis is None else mean.shape
    net.give(node, layer, mean=(None, mean.reshape(shape)), std=(None, std.reshape(shape)))
    return net.add(node, layer, x, shape=x.shape, kind="f")


def normalizer(net: Network, node: Node) -> Value:
    """Rows divided by their norm; behind a softmax, whose rows are divided already, nothing."""
    x, norm = node.value(0), node.attribute("norm", "MAX").lower()
    if norm == "l1" and isinstance(net.layers.get(x.wire or ""), Softmax):
        return x
    return net.add(node, net.make(node, UnitNorm, norm), x, shape=x.shape)


def _linear(net: Network, node: Node, outputs: int, coefficients: str, after: str) -> Value:
    x = node.value(0)
    weights, biases = np.array(_floats(node, coefficients)), np.array(_floats(node, "intercepts"))
    if outputs < 1 or not weights.size or weights.size % outputs or biases.size not in (0, outputs):
        raise node.refused(f"it has {weights.size} coefficients and {biases.size} intercepts for {outputs} outputs")
    matrix = weights.reshape(outputs, -1).T
    layer = net.make(node, Linear, *matrix.shape, bias=bool(biases.size))
    arrays: dict[str, Any] = {"weight": (None, matrix)} | ({"bias": (None, biases)} if biases.size else {})
    net.give(node, layer, **arrays)
    shape = None if x.shape is None else (*x.shape[:-1], outputs)
    y = net.add(node, layer, x, shape=shape, kind="f")
    if after == "NONE":
        return y
    if after not in ("SOFTMAX", "LOGISTIC"):
        raise node.refused(f"its post_transform {after[:20]} is not there in minnet")
    return net.add(node, Softmax() if after == "SOFTMAX" else Sigmoid(), y, shape=shape)


def linear_regressor(net: Network, node: Node) -> Value:
    """A Linear layer."""
    return _linear(net, node, node.attribute("targets", 1), "coefficients", node.attribute("post_transform", "NONE"))


def linear_classifier(net: Network, node: Node) -> list[Value | None]:
    """A Linear layer, and what makes probabilities of its scores; its first output, the labels, is left out."""
    names = class_names(node)
    if names is None:
        raise node.refused("it has no labels")
    net.class_names = names
    return [None, _linear(net, node, len(names), "coefficients", node.attribute("post_transform", "NONE"))]


def class_names(node: Node) -> list[str] | None:
    """Return the labels of a classifier as strings."""
    for name in ("classlabels_strings", "classlabels_int64s", "classlabels_ints"):
        labels = node.attributes.get(name)
        if isinstance(labels, tuple) and labels:
            return [str(label)[:200] for label in labels]
    return None


def zip_map(net: Network, node: Node) -> Value:
    """Probabilities as dicts with labels: here an array, and the labels are the model's class_names."""
    net.class_names = class_names(node) or net.class_names
    return node.value(0)


def feature_extractor(net: Network, node: Node) -> Value:
    """Some columns."""
    x, columns = node.value(0), node.value(1)
    return net.add(node, Gather(-1), x, columns, kind=x.kind)


def feature_vectorizer(net: Network, node: Node) -> Value:
    """Columns side by side."""
    return net.add(node, Join(-1), *[node.value(i) for i in range(len(node.inputs))])


OPERATORS = {
    "ai.onnx.ml.Scaler": scaler,
    "ai.onnx.ml.Normalizer": normalizer,
    "ai.onnx.ml.LinearRegressor": linear_regressor,
    "ai.onnx.ml.LinearClassifier": linear_classifier,
    "ai.onnx.ml.ZipMap": zip_map,
    "ai.onnx.ml.ArrayFeatureExtractor": feature_extractor,
    "ai.onnx.ml.FeatureVectorizer": feature_vectorizer,
}
