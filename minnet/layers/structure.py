"""A structure layer computes nothing: it returns the same numbers, unchanged or in another shape or order."""

import math

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_floats, check_int
from minnet.core.layer import Layer


class Flatten(Layer):
    """y = x with all axes after the first merged into one: (N, H, W) becomes (N, H·W).

    Backward: the same numbers, in the old shape. An array of one axis is returned as it is.
    """

    mixes_places = True  # it moves them, so that a mask is not that of y

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (N, ...) to y (N, product of the rest)."""
        self.cache = x.shape
        return x.reshape(*x.shape[:1], math.prod(x.shape[1:])) if x.ndim > 1 else x

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (N, product) back to dx (N, ...)."""
        return dy.reshape(self.cache)


class Identity(Layer):
    """y = x, for a place where a layer must stand, such as a branch of `Add` or `Concat`.

    Backward: dL/dx = dy.
    """

    @checked
    def forward(self, x: Array) -> Array:
        """Return x itself."""
        return x

    @checked
    def backward(self, dy: Array) -> Array:
        """Return dy itself."""
        return dy


class Reshape(Layer):
    """y = x with each sample in another shape: (N, ...) becomes (N, shape).

    Backward: the same numbers, in the old shape.

    Parameters
    ----------
    *shape
        The shape of one sample, without the batch axis, which stays. One size may be −1: it is computed
        from the others. With no sizes at all, a sample of one number becomes that number: (N, 1) becomes (N,).

    Examples
    --------
    >>> Reshape(1, 28, -1).forward(np.zeros((5, 784), np.float32)).shape
    (5, 1, 28, 28)
    """

    mixes_places = True  # it moves them, so that a mask is not that of y

    def __init__(self, *shape: int) -> None:
        self.shape = _integers("Reshape", "size", shape)
        if any(n < 1 and n != -1 for n in self.shape) or self.shape.count(-1) > 1:
            raise ValueError(f"{self.describe()} needs sizes >= 1, and -1 at most once")
        self._known = math.prod(n for n in self.shape if n != -1)  # the product of the sizes that are given

    def check(self, x: Array) -> None:
        """Check that a sample has as many numbers as the new shape."""
        check_floats(self, x)
        size, known = math.prod(x.shape[1:]), self._known
        if size % known or (size != known and -1 not in self.shape):
            needed = f"a multiple of {known}" if -1 in self.shape else f"{known}"
            raise ValueError(
                f"{self.describe()} expected samples of {needed} numbers, got x of shape {x.shape}, whose samples have "
                f"{size} (the batch axis is not counted, and stays): use sizes whose product is {size}, or -1 for one"
            )

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (N, ...) to y (N, *shape)."""
        self.cache = x.shape
        left = math.prod(x.shape[1:]) // self._known  # NumPy itself could not compute it in an empty batch
        return x.reshape(len(x), *(left if n == -1 else n for n in self.shape))

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (N, *shape) back to dx (N, ...)."""
        return dy.reshape(self.cache)

    def describe(self) -> str:
        """Say in one line what this layer is, such as ``Reshape(1, 28, -1)``."""
        return f"Reshape({', '.join(map(str, self.shape))})"


class Permute(Layer):
    """y = x with its axes in another order: axis i of y is axis axes[i] of x.

    Backward: the inverse permutation, which moves axis i of dy back to place axes[i].

    Parameters
    ----------
    *axes
        All axes, numbered as in NumPy's ``transpose`` and PyTorch's ``permute``: the batch is axis 0. It
        stays the first, so the first number is 0: ``Permute(0, 2, 1)`` swaps the axes of (N, T, C), and
        ``Permute(0, 3, 1, 2)`` turns (N, H, W, C) into (N, C, H, W).

    Examples
    --------
    >>> Permute(0, 2, 1).forward(np.zeros((5, 7, 3), np.float32)).shape
    (5, 3, 7)
    """

    mixes_places = True  # it moves them, so that a mask is not that of y

    def __init__(self, *axes: int) -> None:
        self.axes = tuple(a + len(axes) if a < 0 else a for a in _integers("Permute", "axis", axes))
        if sorted(self.axes) != list(range(len(axes))) or self.axes[:1] != (0,):
            raise ValueError(
                f"Permute({', '.join(map(str, axes))}) must name each axis once, and the batch, axis 0, first: "
                "to swap the other two axes of (N, T, C), use Permute(0, 2, 1)"
            )

    def check(self, x: Array) -> None:
        """Check that x has as many axes as the permutation."""
        check_floats(self, x)
        if x.ndim != len(self.axes):
            raise ValueError(
                f"{self.describe()} expected {len(self.axes)} axes, the batch included, got shape {x.shape}"
            )

    @checked
    def forward(self, x: Array) -> Array:
        """Map x to a view of it."""
        return x.transpose(self.axes)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to a view of it, with x's axes."""
        return dy.transpose(np.argsort(self.axes))

    def describe(self) -> str:
        """Say in one line what this layer is, such as ``Permute(0, 2, 1)``."""
        return f"Permute({', '.join(map(str, self.axes))})"


def _integers(owner: str, name: str, values: tuple[object, ...]) -> tuple[int, ...]:
    """Return the arguments of a layer that takes any number of integers."""
    for value in values:
        if isinstance(value, (tuple, list)):
            raise TypeError(
                f"{owner} expected ints, got {type(value).__name__}: pass the numbers one by one, {owner}(*numbers)"
            )
    return tuple(check_int(owner, name, value, least=None) for value in values)
