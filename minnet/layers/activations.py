"""An activation bends each number by itself; without one, a stack of Linear layers is one Linear layer.

All of them take arrays of any shape. Since y depends on x element by element, dL/dx = f′(x) · dL/dy.
"""

import numpy as np

from minnet.arrays import Array, check_floats, check_gradient
from minnet.layer import Layer


class ReLU(Layer):
    """y = max(x, 0).

    Backward: f′ = 1 where x > 0 and 0 elsewhere; at x = 0, where there is no derivative, 0.

    V. Nair and G. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
    """

    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        check_floats(self, x)
        self.cache = x > 0
        return np.maximum(x, 0)

    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        slope: Array = self.cache
        check_gradient(self, dy, slope.shape)
        return dy * slope


class Sigmoid(Layer):
    """y = σ(x) = 1 / (1 + e⁻ˣ), between 0 and 1.

    Backward: σ′ = e⁻ˣ / (1 + e⁻ˣ)² = y · (1 − y).
    """

    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        check_floats(self, x)
        e = np.exp(-np.abs(x))  # never above 1: e⁻ˣ itself overflows for x < -88 in float32
        y: Array = np.where(x >= 0, np.ones_like(e), e) / (1 + e)
        self.cache = y
        return y

    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        y: Array = self.cache
        check_gradient(self, dy, y.shape, y.dtype)
        return dy * y * (1 - y)


class Tanh(Layer):
    """y = tanh(x), between −1 and 1.

    Backward: tanh′ = 1 − tanh² = 1 − y².
    """

    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        check_floats(self, x)
        y = np.tanh(x)
        self.cache = y
        return y

    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        y: Array = self.cache
        check_gradient(self, dy, y.shape, y.dtype)
        return dy * (1 - y * y)
