"""Comparisons, and what is chosen by them: `Compare`, `Where` and `Cast`."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.buffer import Buffer
from minnet.core.checked import checked
from minnet.core.checks import check_choice
from minnet.core.checks import named as what_is
from minnet.core.layer import Layer
from minnet.layers.operations.arithmetic import broadcast, sum_to
from minnet.layers.operations.constants import KINDS

# Name → the function, and how many arrays it takes.
COMPARISONS: dict[str, tuple[Callable[..., Any], int]] = {
    "equal": (np.equal, 2),
    "less": (np.less, 2),
    "less_equal": (np.less_equal, 2),
    "greater": (np.greater, 2),
    "greater_equal": (np.greater_equal, 2),
    "and": (np.logical_and, 2),
    "or": (np.logical_or, 2),
    "xor": (np.logical_xor, 2),
    "not": (np.logical_not, 1),
    "is_nan": (np.isnan, 1),
    "is_inf": (np.isinf, 1),
    "mod": (np.mod, 2),
    "fmod": (np.fmod, 2),
}


class Compare(Layer):
    """y = what a comparison, or an operation of booleans or whole numbers, says of each number.

    Backward: there is nothing to pass on.

    Parameters
    ----------
    name
        Which operation: one of `COMPARISONS`.
    """

    def __init__(self, name: str) -> None:
        self.name = check_choice("Compare", "name", name, COMPARISONS)

    def forward(self, *xs: NDArray[Any]) -> NDArray[Any]:
        """Map one or two arrays to an array of the shape that they have together."""
        function, count = COMPARISONS[self.name]
        if len(xs) != count or not all(isinstance(x, np.ndarray) and x.dtype.kind in "fiub" for x in xs):
            raise TypeError(f"{self.describe()} expected {count} arrays, got {', '.join(map(what_is, xs)) or 'none'}")
        broadcast(self, *(x.shape for x in xs))
        with np.errstate(all="ignore"):
            return np.asarray(function(*xs))

    def backward(self, dy: Array) -> None:
        """Pass nothing on."""


class Where(Layer):
    """y = a where a condition is True, and b where it is False.

    Backward: a is given dy where it was chosen, and b where that was, each summed over the axes along which the array
    was repeated. The condition has no gradient.
    """

    def check(self, *xs: Any) -> None:
        """Check that the condition is booleans, and a and b of one dtype, and that the shapes fit."""
        if len(xs) != 3 or not all(isinstance(x, np.ndarray) for x in xs) or xs[0].dtype != bool:
            raise TypeError(
                f"{self.describe()} expected an array of booleans and two arrays, got {', '.join(map(what_is, xs))}"
            )
        if xs[1].dtype != xs[2].dtype:
            raise TypeError(f"{self.describe()} expected two arrays of one dtype, got {xs[1].dtype} and {xs[2].dtype}")
        broadcast(self, *(x.shape for x in xs))

    @checked
    def forward(self, condition: NDArray[np.bool_], a: Array, b: Array) -> Array:
        """Map a condition, a and b to what is chosen."""
        self.cache = (condition, a.shape, b.shape)
        return np.asarray(np.where(condition, a, b))

    @checked
    def backward(self, dy: Array) -> tuple[None, Array, Array]:
        """Map dy to None, da and db."""
        condition, a, b = self.cache
        zero = dy.dtype.type(0)
        return None, sum_to(np.where(condition, dy, zero), a), sum_to(np.where(condition, zero, dy), b)


class Cast(Layer):
    """y = x as numbers of another kind.

    Backward: floats that stay floats are given dy; there is nothing to pass on to whole numbers and booleans.

    Parameters
    ----------
    kind
        "float": the dtype of the model. "int64", "int32", "bool": that.

    Attributes
    ----------
    unit : Buffer
        The number 1, whose dtype is that of the model.
    """

    def __init__(self, kind: str) -> None:
        self.kind = check_choice("Cast", "kind", kind, KINDS)
        self.unit = Buffer(1.0)

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        """Map x to the same numbers, cut to whole ones if need be."""
        if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiub":
            raise TypeError(f"{self.describe()} expected an array of numbers, got {what_is(x)}")
        dtype = self.unit.data.dtype if self.kind == "float" else np.dtype(self.kind)
        self.cache = x.dtype if x.dtype.kind == dtype.kind == "f" else None
        with np.errstate(invalid="ignore"):
            return x.astype(dtype)

    def backward(self, dy: Array) -> Any:
        """Map dy to dx, or to None."""
        return None if self.cache is None else dy.astype(self.cache)
