"""The same numbers in another shape or order, or repeated: the batch is an axis as any other here."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_int
from minnet.core.checks import named as what_is
from minnet.core.layer import Layer
from minnet.layers.operations.allocation import check_size
from minnet.layers.operations.arithmetic import sum_to
from minnet.layers.operations.constants import whole_numbers

Sizes = tuple[int, ...]


def as_ints(owner: str, name: str, values: Any) -> Sizes | None:
    """Return an argument as a tuple of ints, or None."""
    if values is None:
        return None
    if not isinstance(values, tuple):
        raise TypeError(f"{owner} expected {name} to be a tuple of ints, got {what_is(values)}")
    return tuple(check_int(owner, name, value, None) for value in values)


class _Shaping(Layer):
    """The base of the layers here, which take arrays of any numbers, and for some, what to do as a second array."""

    def check(self, *xs: Any) -> None:
        """Check that x is an array."""
        if not xs or len(xs) > 2 or not all(isinstance(x, np.ndarray) for x in xs):
            raise TypeError(f"{self.describe()} expected an array, got {', '.join(map(what_is, xs)) or 'none'}")

    def second(self, given: Any, own: Sizes | None) -> Sizes:
        """Return the whole numbers that were given as an array, or else those of the layer."""
        if given is not None:
            return whole_numbers(self, given)
        if own is None:
            raise TypeError(f"{self.describe()} expected a second array of whole numbers")
        return own

    def result(self, dx: Array, several: bool) -> Any:
        """Return dL/dx, and None for the second array, if there was one."""
        return (dx, None) if several else dx


class View(_Shaping):
    """y = x in another shape.

    Backward: the same numbers, in the old shape.

    Parameters
    ----------
    shape
        The new shape. A size of 0 is that of x at the same place, and one may be −1: it follows from the others. None:
        the shape is a second input.
    allow_zero
        Whether a 0 is a size of 0.
    """

    def __init__(self, shape: Sizes | None = None, allow_zero: bool = False) -> None:
        self.shape = as_ints("View", "shape", shape)
        self.allow_zero = bool(allow_zero)

    @checked
    def forward(self, x: Array, shape: NDArray[Any] | None = None) -> Array:
        """Map x to a view of it."""
        self.cache = (x.shape, shape is not None)
        return x.reshape(self._sizes(x.shape, self.second(shape, self.shape)))

    @checked
    def backward(self, dy: Array) -> Any:
        """Map dy to a view of it, in x's shape."""
        shape, several = self.cache
        return self.result(dy.reshape(shape), several)

    def _sizes(self, given: Sizes, wanted: Sizes) -> Sizes:
        copied = not self.allow_zero
        if copied and any(n == 0 and i >= len(given) for i, n in enumerate(wanted)):
            raise ValueError(f"{self.describe()} copies sizes that are not in shape {given}")
        sizes = [given[i] if n == 0 and copied else n for i, n in enumerate(wanted)]
        known = math.prod(n for n in sizes if n != -1)
        if sizes.count(-1) == 1 and known:
            sizes[sizes.index(-1)] = math.prod(given) // known
        if any(n < 0 for n in sizes) or math.prod(sizes) != math.prod(given):
            raise ValueError(
                f"{self.describe()} cannot bring shape {given} into {wanted}: the number of numbers stays; was the "
                "model exported for another batch size, or another length?"
            )
        return tuple(sizes)


class Transpose(_Shaping):
    """y = x with its axes in another order: axis i of y is axis axes[i] of x.

    `Permute` is the same for the axes of a sample.

    Backward: the inverse permutation.

    Parameters
    ----------
    axes
        All axes; None: in reverse order.
    """

    def __init__(self, axes: Sizes | None = None) -> None:
        self.axes = as_ints("Transpose", "axes", axes)
        if self.axes is not None and sorted(self.axes) != list(range(len(self.axes))):
            raise ValueError(f"Transpose needs each axis once, got {self.axes}")

    @checked
    def forward(self, x: Array) -> Array:
        """Map x to a view of it."""
        if self.axes is not None and len(self.axes) != x.ndim:
            raise ValueError(f"{self.describe()} expected {len(self.axes)} axes, got shape {x.shape}")
        return x.transpose(self.axes)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to a view of it, with x's axes."""
        return dy.transpose(None if self.axes is None else np.argsort(self.axes))


class Squeeze(_Shaping):
    """y = x without some axes of size 1.

    Backward: the same numbers, in the old shape.

    Parameters
    ----------
    axes
        Which axes; None: all that have size 1.
    """

    def __init__(self, axes: Sizes | None = None) -> None:
        self.axes = as_ints("Squeeze", "axes", axes)

    @checked
    def forward(self, x: Array) -> Array:
        """Map x to a view of it."""
        self.cache = x.shape
        if self.axes is None:
            return np.asarray(np.squeeze(x))
        if not all(-x.ndim <= axis < x.ndim and x.shape[axis] == 1 for axis in self.axes):
            raise ValueError(f"{self.describe()} expected axes of size 1, got shape {x.shape}")
        return np.asarray(np.squeeze(x, tuple({axis % x.ndim for axis in self.axes})))

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to a view of it, in x's shape."""
        return dy.reshape(self.cache)


class Unsqueeze(_Shaping):
    """y = x with new axes of size 1.

    Backward: the same numbers, in the old shape.

    Parameters
    ----------
    axes
        The places of the new axes in y.
    """

    def __init__(self, axes: Sizes) -> None:
        self.axes = as_ints("Unsqueeze", "axes", axes) or ()

    @checked
    def forward(self, x: Array) -> Array:
        """Map x to a view of it."""
        self.cache = x.shape
        axes = x.ndim + len(self.axes)
        if axes > 64 or len({axis % axes for axis in self.axes if -axes <= axis < axes}) != len(self.axes):
            raise ValueError(f"{self.describe()} cannot add these axes to shape {x.shape}")
        return np.expand_dims(x, self.axes)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to a view of it, in x's shape."""
        return dy.reshape(self.cache)


class Expand(_Shaping):
    """y = x, repeated along its axes of size 1, and along new axes before the first (broadcast).

    Backward: each number is given the sum of dy at all its copies.

    Parameters
    ----------
    shape
        The shape; a size of 1 leaves the axis of x as it is. None: the shape is a second input.
    """

    def __init__(self, shape: Sizes | None = None) -> None:
        self.shape = as_ints("Expand", "shape", shape)

    @checked
    def forward(self, x: Array, shape: NDArray[Any] | None = None) -> Array:
        """Map x to the repeated x."""
        wanted = self.second(shape, self.shape)
        try:
            sizes = np.broadcast_shapes(x.shape, wanted)
        except ValueError:
            raise ValueError(f"{self.describe()} cannot repeat shape {x.shape} to {wanted}") from None
        check_size(self, sizes)
        self.cache = (x.shape, shape is not None)
        return np.broadcast_to(x, sizes).copy()

    @checked
    def backward(self, dy: Array) -> Any:
        """Map dy to dx."""
        shape, several = self.cache
        return self.result(sum_to(dy, shape), several)


class Tile(_Shaping):
    """y = x, laid side by side several times along each axis.

    Backward: each number is given the sum of dy at all its copies.

    Parameters
    ----------
    repeats
        How often, for each axis of x; None: they are a second input.
    """

    def __init__(self, repeats: Sizes | None = None) -> None:
        self.repeats = as_ints("Tile", "repeats", repeats)

    @checked
    def forward(self, x: Array, repeats: NDArray[Any] | None = None) -> Array:
        """Map x to the repeated x."""
        counts = self.second(repeats, self.repeats)
        if len(counts) != x.ndim or any(n < 0 for n in counts):
            raise ValueError(f"{self.describe()} expected one number for each axis of {x.shape}, got {counts}")
        check_size(self, tuple(n * times for n, times in zip(x.shape, counts, strict=True)))
        self.cache = (x.shape, counts, repeats is not None)
        return np.tile(x, counts)

    @checked
    def backward(self, dy: Array) -> Any:
        """Map dy to dx."""
        shape, counts, several = self.cache
        pairs = [n for pair in zip(counts, shape, strict=True) for n in pair]
        dx = dy.reshape(pairs).sum(axis=tuple(range(0, len(pairs), 2)), dtype=dy.dtype)
        return self.result(np.asarray(dx), several)
