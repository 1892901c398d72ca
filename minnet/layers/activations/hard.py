"""Activations of straight lines with thresholds: Hardsigmoid, Threshold, and the two that shrink numbers to 0.

As in `activations`, arrays may have any shape, and dL/dx = f′(x) · dL/dy. At a corner or a jump, f′ is 0.
"""

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_number
from minnet.core.layer import Layer
from minnet.core.special import keep_where


class Hardsigmoid(Layer):
    """y = min(max(x/6 + 1/2, 0), 1): a sigmoid made of three straight lines.

    Backward: f′ = 1/6 where −3 < x < 3, and 0 elsewhere.

    M. Courbariaux et al., "BinaryConnect: training deep neural networks with binary weights during propagations",
    NIPS 2015, section 2.3; the slope of 1/6 is that of MobileNetV3 (A. Howard et al., ICCV 2019) and PyTorch.
    """

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        self.cache = (x > -3) & (x < 3)
        y = np.clip(x + 3, 0, 6)
        y /= 6
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        dx = keep_where(self.cache, dy)
        dx /= 6
        return dx


class Kept(Layer):
    """The base of layers that keep some numbers and replace the others: f′ = 1 where they are kept, and 0 elsewhere."""

    _cache: NDArray[np.bool_]

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        return keep_where(self.cache, dy)


class Threshold(Kept):
    """y = x where x is above the threshold, and a constant elsewhere.

    Backward: f′ = 1 where x > threshold, and 0 elsewhere.

    Parameters
    ----------
    threshold, value
        The threshold, and the constant: finite numbers.
    """

    def __init__(self, threshold: float, value: float) -> None:
        self.threshold = check_number("Threshold", "threshold", threshold)
        self.value = check_number("Threshold", "value", value)

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        replaced = x <= self.threshold  # False for NaN, which stays
        self.cache = ~replaced
        return np.where(replaced, x.dtype.type(self.value), x)


class Hardshrink(Kept):
    """y = x where |x| > λ, and 0 elsewhere.

    Backward: f′ = 1 where |x| > λ, and 0 elsewhere.

    D. Donoho and I. Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 81, 1994 ("hard
    thresholding").

    Parameters
    ----------
    lambd
        λ >= 0. (``lambda`` is a word of Python's.)
    """

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = check_number("Hardshrink", "lambd", lambd, 0)

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        self.cache = kept = ~(np.abs(x) <= self.lambd)
        return keep_where(kept, x)


class Softshrink(Kept):
    """y = x − λ where x > λ, x + λ where x < −λ, and 0 between: all numbers move towards 0 by λ.

    Backward: f′ = 1 where |x| > λ, and 0 elsewhere.

    D. Donoho, "De-noising by soft-thresholding", IEEE Transactions on Information Theory 41, 1995.

    Parameters
    ----------
    lambd
        λ >= 0. (``lambda`` is a word of Python's.)
    """

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = check_number("Softshrink", "lambd", lambd, 0)

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        self.cache = ~(np.abs(x) <= self.lambd)
        y: Array = x - np.clip(x, -self.lambd, self.lambd)
        return y
