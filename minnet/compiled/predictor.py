"""A Predictor is a small network as one call of compiled code, for one sample at a time."""

import math
from typing import Any

import numpy as np

from minnet.compiled.supported import NETWORKS, dtypes, read_chain
from minnet.core.arrays import Array
from minnet.core.checks import check_floats
from minnet.core.extras import require
from minnet.core.layer import Layer
from minnet.layers import Flatten, Sequential, Softmax


class Predictor:
    """Map samples to what a network makes of them, as its `forward` in eval mode does, by compiled code.

    A prediction of one sample is a dozen calls of NumPy, which take longer than what they compute. This is one call,
    for programs that ask one thing at a time. For many samples at once, and wide layers, the model's own `forward` is
    as fast or faster. Several threads may share a Predictor.

    It has the model's weights as they were when it was made: after more training, make another. The first one on a
    machine compiles for some seconds. Results differ from the model's in how they are rounded.

    Parameters
    ----------
    model
        A `Sequential` of `Linear` layers, each with `ReLU`, `Tanh`, `Sigmoid` or nothing after it; `Flatten` may come
        before them, and `Softmax` after them.

    Raises
    ------
    ValueError
        For another model; when called, for samples of another shape.
    TypeError
        If the model is no layer; when called, if x is not an array of the dtype of the weights.
    MissingExtraError
        If Numba is not installed, which the extra "compiled" brings.

    Examples
    --------
    >>> from minnet import Linear, Softmax
    >>> model = Sequential(Linear(3, 2, rng=0), Softmax())
    >>> predict = Predictor(model)
    >>> x = np.ones(3, np.float32)
    >>> predict(x).shape, np.allclose(predict(x), model.forward(x))
    ((2,), True)
    """

    def __init__(self, model: Sequential) -> None:
        require("numba", "compiled")
        if not isinstance(model, Layer):
            got = f"the class {model.__name__}: make one" if isinstance(model, type) else type(model).__name__
            raise TypeError(f"Predictor expected model to be a Layer, got {got}")
        layers, out_of_place = read_chain(model)
        if out_of_place:
            raise ValueError(f"Predictor takes {NETWORKS}. Here is {out_of_place}: call model.forward instead")
        self._dtype, *others = dtypes(layers)
        if others:
            raise ValueError("Predictor takes Parameters of one dtype: call model.astype(np.float32) first")
        from minnet.compiled import kernels  # which takes half a second

        self._flat = type(model.layers[0]) is Flatten
        self._softmax = type(model.layers[-1]) is Softmax
        parts, layout = [], []
        for linear, activation in layers:
            weight, bias = linear.weight.data, linear.bias
            parts += [weight.T.reshape(-1), np.zeros(weight.shape[1], self._dtype) if bias is None else bias.data]
            layout.append([*weight.shape, kernels.ACTIVATIONS[type(activation).__name__]])
        self._parameters = np.concatenate(parts)
        self._layout = np.array(layout)
        self._features, self._outputs = layout[0][0], layout[-1][1]
        self._predict = kernels.predict
        self(np.zeros((1, self._features), self._dtype))  # or the first prediction would have to wait for the compiler

    def __call__(self, x: Array) -> Array:
        """Map samples x (..., I), or images (N, ...) if the model begins with `Flatten`, to y (..., O)."""
        check_floats(self, x, self._dtype)
        shape = x.shape
        if self._flat and x.ndim > 1:
            x = x.reshape(len(x), math.prod(shape[1:]))
        if x.shape[-1] != self._features:
            raise ValueError(f"{self.describe()} expected them in the last axis, got shape {shape}{self._cure(shape)}")
        rows = x.reshape(-1, self._features)
        if not (rows.flags.c_contiguous and rows.flags.writeable):
            rows = rows.copy()  # or code for arrays of another kind would have to be compiled
        y: Array = self._predict(rows, self._parameters, self._layout, self._softmax)
        return y.reshape(*x.shape[:-1], self._outputs)

    def __getstate__(self) -> dict[str, Any]:
        # Without the compiled code: a copy in another process is to find it on the disk, and not to compile it anew.
        return {name: value for name, value in vars(self).items() if name != "_predict"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from minnet.compiled import kernels

        vars(self).update(state, _predict=kernels.predict)

    def _cure(self, shape: tuple[int, ...]) -> str:
        """Say what to do with samples of a shape that does not fit, if that is plain."""
        if math.prod(shape) == self._features:
            return ": pass x.reshape(-1) for one sample"
        return ": pass x.reshape(len(x), -1)" if math.prod(shape[1:]) == self._features else ""

    def describe(self) -> str:
        """Say what it is, for messages."""
        return f"Predictor for {self._features} feature{'s' * (self._features > 1)}"
