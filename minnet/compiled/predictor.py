"""A Predictor is a small network as one call of compiled code, for one sample at a time."""

import copy
import math
from typing import Any

import numpy as np

from minnet.compiled.supported import BYTES, NETWORKS, chain, dtypes
from minnet.core.arrays import Array, cast, scaled
from minnet.core.checks import check_floats
from minnet.core.extras import require
from minnet.core.layer import Layer
from minnet.layers import Flatten, Normalize, Sequential, Softmax
from minnet.layers.normalization.normalize import check_scale


class Predictor:
    """Map samples to a network's outputs, as its `forward` in eval mode does, by compiled code.

    A prediction of one sample is a dozen calls of NumPy, each of which takes longer than its arithmetic. Here it is one
    call, for programs that ask for one prediction at a time. For many samples at once, and for wide layers, the model's
    own `forward` is as fast or faster. Several threads may share a Predictor.

    A Predictor keeps the model's weights of the moment when it is made, and its `input_scale`, by which it multiplies
    uint8: after more training, make another. The first one on a machine compiles for some seconds. Results differ from
    the model's in how sums are rounded. Subclasses of the layers are refused, and so are layers with a method that was
    replaced.

    Parameters
    ----------
    model
        A `Sequential` of `Linear` layers, each with `ReLU`, `Tanh`, `Sigmoid` or nothing after it; `Normalize`, and
        then `Flatten`, may come before them, and `Softmax` after them.

    Raises
    ------
    ValueError
        For another model; when called, for samples of another shape.
    TypeError
        If the model is not a layer; when called, if x is not an array of the weights' dtype, or of uint8.
    MissingExtraError
        If Numba (the extra "compiled") is not installed.

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
        self._normalize, network = None, model
        if type(model) is Sequential and type(model.layers[0]) is Normalize and len(model.layers) > 1:
            self._normalize, network = copy.deepcopy(model.layers[0]).eval(), Sequential(*model.layers[1:])
        layers, unsupported = chain(network)
        if unsupported:
            raise ValueError(
                f"Predictor needs {NETWORKS}, and Normalize first of all; got {unsupported}: call model.forward instead"
            )
        self._scale = check_scale(model, model.input_scale)
        self._dtype, *others = dtypes(layers)
        if others:
            raise ValueError("Predictor needs Parameters of one dtype: call model.astype(np.float32) first")
        from minnet.compiled import kernels  # which takes half a second

        self._flat = type(network.layers[0]) is Flatten
        self._softmax = type(network.layers[-1]) is Softmax
        parts, layout = [], []
        for linear, activation in layers:
            weight, bias = linear.weight.data, linear.bias
            parts += [weight.T.reshape(-1), np.zeros(weight.shape[1], self._dtype) if bias is None else bias.data]
            layout.append([*weight.shape, kernels.ACTIVATIONS[type(activation).__name__]])
        self._parameters = np.concatenate(parts)
        self._layout = np.array(layout)
        self._features, self._outputs = layout[0][0], layout[-1][1]
        self._predict = kernels.predict
        # Or the first prediction would wait for the compiler.
        kernels.predict(np.zeros((1, self._features), self._dtype), self._parameters, self._layout, self._softmax)

    def __call__(self, x: Array) -> Array:
        """Return the outputs (..., O) for samples (..., I), or images (N, ...) if the model begins with `Flatten`."""
        if type(x) is np.ndarray and x.dtype == BYTES:
            x = cast(scaled(x, self._scale), self._dtype)
        check_floats(self, x, self._dtype)
        shape = x.shape
        if self._normalize is not None:
            x = self._normalize.forward(x) if x.ndim > 1 else self._normalize.forward(x[np.newaxis])[0]
        if self._flat and x.ndim > 1:
            x = x.reshape(len(x), math.prod(shape[1:]))
        if x.shape[-1] != self._features:
            raise ValueError(f"{self.describe()} expected them in the last axis, got shape {shape}{self._cure(shape)}")
        rows = x.reshape(-1, self._features)
        if not (rows.flags.c_contiguous and rows.flags.writeable):
            rows = rows.copy()  # or Numba would compile the code once more, for arrays of another kind
        y: Array = self._predict(rows, self._parameters, self._layout, self._softmax)
        return y.reshape(*x.shape[:-1], self._outputs)

    def __getstate__(self) -> dict[str, Any]:
        # Without the compiled code: a copy in another process reads it from the disk, and does not compile it again.
        return {name: value for name, value in vars(self).items() if name != "_predict"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from minnet.compiled import kernels

        vars(self).update(state, _predict=kernels.predict)

    def _cure(self, shape: tuple[int, ...]) -> str:
        """Return how to fix samples of a wrong shape, if it is clear."""
        if math.prod(shape) == self._features:
            return ": pass x.reshape(-1) for one sample"
        return ": pass x.reshape(len(x), -1)" if math.prod(shape[1:]) == self._features else ""

    def __repr__(self) -> str:
        return f"Predictor({self._features:,} features, {self._outputs:,} outputs, {self._dtype})"

    def describe(self) -> str:
        """Return what it is, for messages."""
        return f"Predictor for {self._features} feature{'s' * (self._features > 1)}"
