"""Flatten lays each sample's array out as one row of features."""

import math

from minnet.core.arrays import Array
from minnet.core.checks import check_floats, check_gradient
from minnet.core.layer import Layer


class Flatten(Layer):
    """y = x with all axes after the first made one: (N, H, W) becomes (N, H·W).

    Backward: the same numbers, in the old shape. An array of one axis passes as it is.
    """

    def forward(self, x: Array) -> Array:
        """Map x (N, ...) to y (N, product of the rest)."""
        check_floats(self, x)
        self.cache = x.shape
        return x.reshape(*x.shape[:1], math.prod(x.shape[1:])) if x.ndim > 1 else x

    def backward(self, dy: Array) -> Array:
        """Map dy (N, product) back to dx (N, ...)."""
        shape = self.cache
        check_gradient(self, dy, (shape[0], math.prod(shape[1:])) if len(shape) > 1 else shape)
        return dy.reshape(shape)
