"""A run of Linear layers is one call of compiled code, for few samples."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minnet.compiled.foundation import kernels
from minnet.compiled.predicting.runs import FEW, Call, Shape, dtype_of, is_plain, ready, rows_of
from minnet.core.arrays import Array
from minnet.core.layer import Layer
from minnet.layers import Linear, ReLU, Sigmoid, Softmax, Tanh

ACTIVATIONS = (ReLU, Tanh, Sigmoid)


class DenseRun:
    """`Linear` layers, each with an activation or nothing after it, and `Softmax` or nothing after the last."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.length = len(layers)
        self._softmax = type(layers[-1]) is Softmax
        parts, layout = [], []
        for layer, after in zip(layers, [*layers[1:], None], strict=True):
            if isinstance(layer, Linear):
                weight, bias = layer.weight.data, layer.bias
                parts += [weight.T.reshape(-1), np.zeros(weight.shape[1]) if bias is None else bias.data]
                name = type(after).__name__ if type(after) in ACTIVATIONS else "NoneType"
                layout.append([*weight.shape, kernels.ACTIVATIONS[name]])
        self._dtype = layers[0].dtype
        self._parameters = np.concatenate(parts).astype(self._dtype, copy=False)
        self._layout = np.array(layout)

    def call_for(self, x: Shape, y: Shape, dtype: "np.dtype[Any]") -> Call | None:
        """Return one call of compiled code; None for many samples, and for large layers."""
        rows = rows_of(x)
        if dtype != self._dtype or rows * self._parameters.size > FEW:
            return None
        shape = (rows, x[-1])
        return lambda x: self._predict(ready(x, shape)).reshape(y)

    def warm(self) -> None:
        """Have the code compiled."""
        self._predict(np.zeros((1, self._layout[0, 0]), self._dtype))

    def _predict(self, rows: Array) -> Array:
        y: Array = kernels.predict(rows, self._parameters, self._layout, self._softmax)
        return y


def dense_run(layers: Sequence[Layer]) -> DenseRun | None:
    """Return the run that begins with the first of these layers, if there is one."""
    length, features, size = 0, None, 0
    while length < len(layers) and is_plain(linear := layers[length], (Linear,)):
        assert isinstance(linear, Linear)
        weight, bias = linear.weight.data, linear.bias
        fits = weight.ndim == 2 and features in (None, weight.shape[0]) and dtype_of(layers[: length + 1]) is not None
        if not fits or (bias is not None and bias.data.shape != weight.shape[1:]) or size + weight.size > FEW:
            break
        size += weight.size
        features, length = weight.shape[1], length + 1
        if length < len(layers) and is_plain(layers[length], ACTIVATIONS):
            length += 1
    if length and length < len(layers) and is_plain(layers[length], (Softmax,)):
        length += 1
    return DenseRun(layers[:length]) if length else None
