"""Pooling over time makes one vector of a sequence, however long it is: what a classifier of sequences ends with."""

from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_choice, check_floats
from minnet.core.layer import Layer
from minnet.layers.sequences.masks import Mask, check_mask


class PoolTime(Layer):
    """y = the mean, the maximum or the last of the vectors x_t of a sequence: (N, T, D) becomes (N, D).

    With a mask (N, T), only the places t where it is True count, of which there are n:

    - ``"mean"``: y = Σ_t x_t / n. Backward: each of them has the slope 1/n, so dL/dx_t = dy/n.
    - ``"max"``: y_d = max_t x_td. Backward: dy_d goes to the place where the maximum is, the first of several.
    - ``"last"``: y = x_t of the last place; after a recurrent layer, the state at the end of each sequence. Backward:
      dy goes to that place.

    Places that do not count get 0. If no place counts, y is 0, and nothing gets a gradient.

    Parameters
    ----------
    how
        "mean", "max" or "last".

    Examples
    --------
    >>> x, mask = np.arange(6.0).reshape(1, 3, 2), np.array([[True, True, False]])
    >>> PoolTime("mean").forward(x, mask), PoolTime("last").forward(x, mask)
    (array([[1., 2.]]), array([[2., 3.]]))
    """

    takes_mask, removes_time = True, True

    def __init__(self, how: str = "mean") -> None:
        self.how = check_choice("PoolTime", "how", how, ("mean", "max", "last"))

    def check(self, x: Array, mask: Mask | None = None) -> None:
        """Check that x is sequences of vectors, and the mask one of their places."""
        check_floats(self, x)
        if x.ndim < 2:
            raise ValueError(
                f"{self.describe()} expected shape (N, T, D), or (T, D), got {x.shape}: the last axis is the vector of "
                "one place, the one before it the sequence"
            )
        check_mask(self, mask, x.shape[:-1], "True where a place counts")

    @checked
    def forward(self, x: Array, mask: Mask | None = None) -> Array:
        """Map x (..., T, D) to y (..., D); the mask (..., T) is True where a place counts."""
        self.cache = weights = self._weights(x, np.ones(x.shape[:-1], bool) if mask is None else mask).astype(x.dtype)
        y: Array = (weights * x).sum(axis=-2)
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (..., D) to dx (..., T, D)."""
        weights: Array = self.cache
        return weights * dy[..., None, :]

    def _weights(self, x: Array, counts: Mask) -> Any:
        """Return the weights w (..., T, D), or (..., T, 1), of all places in y = Σ_t w_t ∘ x_t."""
        steps = x.shape[-2]
        if self.how == "mean" or not steps:
            return (counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1))[..., None]
        if self.how == "last":
            chosen = steps - 1 - counts[..., ::-1].argmax(axis=-1)[..., None]
        else:
            chosen = np.where(counts[..., None], x, -np.inf).argmax(axis=-2)
        return (np.arange(steps)[:, None] == chosen[..., None, :]) & counts[..., None]
