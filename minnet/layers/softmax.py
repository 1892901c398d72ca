"""Softmax turns C scores into C probabilities; LogSoftmax into their logarithms.

Both work along the last axis, on arrays of shape (..., C). Adding a number to all C scores changes
nothing, so the largest is made 0 first: then no exponential overflows.
"""

import numpy as np

from minnet.core.arrays import Array, class_major, row_sums
from minnet.core.checks import check_floats, check_gradient, check_scores
from minnet.core.layer import Layer

_TWICE = "Softmax follows a Softmax; remove one of them"


class Softmax(Layer):
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

    def forward(self, x: Array) -> Array:
        """Map scores x (..., C) to probabilities p (..., C)."""
        check_floats(self, x)
        check_scores(self, x, _TWICE)
        x = class_major(x)
        p: Array = np.exp(x - x.max(axis=-1, keepdims=True))
        p /= row_sums(p)
        np.maximum(p, np.finfo(p.dtype).tiny, out=p)
        self.cache = p
        return p

    def backward(self, dy: Array) -> Array:
        """Map dy (..., C) to dx (..., C)."""
        p: Array = self.cache
        check_gradient(self, dy, p.shape, p.dtype)
        dx: Array = p * (dy - row_sums(dy * p))
        return dx


class LogSoftmax(Layer):
    """y_i = log softmax(x)_i = x_i − log Σ_j e^{x_j}.

    Backward: ∂y_i/∂x_j = δ_ij − p_j with p = eʸ, hence dL/dx = dy − p · Σ_j dy_j.

    Raises
    ------
    ValueError
        In `forward`, if x holds probabilities.
    """

    def forward(self, x: Array) -> Array:
        """Map scores x (..., C) to log-probabilities y (..., C)."""
        check_floats(self, x)
        check_scores(self, x, _TWICE)
        x = class_major(x)
        y: Array = x - x.max(axis=-1, keepdims=True)
        y -= np.log(row_sums(np.exp(y)))
        self.cache = y
        return y

    def backward(self, dy: Array) -> Array:
        """Map dy (..., C) to dx (..., C)."""
        y = self.cache
        check_gradient(self, dy, y.shape, y.dtype)
        dx: Array = dy - np.exp(y) * row_sums(dy)
        return dx
