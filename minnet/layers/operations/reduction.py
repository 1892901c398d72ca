"""Reductions make one number of many along some axes; also the running sum, and the place of the largest number."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array, sums
from minnet.core.checked import checked
from minnet.core.checks import check_choice, check_floats, check_int
from minnet.core.checks import named as what_is
from minnet.core.layer import Layer
from minnet.layers.operations.constants import whole_numbers

REDUCTIONS = ("mean", "sum", "max", "min", "prod", "sum_square", "l1", "l2", "log_sum", "log_sum_exp")


class Reduce(Layer):
    """y = the mean, the sum, the largest number, … along some axes.

    Backward, for each x in what y was made of: mean dy/n; sum dy; max and min an equal share of dy for each x that is
    y; prod dy · y/x; sum of squares dy · 2x; L1 norm dy · sign x; L2 norm dy · x/y; log of the sum dy · e^(−y); log of
    the sum of exponentials dy · e^(x − y).

    Parameters
    ----------
    kind
        One of `REDUCTIONS`.
    axes
        Which axes; None: all of them, or those that the second input says.
    keepdims
        Whether they stay, as axes of size 1.
    """

    def __init__(self, kind: str, axes: tuple[int, ...] | None = None, keepdims: bool = True) -> None:
        self.kind = check_choice("Reduce", "kind", kind, REDUCTIONS)
        self.axes = None if axes is None else tuple(check_int("Reduce", "axis", axis, None) for axis in axes)
        self.keepdims = bool(keepdims)

    def check(self, *xs: Any) -> None:
        """Check that x has the axes."""
        if len(xs) not in (1, 2) or not isinstance(xs[0], np.ndarray) or xs[0].dtype.kind not in "fiu":
            raise TypeError(f"{self.describe()} expected an array of numbers, got {', '.join(map(what_is, xs))}")
        axes = whole_numbers(self, xs[1]) if len(xs) > 1 else self.axes
        if axes is not None and not (all(-xs[0].ndim <= axis < xs[0].ndim for axis in axes)):
            raise ValueError(f"{self.describe()} expected an array with the axes {axes}, got shape {xs[0].shape}")

    @checked
    def forward(self, x: Array, axes: NDArray[Any] | None = None) -> Array:
        """Map x to y, without the axes, or with axes of size 1 in their place."""
        chosen = self.axes if axes is None else whole_numbers(self, axes)
        places = tuple(range(x.ndim)) if chosen is None else tuple(sorted({axis % max(x.ndim, 1) for axis in chosen}))
        y = np.asarray(_reduced(self.kind, x, places))
        self.cache = (x, y, places, axes is not None)
        return y if self.keepdims else y.reshape([n for i, n in enumerate(x.shape) if i not in places])

    @checked
    def backward(self, dy: Array) -> Any:
        """Map dy to dx; to (dx, None), if the axes were an input."""
        x, y, places, several = self.cache
        with np.errstate(all="ignore"):
            dx = np.asarray(_slopes(self.kind, x, y, places, dy.reshape(y.shape)))
        dx = np.broadcast_to(dx, x.shape).copy()
        return (dx, None) if several else dx


def _reduced(kind: str, x: Any, axes: tuple[int, ...]) -> Any:
    """Return y, with the axes as axes of size 1."""
    if kind in ("max", "min", "prod"):
        function: Any = {"max": np.max, "min": np.min, "prod": np.prod}[kind]
        return function(x, axis=axes, keepdims=True, **_start(kind, x))
    if kind == "log_sum_exp":
        largest = np.max(x, axis=axes, keepdims=True, **_start("max", x))
        largest = np.where(np.isfinite(largest), largest, 0).astype(x.dtype)
        with np.errstate(divide="ignore"):
            return np.log(_sum(np.exp(x - largest), axes)) + largest
    total = _sum({"sum_square": np.square, "l1": np.abs, "l2": np.square}.get(kind, np.asarray)(x), axes)
    if kind == "mean":
        count = max(x.size // max(total.size, 1), 1)
        return total / x.dtype.type(count) if x.dtype.kind == "f" else total // count
    with np.errstate(divide="ignore", invalid="ignore"):
        return {"l2": np.sqrt, "log_sum": np.log}.get(kind, np.asarray)(total)


def _sum(x: Any, axes: tuple[int, ...]) -> Any:
    return sums(x, axes) if x.dtype.kind == "f" and axes else x.sum(axis=axes, keepdims=True, dtype=x.dtype)


def _start(kind: str, x: Any) -> dict[str, Any]:
    """Return what a reduction of no numbers is."""
    if x.size or kind == "prod":
        return {}
    limits = np.finfo(x.dtype) if x.dtype.kind == "f" else np.iinfo(x.dtype)
    return {"initial": limits.min if kind == "max" else limits.max}


def _slopes(kind: str, x: Any, y: Any, axes: tuple[int, ...], dy: Any) -> Any:
    """Return dL/dx, or what is broadcast to it."""
    if kind == "mean":
        return dy / x.dtype.type(max(x.size // max(y.size, 1), 1))
    if kind in ("max", "min"):
        chosen = x == y
        return dy * chosen / np.maximum(chosen.sum(axis=axes, keepdims=True), 1).astype(x.dtype)
    if kind == "prod":
        return dy * _product_of_others(x, axes)
    if kind == "l2":
        return dy * np.where(y == 0, 0, x / y)
    slopes = {"sum_square": lambda: 2 * x, "l1": lambda: np.sign(x), "log_sum": lambda: np.exp(-y)}
    slopes["log_sum_exp"] = lambda: np.exp(x - y)
    return dy * slopes[kind]() if kind in slopes else dy


def _product_of_others(x: Any, axes: tuple[int, ...]) -> Any:
    """Return, for each number, the product of all others along the axes; y/x would be 0/0 where a number is 0."""
    zero = x == 0
    count = zero.sum(axis=axes, keepdims=True)
    product = np.where(zero, 1, x).prod(axis=axes, keepdims=True)
    return np.where(zero, np.where(count == 1, product, 0), np.where(count == 0, product / np.where(zero, 1, x), 0))


class UnitNorm(Layer):
    """y = x / ‖x‖, row by row (…, F): each row is divided by its norm; a row of zeros stays as it is.

    Backward, for the L2 norm r: dx = (dy − y · Σ dy ∘ y) / r. For the others, ∂r/∂x = s is sign x (L1), or that at the
    largest |x| only (max), and dx = (dy − s · Σ dy ∘ y) / r.

    Parameters
    ----------
    norm
        "l2", "l1" or "max".
    """

    def __init__(self, norm: str = "l2") -> None:
        self.norm = check_choice("UnitNorm", "norm", norm, ("l2", "l1", "max"))

    def check(self, x: Array) -> None:
        """Check that x is an array of floats."""
        check_floats(self, x)

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (…, F) to y (…, F)."""
        size = np.abs(x)
        if self.norm == "l2":
            size = np.sqrt(sums(x * x, (x.ndim - 1,)))
        elif self.norm == "l1":
            size = sums(size, (x.ndim - 1,))
        else:
            size = size.max(axis=-1, keepdims=True, initial=0)
        size = np.where(size == 0, x.dtype.type(1), size)
        y = x / size
        self.cache = (x, y, size)
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx."""
        x, y, size = self.cache
        slope = y
        if self.norm == "l1":
            slope = np.sign(x)
        elif self.norm == "max":
            first = np.arange(x.shape[-1]) == np.abs(x).argmax(axis=-1)[..., None] if x.shape[-1] else x == 0
            slope = np.where(first, np.sign(x), x.dtype.type(0))
        dx: Array = (dy - slope * sums(dy * y, (x.ndim - 1,))) / size
        return dx


class CumSum(Layer):
    """y = the running sum along an axis: y_i = x_0 + … + x_i.

    Backward: x_i is in y_i and all after it, so dx_i = dy_i + dy_{i+1} + …: the running sum from the other end.

    Parameters
    ----------
    axis
        Which axis.
    exclusive
        Whether x_i is left out of y_i.
    reverse
        Whether it runs from the end.
    """

    def __init__(self, axis: int, exclusive: bool = False, reverse: bool = False) -> None:
        self.axis = check_int("CumSum", "axis", axis, None)
        self.exclusive, self.reverse = bool(exclusive), bool(reverse)

    def check(self, x: Any) -> None:
        """Check that x has the axis."""
        if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiu" or not -x.ndim <= self.axis < x.ndim:
            raise ValueError(f"{self.describe()} expected an array of numbers with axis {self.axis}, got {what_is(x)}")

    @checked
    def forward(self, x: Array) -> Array:
        """Map x to its running sums."""
        return self._summed(x, self.reverse)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to its running sums from the other end."""
        return self._summed(dy, not self.reverse)

    def _summed(self, x: Array, reverse: bool) -> Array:
        flipped = np.flip(x, self.axis) if reverse else x
        y: Array = np.cumsum(flipped, self.axis, dtype=x.dtype)
        y = y - flipped if self.exclusive else y
        return np.flip(y, self.axis).copy() if reverse else y


class ArgMax(Layer):
    """y = the place of the largest, or smallest, number along an axis; of several, the first.

    Backward: there is nothing to pass on.

    Parameters
    ----------
    axis
        Which axis.
    keepdims
        Whether it stays, as an axis of size 1.
    smallest
        Whether it is the smallest number.
    """

    def __init__(self, axis: int = 0, keepdims: bool = True, smallest: bool = False) -> None:
        self.axis = check_int("ArgMax", "axis", axis, None)
        self.keepdims, self.smallest = bool(keepdims), bool(smallest)

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        """Map x to whole numbers."""
        if not isinstance(x, np.ndarray) or not -x.ndim <= self.axis < x.ndim or not x.shape[self.axis]:
            raise ValueError(f"{self.describe()} expected an array with axis {self.axis}, got {what_is(x)}")
        return np.asarray((np.argmin if self.smallest else np.argmax)(x, self.axis, keepdims=self.keepdims))

    def backward(self, dy: Array) -> None:
        """Pass nothing on."""
