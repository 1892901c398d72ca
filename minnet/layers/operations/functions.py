"""Functions of each number: `Function` of one array, `Power` and `Extreme` of several."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_choice
from minnet.core.checks import named as what_is
from minnet.core.layer import Layer
from minnet.core.special import erf
from minnet.layers.operations.arithmetic import Arithmetic, sum_to

TWO_OVER_ROOT_PI = 1.1283791670955126  # 2/√π

# Name → f, and f′ as a function of x and y = f(x).
FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    "abs": (np.abs, lambda x, y: np.sign(x)),
    "negative": (np.negative, lambda x, y: -np.ones_like(x)),
    "reciprocal": (np.reciprocal, lambda x, y: -y * y),
    "exp": (np.exp, lambda x, y: y),
    "log": (np.log, lambda x, y: 1 / x),
    "sqrt": (np.sqrt, lambda x, y: 0.5 / y),
    "erf": (lambda x: erf(np.atleast_1d(x)).reshape(x.shape), lambda x, y: TWO_OVER_ROOT_PI * np.exp(-x * x)),
    "softsign": (lambda x: x / (1 + np.abs(x)), lambda x, y: 1 / (1 + np.abs(x)) ** 2),
    "sin": (np.sin, lambda x, y: np.cos(x)),
    "cos": (np.cos, lambda x, y: -np.sin(x)),
    "tan": (np.tan, lambda x, y: 1 + y * y),
    "asin": (np.arcsin, lambda x, y: 1 / np.sqrt(1 - x * x)),
    "acos": (np.arccos, lambda x, y: -1 / np.sqrt(1 - x * x)),
    "atan": (np.arctan, lambda x, y: 1 / (1 + x * x)),
    "sinh": (np.sinh, lambda x, y: np.cosh(x)),
    "cosh": (np.cosh, lambda x, y: np.sinh(x)),
    "asinh": (np.arcsinh, lambda x, y: 1 / np.sqrt(x * x + 1)),
    "acosh": (np.arccosh, lambda x, y: 1 / np.sqrt(x * x - 1)),
    "atanh": (np.arctanh, lambda x, y: 1 / (1 - x * x)),
    "sign": (np.sign, lambda x, y: np.zeros_like(x)),
    "floor": (np.floor, lambda x, y: np.zeros_like(x)),
    "ceil": (np.ceil, lambda x, y: np.zeros_like(x)),
    "round": (np.rint, lambda x, y: np.zeros_like(x)),
}


class Function(Layer):
    """y = f(x), number by number, such as exp and sqrt.

    Backward: dL/dx = f′(x) ∘ dy. Steps (sign, floor, ceil, round) have the slope 0. Where f has no value, y is NaN.

    Parameters
    ----------
    name
        Which function: one of `FUNCTIONS`.
    """

    def __init__(self, name: str) -> None:
        self.name = check_choice("Function", "name", name, FUNCTIONS)

    def check(self, x: Array) -> None:
        """Check that x is an array of numbers."""
        if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiu":
            raise TypeError(f"{self.describe()} expected an array of numbers, got {what_is(x)}")

    @checked
    def forward(self, x: Array) -> Array:
        """Map x to f(x)."""
        with np.errstate(all="ignore"):
            y = np.asarray(FUNCTIONS[self.name][0](x))
        self.cache = (x, y)
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to f′(x) ∘ dy."""
        with np.errstate(all="ignore"):
            return np.asarray(dy * FUNCTIONS[self.name][1](*self.cache))


class Power(Arithmetic):
    """y = aᵇ, number by number.

    Backward: ∂y/∂a = b · a^(b−1) and ∂y/∂b = y · log a (0 where a = 0), each summed over the axes along which the array
    was repeated. Powers of negative numbers with a broken exponent, and their slopes, are NaN.
    """

    @checked
    def forward(self, a: Array, b: Array) -> Array:
        """Map a and b to aᵇ."""
        with np.errstate(all="ignore"):
            y = np.asarray(np.power(a, b))
        self.cache = (a, b, y)
        return y

    @checked
    def backward(self, dy: Array) -> tuple[Array, Array]:
        """Map dy to da and db."""
        a, b, y = self.cache
        with np.errstate(all="ignore"):
            da = dy * b * np.power(a, b - 1)
            db = dy * y * np.log(np.where(a == 0, 1, a))
            return sum_to(np.asarray(da), a.shape), sum_to(np.asarray(db), b.shape)


class Extreme(Arithmetic):
    """y = the largest, or the smallest, of x_1, …, x_n, number by number.

    Backward: the x_i that was chosen is given dy; several that are equal have equal shares of it.

    Parameters
    ----------
    kind
        "max" or "min".
    """

    count = None

    def __init__(self, kind: str) -> None:
        self.kind = check_choice("Extreme", "kind", kind, ("max", "min"))

    @checked
    def forward(self, *xs: Array) -> Array:
        """Map x_1, …, x_n to the largest or smallest of them."""
        y = xs[0]
        for x in xs[1:]:
            y = np.asarray(np.maximum(y, x) if self.kind == "max" else np.minimum(y, x))
        self.cache = (xs, y)
        return y

    @checked
    def backward(self, dy: Array) -> Any:
        """Map dy to dx_1, …, dx_n; of a single x, to dx."""
        xs, y = self.cache
        chosen = [x == y for x in xs]
        share = np.asarray(dy / np.maximum(sum(mask.astype(dy.dtype) for mask in chosen), 1))
        gradients = tuple(sum_to(np.asarray(share * mask), x.shape) for mask, x in zip(chosen, xs, strict=True))
        return gradients if len(xs) > 1 else gradients[0]
