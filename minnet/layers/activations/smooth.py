"""A smooth activation is a ReLU without the corner: ELU, CELU, SELU, GELU, SiLU, Softplus.

As in `activations`, arrays may have any shape, and dL/dx = f′(x) · dL/dy. No x makes an exponential overflow,
because each is computed only where its exponent is bounded.
"""

import math

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_choice, check_number
from minnet.core.layer import Layer
from minnet.core.special import erfc, sigmoid


class ELU(Layer):
    """y = x where x > 0, and α · (eˣ − 1) elsewhere, which approaches −α.

    Backward: f′ = 1 where x > 0, and α · eˣ elsewhere.

    D.-A. Clevert et al., "Fast and accurate deep network learning by exponential linear units (ELUs)",
    ICLR 2016, eq. 16.

    Parameters
    ----------
    alpha
        α, any finite number.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = check_number("ELU", "alpha", alpha)

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        self.cache = x
        y = np.expm1(np.minimum(x, 0))  # eˣ − 1, exact for small x, too; 0 where x > 0
        y *= self.alpha
        y += np.maximum(x, 0)
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        x: Array = self.cache
        slope = self.alpha * np.exp(np.minimum(x, 0))
        slope *= x <= 0
        slope += x > 0
        return dy * slope


class CELU(Layer):
    """y = x where x > 0, and α · (e^{x/α} − 1) elsewhere: an ELU whose slope has no jump at 0, whatever α is.

    Backward: f′ = 1 where x > 0, and e^{x/α} elsewhere.

    J. Barron, "Continuously differentiable exponential linear units", arXiv:1704.07483, 2017.

    Parameters
    ----------
    alpha
        α > 0; y approaches −α.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = check_number("CELU", "alpha", alpha, above=0)

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        z = np.minimum(x, 0) / self.alpha
        self.cache = z
        y: Array = self.alpha * np.expm1(z)
        y += np.maximum(x, 0)
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        z: Array = self.cache
        return dy * np.exp(z)  # z is 0 where x > 0, so the slope is 1


class SELU(ELU):
    """y = λ · ELU(x), with λ = 1.0507… and α = 1.6732….

    With these two numbers, a layer of normally distributed weights of variance 1/I turns inputs of mean 0 and variance
    1 into outputs of mean 0 and variance 1, also in deep stacks. Backward: f′ = λ · ELU′(x).

    G. Klambauer et al., "Self-normalizing neural networks", NIPS 2017, eqs. 2 and 14.
    """

    SCALE = 1.0507009873554804934193349852946
    ALPHA = 1.6732632423543772848170429916717

    def __init__(self) -> None:
        super().__init__(self.ALPHA)

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        return self.SCALE * super().forward(x)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        return self.SCALE * super().backward(dy)


class GELU(Layer):
    """y = x · Φ(x), where Φ(x) is the probability that a standard normal number is below x.

    Φ(x) = ½ · erfc(−x/√2). Backward: f′ = Φ + x · Φ′, with the normal density Φ′(x) = e^{−x²/2} / √(2π).

    With ``approximate="tanh"``, Φ = ½ · (1 + tanh u), where u = √(2/π) · (x + 0.044715 x³), which is
    within 5e-4 of the true one and takes less than half the time. Then Φ′ = ½ · (1 − tanh²u) · u′ = 2 Φ (1 − Φ) u′,
    where u′ = √(2/π) · (1 + 3 · 0.044715 x²).

    D. Hendrycks and K. Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415, 2016, section 2.

    Parameters
    ----------
    approximate
        "none" or "tanh".
    """

    CUBIC = 0.044715

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = check_choice("GELU", "approximate", approximate, ("none", "tanh"))

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        z = np.clip(x, -40, 40)  # beyond, Φ is 0 or 1, and the powers of x might overflow
        if self.approximate == "tanh":
            cdf = np.tanh(math.sqrt(2 / math.pi) * z * (1 + self.CUBIC * z * z))
            cdf += 1
        else:
            cdf = erfc(-math.sqrt(1 / 2) * z)
        cdf *= 0.5
        self.cache = (z, cdf)
        return x * cdf

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        z, cdf = self.cache
        if self.approximate == "tanh":
            density = 2 * cdf * (1 - cdf) * math.sqrt(2 / math.pi) * (1 + 3 * self.CUBIC * z * z)
        else:
            density = np.exp(-0.5 * z * z) * (1 / math.sqrt(2 * math.pi))
        dx: Array = dy * (cdf + z * density)
        return dx


class SiLU(Layer):
    """y = x · σ(x), also called swish.

    Backward: with s = σ(x), whose slope is s · (1 − s), f′ = s + x · s · (1 − s).

    S. Elfwing et al., "Sigmoid-weighted linear units for neural network function approximation in
    reinforcement learning", Neural Networks 107, 2018, eqs. 5 and 6.
    """

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        s = sigmoid(x)
        self.cache = (x, s)
        return x * s

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        x, s = self.cache
        dx: Array = dy * (s + x * s * (1 - s))
        return dx


class Softplus(Layer):
    """y = log(1 + e^{βx}) / β; where βx is above the threshold, y = x.

    Backward: f′ = e^{βx} / (1 + e^{βx}) = σ(βx); above the threshold, 1.

    It is computed as (max(βx, 0) + log(1 + e^{−|βx|})) / β, the same number without an overflow. So the
    threshold is not needed; it exists because PyTorch has it, and at 20 changes y by 2e-9/β.

    C. Dugas et al., "Incorporating second-order functional knowledge for better option pricing", NIPS 2000.

    Parameters
    ----------
    beta
        β > 0; the larger it is, the closer is y to a ReLU.
    threshold
        Any finite number.
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta = check_number("Softplus", "beta", beta, above=0)
        self.threshold = check_number("Softplus", "threshold", threshold)

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (any shape) to y (the same shape)."""
        z = self.beta * x
        y: Array = np.log1p(np.exp(-np.abs(z)))
        y += np.maximum(z, 0)
        y *= 1 / self.beta
        np.copyto(y, x, where=z > self.threshold)
        self.cache = z
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        z: Array = self.cache
        slope = sigmoid(z)
        slope[z > self.threshold] = 1
        return dy * slope
