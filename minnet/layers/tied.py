"""A Tied layer uses the transpose of another layer's weight in place of a weight of its own."""

import math
from typing import Any

import numpy as np

from minnet.core.arrays import Array, as_rows
from minnet.core.checked import checked
from minnet.core.checks import check_flag, check_floats
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.initializers import Initializer, draw, uniform


class Tied(Layer):
    """y = x @ W.T + b, where W is the weight of another layer; b is its own.

    It is the decoder of a tied autoencoder, ``Sequential(encoder, Tanh(), Tied(encoder))``. With an
    embedding's W of shape (words, features), it turns features into a score for each word.

    Backward, sample by sample: y_i = Σ_o x_o W_io + b_i, so

    - ∂y_i/∂W_io = x_o, hence dL/dW_io = dy_i · x_o, summed over the batch: ``dy.T @ x``
    - ∂y_i/∂b_i = 1, hence dL/db = dy, summed over the batch
    - ∂y_i/∂x_o = W_io, hence dL/dx_o = Σ_i dy_i W_io: ``dy @ W``

    Both layers hold the same Parameter, and both add their dL/dW to its ``grad``: the sum is the
    gradient of a W that is used twice. Copies and pickles of a model keep its layers tied.

    H. Inan et al., "Tying word vectors and word classifiers", ICLR 2017; O. Press and L. Wolf, "Using the
    output embedding to improve language models", EACL 2017.

    Parameters
    ----------
    layer
        A layer with a ``weight`` of two axes, (I, O), such as `Linear`, or that weight. Only the weight is used.
    bias, bias_init, rng
        As for a `Linear` from O to I features, so that the default is uniform in ±1/√O.

    Attributes
    ----------
    weight, bias : Parameter
        W, of shape (I, O), the other layer's, and b, of shape (I,) or None.

    Examples
    --------
    >>> from minnet import Linear, Sequential, Tanh
    >>> encoder = Linear(784, 32)
    >>> autoencoder = Sequential(encoder, Tanh(), Tied(encoder))
    >>> [path for path, _ in autoencoder.named_parameters()]
    ['layers[0].weight', 'layers[0].bias', 'layers[2].bias']
    """

    def __init__(
        self,
        layer: Layer | Parameter,
        bias: bool = True,
        *,
        bias_init: Initializer | None = None,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        weight = layer if isinstance(layer, Parameter) else getattr(layer, "weight", None)
        if not isinstance(weight, Parameter):
            raise TypeError(f"Tied expected a layer with a weight, such as Linear, got {layer!r}")
        if weight.data.ndim != 2:
            raise ValueError(f"Tied needs a weight of two axes, (in, out), got {weight.data.shape} of {layer!r}")
        self.weight = weight
        self.out_features, self.in_features = weight.data.shape
        default = uniform(-1 / math.sqrt(self.in_features), 1 / math.sqrt(self.in_features))
        bias = check_flag("Tied", "bias", bias)
        values = draw(bias_init or default, (self.out_features,), np.random.default_rng(rng)) if bias else None
        self.bias = None if values is None else Parameter(values, weight.data.dtype)

    def check(self, x: Array) -> None:
        """Check that x is (..., O), of the weight's dtype."""
        check_floats(self, x, self.weight.data.dtype)
        if x.shape[-1] != self.in_features:
            raise ValueError(
                f"{self.describe()} expected {self.in_features} features in the last axis, got shape {x.shape}: "
                "as many as the output of the layer whose weight it uses"
            )

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (..., O) to y (..., I)."""
        self.cache = x
        y = x @ self.weight.data.T  # (..., I)
        if self.bias is not None:
            y += self.bias.data
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Add dL/dW and dL/db, and map dy (..., I) to dx (..., O)."""
        self._add_gradients(dy)
        return dy @ self.weight.data

    @checked
    def accumulate_grad(self, dy: Array) -> None:
        """Add dL/dW and dL/db only."""
        self._add_gradients(dy)

    def _add_gradients(self, dy: Array) -> None:
        rows = as_rows(dy)  # all leading axes are the batch
        self.weight.grad += np.dot(rows.T, as_rows(self.cache))
        if self.bias is not None:
            self.bias.add_rows(rows)

    def arguments(self) -> dict[str, Any]:
        """Return the constructor's arguments; the weight stands for the other layer."""
        return {"layer": self.weight, "bias": self.bias is not None}

    def describe(self) -> str:
        """Say in one line what this layer is, by the weight's shape: ``Tied(weight=(784, 32))``."""
        return f"Tied(weight={self.weight.data.shape}{'' if self.bias else ', bias=False'})"
