"""An activation bends each number by itself; without one, a stack of Linear layers is one Linear layer.

All of them take arrays of any shape. Since y depends on x element by element, dL/dx = f′(x) · dL/dy.
Here are those that are made of straight lines, and the classics with their kin; `smooth_activations`,
`hard_activations`, `gates` and `prelu` have the rest.
"""

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_number
from minnet.core.layer import Layer
from minnet.core.special import keep_where, positive_part, sigmoid, split_where


class ReLU(Layer):
    """y = max(x, 0).

    Backward: f′ = 1 where x > 0 and 0 elsewhere; at x = 0, where there is no derivative, 0.

    V. Nair and G. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
    """

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        y = positive_part(x)
        self.cache = y > 0  # faster than x > 0: y has just been written
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        return keep_where(self.cache, dy)


class LeakyReLU(Layer):
    """y = max(x, 0) + s · min(x, 0): a ReLU that lets a little of the negative numbers through.

    Backward: f′ = 1 where x > 0 and s elsewhere, so a unit whose x is always negative still learns.

    A. Maas et al., "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.

    Parameters
    ----------
    negative_slope
        s, any finite number.
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = check_number("LeakyReLU", "negative_slope", negative_slope)

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        self.cache = x > 0
        y: Array = np.maximum(x, 0)
        y += self.negative_slope * np.minimum(x, 0)
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        positive: NDArray[np.bool_] = self.cache
        dx, negative = split_where(positive, dy)
        negative *= self.negative_slope
        dx += negative
        return dx


class Hardtanh(Layer):
    """y = min(max(x, a), b): x between the two bounds a and b, and the nearer bound beyond.

    Backward: f′ = 1 where a < x < b and 0 elsewhere.

    R. Collobert, "Large scale machine learning", PhD thesis, Paris 6, 2004.

    Parameters
    ----------
    min_val, max_val
        a and b, finite numbers, a < b.
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        self.min_val = check_number("Hardtanh", "min_val", min_val)
        self.max_val = check_number("Hardtanh", "max_val", max_val)
        if self.min_val >= self.max_val:
            raise ValueError(f"Hardtanh needs min_val < max_val, got {min_val} and {max_val}")

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        self.cache = (x > self.min_val) & (x < self.max_val)
        return np.clip(x, self.min_val, self.max_val)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        return keep_where(self.cache, dy)


class ReLU6(Hardtanh):
    """y = min(max(x, 0), 6): a ReLU that cannot grow, for arithmetic of few bits.

    Backward: f′ = 1 where 0 < x < 6 and 0 elsewhere.

    A. Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.
    """

    def __init__(self) -> None:
        super().__init__(0.0, 6.0)


class Sigmoid(Layer):
    """y = σ(x) = 1 / (1 + e⁻ˣ), between 0 and 1.

    Backward: σ′ = e⁻ˣ / (1 + e⁻ˣ)² = y · (1 − y).
    """

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        self.cache = y = sigmoid(x)
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        y: Array = self.cache
        return dy * y * (1 - y)


class Tanh(Layer):
    """y = tanh(x), between −1 and 1.

    Backward: tanh′ = 1 − tanh² = 1 − y².
    """

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        self.cache = y = np.tanh(x)
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        y: Array = self.cache
        return dy * (1 - y * y)


class LogSigmoid(Layer):
    """y = log σ(x) = −log(1 + e⁻ˣ), computed as min(x, 0) − log(1 + e^{−|x|}), which never overflows.

    Backward: f′ = e⁻ˣ / (1 + e⁻ˣ) = σ(−x).
    """

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        self.cache = x
        y: Array = np.minimum(x, 0)
        y -= np.log1p(np.exp(-np.abs(x)))
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        x: Array = self.cache
        return dy * sigmoid(-x)


class Softsign(Layer):
    """y = x / (1 + |x|), between −1 and 1, which it approaches more slowly than tanh does.

    Backward: f′ = 1 / (1 + |x|)².

    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010,
    section 3.
    """

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        self.cache = share = 1 / (1 + np.abs(x))
        return x * share

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        share: Array = self.cache
        return dy * share * share


class Tanhshrink(Layer):
    """y = x − tanh(x).

    Backward: f′ = 1 − tanh′ = tanh².
    """

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        self.cache = t = np.tanh(x)
        return x - t

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        t: Array = self.cache
        return dy * t * t
