"""A gate is a number, mostly between 0 and 1, that says how much of x goes through: GLU, Mish, Hardswish.

GLU's gate is another half of the input; those of the others depend on x itself, as those of GELU and SiLU do.
"""

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_floats, check_int
from minnet.core.layer import Layer
from minnet.core.special import sigmoid


class GLU(Layer):
    """y = a · σ(b), where a is the first half of x along an axis, and b the second.

    Backward: dL/da = dy · σ(b), and dL/db = dy · a · σ(b) · (1 − σ(b)).

    Y. Dauphin et al., "Language modeling with gated convolutional networks", ICML 2017, eq. 1.

    Parameters
    ----------
    axis
        The axis that is halved, not that of the samples: −1 for features, 1 for the channels of a convolution.

    Examples
    --------
    >>> GLU().forward(np.array([[6.0, 8.0, 0.0, 1000.0]]))
    array([[3., 8.]])
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = check_int("GLU", "axis", axis, least=None)
        if self.axis == 0:
            raise ValueError("GLU expected an axis of features, got axis=0, along which the samples are: pass 1 or -1")

    @property
    def mixes_places(self) -> bool:  # type: ignore[override]
        """Whether the axis may be time: that of sequences (N, T, D) is 1."""
        return self.axis not in (-1, 2)

    def check(self, x: Array) -> None:
        """Check that x is floats with an even length along the axis."""
        check_floats(self, x)
        if not -x.ndim <= self.axis < x.ndim or x.shape[self.axis] % 2:
            problem = "an even length along" if -x.ndim <= self.axis < x.ndim else "an array with"
            raise ValueError(f"{self.describe()} expected {problem} axis {self.axis}, which it halves, got {x.shape}")

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (..., 2C, ...) to y (..., C, ...)."""
        a, b = np.split(x, 2, self.axis)
        s = sigmoid(b)
        self.cache = a, s
        return a * s

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (..., C, ...) to dx (..., 2C, ...)."""
        a, s = self.cache
        da = dy * s
        return np.concatenate((da, da * a * (1 - s)), self.axis)


class Mish(Layer):
    """y = x · tanh(softplus(x)), with softplus(x) = log(1 + eˣ).

    Backward: with t = tanh(softplus(x)), and softplus′ = σ, f′ = t + x · (1 − t²) · σ(x).

    It takes one exponential, e = eˣ, and no tanh. Because tanh(log u) = (u² − 1) / (u² + 1), with u = 1 + e and w = u²
    − 1 = e · (e + 2): t = w / (w + 2), and (1 − t²) · σ(x) = 4 e u / (w + 2)².

    D. Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020, eq. 1.
    """

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        z = np.clip(x, -1000, 40)  # beyond, t is 0 or 1, and the powers of e might overflow
        e = np.exp(z)
        w = e * (e + 2)
        t: Array = w / (w + 2)
        self.cache = z, e, w, t
        return x * t

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        z, e, w, t = self.cache
        slope = 4 * (e * (1 + e) / (w + 2)) / (w + 2)  # without the square of w, which might overflow
        dx: Array = dy * (t + z * slope)
        return dx


class Hardswish(Layer):
    """y = x · min(max(x + 3, 0), 6) / 6: a SiLU made of a parabola and two straight lines.

    Backward: f′ = 0 where x <= −3, 1 where x >= 3, and x/3 + 1/2 between.

    A. Howard et al., "Searching for MobileNetV3", ICCV 2019, section 5.2.
    """

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        self.cache = x
        gate: Array = np.clip(x + 3, 0, 6)
        gate /= 6
        return x * gate

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        x: Array = self.cache
        slope = np.clip(x, -3, 3) / 3
        slope += 0.5
        slope[x <= -3] = 0
        slope[x >= 3] = 1
        return dy * slope
