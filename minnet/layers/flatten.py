"""Flatten lays each sample's array out as one row of features."""

import math

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.layer import Layer


class Flatten(Layer):
    """y = x with all axes after the first merged into one: (N, H, W) becomes (N, H·W).

    Backward: the same numbers, in the old shape. An array of one axis is returned as it is.
    """

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (N, ...) to y (N, product of the rest)."""
        self.cache = x.shape
        return x.reshape(*x.shape[:1], math.prod(x.shape[1:])) if x.ndim > 1 else x

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (N, product) back to dx (N, ...)."""
        return dy.reshape(self.cache)
