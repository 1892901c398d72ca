"""Unchecked are the formulas of a few layers and losses once more, for steps whose batches are like one before.

What a layer's own page has for its reader and for the careless, checks with messages, any number of axes, options, a
cache that explains itself, costs a small model as much as its arithmetic does. Here is what is left without. Each
function does the same arithmetic in the same order, and leaves the same cache, so that its results are the same to the
last bit (tests/test_unchecked.py). When they are used, `minnet.training.fastpath` says; never, if one of the files they were
written from has changed since: `is_up_to_date`.
"""

import hashlib
import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import FEW_CLASSES, Array, add_up, all_finite, class_major, row_sums
from minnet.core.layer import Layer
from minnet.core.special import positive_part, sigmoid
from minnet.errors import NonFiniteError
from minnet.layers import Linear, ReLU, Sigmoid, Softmax, Tanh
from minnet.losses import CrossEntropyLoss, Loss, MSELoss, SoftmaxCrossEntropyLoss
from minnet.losses.base import DIVERGED
from minnet.losses.classification import softmax_cross_entropy_of_one
from minnet.losses.labels import LabelLoss, cells, check_labels

WRITTEN_FROM = (
    "core/arrays.py",
    "core/layer.py",
    "layers/activations.py",
    "layers/containers.py",
    "layers/linear.py",
    "layers/softmax.py",
    "losses/base.py",
    "losses/classification.py",
    "losses/labels.py",
    "losses/probabilities.py",
    "losses/regression.py",
    "core/parameter.py",
    "core/special.py",
    "training/trainer.py",
)
# Of those files. When they change, tests/test_unchecked.py fails and says the new one: first see to the formulas here.
DIGEST = "7cd92c4e557bdccf03f63ff00a60a90f7b6ec80f9db3ce0f8ccf21ecac593753"


@lru_cache(maxsize=1)
def is_up_to_date() -> bool:
    """Whether the files that the formulas were written from are as they were then."""
    try:
        return digest() == DIGEST
    except OSError:  # there are no source files
        return False


def digest() -> str:
    """Return a digest of those files."""
    folder, total = Path(__file__).parents[1], hashlib.sha256()
    for name in WRITTEN_FROM:
        total.update((folder / name).read_text(encoding="utf-8").encode())  # with the line ends of any system
    return total.hexdigest()


def linear(layer: Linear, x: Array) -> Array:
    """Map rows x (N, I) to x @ W + b."""
    if x.dtype != layer.weight.data.dtype:  # by a layer before it, which has a say in every step
        return layer.forward(x)
    layer._cache = x
    y: Array = x.dot(layer.weight.data)
    if layer.bias is not None:
        y += layer.bias.data
    return y


def linear_accumulate_grad(layer: Linear, dy: Array) -> None:
    """Add dL/dW and dL/db."""
    layer.weight.add_product(layer._cache.T, dy)
    if layer.bias is not None:
        layer.bias.add_rows(dy)


def linear_backward(layer: Linear, dy: Array) -> Array:
    """Add dL/dW and dL/db, and return dL/dx."""
    linear_accumulate_grad(layer, dy)
    dx: Array = dy.dot(layer.weight.data.T)
    return dx


def relu(layer: ReLU, x: Array) -> Array:
    """Map x to max(x, 0)."""
    y = positive_part(x)
    layer._cache = y > 0
    return y


def relu_backward(layer: ReLU, dy: Array) -> Array:
    """Return dL/dx."""
    dx: Array = dy * layer._cache
    return dx


def logistic(layer: Sigmoid, x: Array) -> Array:
    """Map x to 1 / (1 + e⁻ˣ)."""
    layer._cache = y = sigmoid(x)
    return y


def logistic_backward(layer: Sigmoid, dy: Array) -> Array:
    """Return dL/dx."""
    y: Array = layer._cache
    return dy * y * (1 - y)


def tanh(layer: Tanh, x: Array) -> Array:
    """Map x to tanh(x)."""
    layer._cache = y = np.tanh(x)
    return y


def tanh_backward(layer: Tanh, dy: Array) -> Array:
    """Return dL/dx."""
    y: Array = layer._cache
    return dy * (1 - y * y)


def softmax(layer: Softmax, x: Array) -> Array:
    """Map rows of scores x (N, C) to probabilities."""
    x = class_major(x)
    p: Array = np.exp(x - np.maximum.reduce(x, axis=1, keepdims=True))
    p /= row_sums(p)
    np.maximum(p, np.finfo(p.dtype).tiny, out=p)
    layer._cache = p
    return p


def softmax_backward(layer: Softmax, dy: Array) -> Array:
    """Return dL/dx."""
    p: Array = layer._cache
    dx: Array = p * (dy - row_sums(dy * p))
    return dx


def cross_entropy(loss: CrossEntropyLoss, p: Array, y: NDArray[Any]) -> tuple[float, Array]:
    """Return the mean loss of probabilities p (N, C) for labels y (N,), and dL/dp."""
    n, labels = len(p), _labels(loss, p, y)
    every, places = cells(p, labels)
    picked = np.maximum(every[places], np.finfo(p.dtype).tiny)
    value = add_up(-np.log(picked)) * (1 / n)
    if math.isnan(value):
        raise NonFiniteError(f"{type(loss).__name__} got {DIVERGED}")
    loss._cache = (p.shape, labels, 1 / n, picked)
    dp = np.zeros_like(p)
    dp.ravel("K")[places] = -(1 / n) / picked
    return value, dp


def softmax_cross_entropy(loss: SoftmaxCrossEntropyLoss, z: Array, y: NDArray[Any]) -> tuple[float, Array]:
    """Return the mean loss of scores z (N, C) for labels y (N,), and dL/dz."""
    n = len(z)
    if n == 1 and z.size <= FEW_CLASSES:
        return _softmax_cross_entropy_of_one(loss, z, y)
    labels = _labels(loss, z, y)
    z = class_major(z)
    top = np.maximum.reduce(z, axis=1, keepdims=True)
    if not all_finite(top):
        raise NonFiniteError(f"{type(loss).__name__} got {DIVERGED}")
    z = z - top
    e = np.exp(z)
    total = row_sums(e)
    every, places = cells(z, labels)
    losses = np.log(total[:, 0])
    losses -= every[places]
    loss._cache = (z.shape, labels, 1 / n, e, total)
    dz: Array = e * (1 / n / total)
    dz.ravel("K")[places] -= 1 / n
    return add_up(losses) * (1 / n), dz


def _softmax_cross_entropy_of_one(loss: SoftmaxCrossEntropyLoss, z: Array, y: NDArray[Any]) -> tuple[float, Array]:
    labels, label = y.astype(np.intp, copy=False), y.item()
    if not 0 <= label < z.shape[1]:
        check_labels(loss, labels, z.shape[1])
    value, p = softmax_cross_entropy_of_one(z[0].tolist(), label)
    if value != value:  # NaN
        raise NonFiniteError(f"{type(loss).__name__} got {DIVERGED}")
    e = np.array([p], z.dtype)
    loss._cache = (z.shape, labels, 1.0, e, 1.0)
    dz = e.copy()
    dz[0, label] -= 1
    return float(z.dtype.type(value)), dz


def mean_square(loss: MSELoss, prediction: Array, target: NDArray[Any]) -> tuple[float, Array]:
    """Return the mean square error of two arrays of one shape, and dL/d prediction."""
    difference = prediction - target.astype(prediction.dtype, copy=False)
    count = max(difference.size, 1)
    value = add_up(difference * difference) / count
    if value != value:  # NaN
        raise NonFiniteError(f"{type(loss).__name__} got {DIVERGED}, or there is NaN in the target")
    loss._cache = difference
    return value, difference * (2 * (1 / count))


def _labels(loss: LabelLoss, rows: Array, y: NDArray[Any]) -> NDArray[np.intp]:
    """Return the labels y (N,), which are new in every step, and have to be classes."""
    labels: NDArray[np.intp] = y if y.dtype == np.intp else y.astype(np.intp)
    # Seen as unsigned, a negative number is a very large one.
    if not np.maximum.reduce(labels.view(np.uintp)) < rows.shape[1]:
        check_labels(loss, labels, rows.shape[1])
    return labels


class Formulas(NamedTuple):
    """The functions of a layer."""

    forward: Callable[[Any, Array], Array]
    backward: Callable[[Any, Array], Array]
    accumulate_grad: Callable[[Any, Array], Any]


LAYERS: dict[type[Layer], Formulas] = {
    Linear: Formulas(linear, linear_backward, linear_accumulate_grad),
    ReLU: Formulas(relu, relu_backward, relu_backward),
    Sigmoid: Formulas(logistic, logistic_backward, logistic_backward),
    Tanh: Formulas(tanh, tanh_backward, tanh_backward),
    Softmax: Formulas(softmax, softmax_backward, softmax_backward),
}
LOSSES: dict[type[Loss], Callable[[Any, Array, NDArray[Any]], tuple[float, Array]]] = {
    CrossEntropyLoss: cross_entropy,
    MSELoss: mean_square,
    SoftmaxCrossEntropyLoss: softmax_cross_entropy,
}
# Layers of minnet whose own methods cost little, or are not written twice: between the ones above, they are used.
AS_THEY_ARE = frozenset(("BatchNorm1d", "Dropout", "ELU", "Flatten", "GELU", "LayerNorm", "LeakyReLU", "SELU", "SiLU"))


def formulas(layer: Layer) -> Formulas | None:
    """Return the functions of a layer, bare or its own; None for one that is not known here."""
    kind = type(layer)
    if kind.__name__ in AS_THEY_ARE and kind.__module__.startswith("minnet.layers."):
        return Formulas(kind.forward, kind.backward, kind.accumulate_grad)
    return LAYERS.get(kind)
