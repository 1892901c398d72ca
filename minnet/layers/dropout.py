"""Dropout sets random numbers to zero while training, so that no unit can rely on one other."""

from __future__ import annotations  # or numpy.random would be imported with minnet, which takes 10 ms

import numpy as np

from minnet.arrays import Array, check_floats, check_gradient
from minnet.layer import Layer


class Dropout(Layer):
    """y = m ∘ x while training, y = x in eval mode.

    Each m_i is 0 with probability p and 1/(1 − p) otherwise, drawn anew at every forward. Its mean
    is 1, so the next layer sees the same mean in both modes. Backward: dL/dx = m ∘ dy.

    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
    JMLR 15, 2014; scaled in training ("inverted"), section 10.

    Parameters
    ----------
    p
        The probability of dropping a number, 0 <= p < 1.
    rng
        None, an int, or a Generator: where m is drawn from.

    Raises
    ------
    ValueError
        If p is outside [0, 1).
    """

    def __init__(self, p: float = 0.5, *, rng: int | np.random.Generator | None = None) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"Dropout needs 0 <= p < 1, the probability of dropping a number, got {p}")
        self.p = float(p)
        self.rng = np.random.default_rng(rng)

    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        check_floats(self, x)
        if not self.training:
            return x
        keep = self.rng.random(x.shape, np.float32) >= self.p
        mask = keep.astype(x.dtype) / (1 - self.p)
        self.cache = mask
        return x * mask

    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        mask: Array = self.cache
        check_gradient(self, dy, mask.shape, mask.dtype)
        return dy * mask
