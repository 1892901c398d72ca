"""Layers that make arrays: constants, weights of their own, and arrays whose size an input says."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.arrays import FLOATS, Array
from minnet.core.buffer import Buffer
from minnet.core.checks import check_choice, check_int
from minnet.core.checks import named as what_is
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.layers.operations.allocation import check_size

KINDS = ("float", "int64", "int32", "bool")  # of arrays: float is that in which the model computes


def float_array(value: ArrayLike) -> Array:
    """Return an array of floats: float64 stays so, and everything else becomes float32."""
    array = np.asarray(value)
    return array if array.dtype in FLOATS else array.astype(np.float32)


class Constant(Layer):
    """y = a constant array, for a place in a `Graph` that reads it.

    Backward: there is nothing to pass on.

    Parameters
    ----------
    value
        The array, kept as a `Buffer`.
    kind
        "float": y has the dtype of the model. "int64", "int32", "bool": y has that; the numbers are below 2²⁴, which
        float32 holds exactly.
    """

    def __init__(self, value: ArrayLike, kind: str = "float") -> None:
        self.kind = check_choice("Constant", "kind", kind, KINDS)
        array = float_array(value)
        self.value = Buffer(array, array.dtype)

    def forward(self) -> NDArray[Any]:
        """Return the constant."""
        return self.value.data.copy() if self.kind == "float" else self.value.data.astype(self.kind)

    def backward(self, dy: Array) -> None:
        """Pass nothing on."""


class Weight(Layer):
    """y = w, an array that is learned, for a place in a `Graph` that reads it; several may.

    Backward: dL/dw = dy.

    Parameters
    ----------
    value
        The first values, kept as a `Parameter`.
    """

    def __init__(self, value: ArrayLike) -> None:
        array = float_array(value)
        self.value = Parameter(array, array.dtype)

    def forward(self) -> Array:
        """Return the weights."""
        self.cache = None
        return self.value.data.copy()

    def backward(self, dy: Array) -> None:
        """Add dL/dw."""
        self.value.grad += dy


class Fill(Layer):
    """y = one number in every place of an array, whose shape is the input.

    Backward: there is nothing to pass on.

    Parameters
    ----------
    value
        The number.
    kind
        As of `Constant`.
    """

    def __init__(self, value: ArrayLike = 0.0, kind: str = "float") -> None:
        self.kind = check_choice("Fill", "kind", kind, KINDS)
        array = float_array(value)
        self.value = Buffer(array, array.dtype)

    def forward(self, shape: NDArray[Any]) -> NDArray[Any]:
        """Map a shape, as whole numbers (axes,), to an array of that shape."""
        sizes = whole_numbers(self, shape)
        if any(n < 0 for n in sizes):
            raise ValueError(f"{self.describe()} expected a shape, got {sizes}")
        check_size(self, sizes)
        value = self.value.data if self.kind == "float" else self.value.data.astype(self.kind)
        return np.full(sizes, value.reshape(()))

    def backward(self, dy: Array) -> None:
        """Pass nothing on."""


class Range(Layer):
    """y = start, start + step, start + 2·step, …, to before the end: three single numbers are the inputs.

    Backward: there is nothing to pass on.
    """

    def forward(self, start: NDArray[Any], end: NDArray[Any], step: NDArray[Any]) -> NDArray[Any]:
        """Map three single numbers to an array (count,)."""
        numbers = [np.asarray(x).reshape(-1) for x in (start, end, step)]
        if any(x.size != 1 or x.dtype.kind not in "iuf" for x in numbers) or not numbers[2].all():
            raise ValueError(f"{self.describe()} expected three single numbers, and a step that is not 0")
        first, last, by = (x.item() for x in numbers)
        count = (last - first) / by
        if not np.isfinite(count):
            raise ValueError(f"{self.describe()} expected finite numbers, got {first}, {last} and {by}")
        check_size(self, (max(int(np.ceil(count)), 0),))
        return np.arange(first, last, by, dtype=numbers[0].dtype)

    def backward(self, dy: Array) -> None:
        """Pass nothing on."""


class ShapeOf(Layer):
    """y = the shape of x, as whole numbers (axes,).

    Backward: there is nothing to pass on.

    Parameters
    ----------
    start, end
        Which axes, as in a slice; None: all to the end.
    """

    def __init__(self, start: int = 0, end: int | None = None) -> None:
        self.start = check_int("ShapeOf", "start", start, None)
        self.end = None if end is None else check_int("ShapeOf", "end", end, None)

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        """Map x to its shape."""
        return np.array(x.shape[self.start : self.end], np.int64)

    def backward(self, dy: Array) -> None:
        """Pass nothing on."""


def whole_numbers(owner: Layer, x: Any) -> tuple[int, ...]:
    """Return an array (n,) of whole numbers as a tuple of ints; a TypeError or ValueError, if it is none."""
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "iu" or x.ndim > 1 or x.size > 64:
        raise TypeError(f"{owner.describe()} expected a few whole numbers, one an axis, got {what_is(x)}")
    return tuple(int(n) for n in x.reshape(-1))
