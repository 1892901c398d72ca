"""Softmax turns C scores into C probabilities; LogSoftmax into their logarithms.

Both work along the last axis, on arrays of shape (..., C). Adding a number to all C scores changes
nothing, so the largest is made 0 first: then no exponential overflows.
"""

import numpy as np

from minnet.core.arrays import TINY, Array, class_major, row_sums
from minnet.core.checked import checked
from minnet.core.checks import check_floats, check_scores
from minnet.core.layer import Layer
from minnet.core.special import exponentials, softmax_backward


class Scores(Layer):
    """The base of Softmax and LogSoftmax: a layer that takes scores."""

    def check(self, x: Array) -> None:
        """Check that x is floats (..., C), and not probabilities already."""
        check_floats(self, x)
        check_scores(self, x, "Softmax follows a Softmax; remove one of them")


class Softmax(Scores):
    """p_i = e^{x_i} / Σ_j e^{x_j}.

    Backward: ∂p_i/∂x_j = p_i · (δ_ij − p_j), hence dL/dx = p ∘ (dy − Σ_j dy_j p_j).

    A probability too small for the dtype is floored at its smallest normal number (1.2e-38 in
    float32), never 0. So p · (1/p) = 1 holds for every p, and with it the gradient of
    `CrossEntropyLoss` through this layer is (p − onehot)/N at any gap between the scores
    (see docs/stability.md).

    Raises
    ------
    ValueError
        In `forward`, if x holds probabilities already.
    """

    @checked
    def forward(self, x: Array) -> Array:
        """Map scores x (..., C) to probabilities p (..., C)."""
        x = class_major(x)
        p = x - np.maximum.reduce(x, axis=-1, keepdims=True)  # x.max takes a microsecond longer
        p, total = exponentials(p, out=p)
        p /= total
        self.cache = np.maximum(p, TINY[p.dtype], out=p)
        return p

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (..., C) to dx (..., C)."""
        return softmax_backward(self.cache, dy)


class LogSoftmax(Scores):
    """y_i = log softmax(x)_i = x_i − log Σ_j e^{x_j}.

    Backward: ∂y_i/∂x_j = δ_ij − p_j with p = eʸ, hence dL/dx = dy − p · Σ_j dy_j.

    Raises
    ------
    ValueError
        In `forward`, if x holds probabilities.
    """

    @checked
    def forward(self, x: Array) -> Array:
        """Map scores x (..., C) to log-probabilities y (..., C)."""
        x = class_major(x)
        y: Array = x - np.maximum.reduce(x, axis=-1, keepdims=True)
        y -= np.log(exponentials(y)[1])
        self.cache = y
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (..., C) to dx (..., C)."""
        y = self.cache
        dx: Array = dy - np.exp(y) * row_sums(dy)
        return dx
