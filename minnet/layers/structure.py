"""A structure layer computes nothing: it hands the same numbers on, as they are, in another shape or order."""

import math

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checks import check_floats, check_gradient
from minnet.core.layer import Layer


class Identity(Layer):
    """y = x, for a place where a layer must stand, such as a branch of `Add` or `Concat`.

    Backward: dL/dx = dy.
    """

    def forward(self, x: Array) -> Array:
        """Return x itself."""
        check_floats(self, x)
        self.cache = (x.shape, x.dtype)
        return x

    def backward(self, dy: Array) -> Array:
        """Return dy itself."""
        check_gradient(self, dy, *self.cache)
        return dy


class Reshape(Layer):
    """y = x with each sample laid out in another shape: (N, ...) becomes (N, shape).

    Backward: the same numbers, in the old shape.

    Parameters
    ----------
    *shape
        The shape of one sample: the batch is not counted, and kept. One size may be −1, for whatever is
        left. No sizes at all make a sample of one number that number: (N, 1) becomes (N,).

    Raises
    ------
    TypeError, ValueError
        If a size is no integer, 0, below −1, or −1 for the second time; in `forward`, if a sample has not
        so many numbers.

    Examples
    --------
    >>> Reshape(1, 28, -1).forward(np.zeros((5, 784), np.float32)).shape
    (5, 1, 28, 28)
    """

    def __init__(self, *shape: int) -> None:
        self.shape = _integers("Reshape", shape)
        if any(n < 1 and n != -1 for n in self.shape) or self.shape.count(-1) > 1:
            raise ValueError(f"{self.describe()} needs sizes >= 1, and -1 at most once")

    def forward(self, x: Array) -> Array:
        """Map x (N, ...) to y (N, *shape)."""
        check_floats(self, x)
        shape = (len(x), *self._of_sample(x.shape))
        self.cache = (x.shape, shape, x.dtype)
        return x.reshape(shape)

    def backward(self, dy: Array) -> Array:
        """Map dy (N, *shape) back to dx (N, ...)."""
        old, new, dtype = self.cache
        check_gradient(self, dy, new, dtype)
        return dy.reshape(old)

    def _of_sample(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the new shape of one sample, −1 filled in: NumPy itself could not, in an empty batch."""
        size, known = math.prod(x_shape[1:]), math.prod(n for n in self.shape if n != -1)
        left = size // known
        if left * known != size or (left != 1 and -1 not in self.shape):
            needed = f"a multiple of {known}" if -1 in self.shape else f"{known}"
            raise ValueError(
                f"{self.describe()} expected samples of {needed} numbers, got x of shape {x_shape}, whose samples have "
                f"{size} (the batch axis is not counted, and kept): use sizes whose product is {size}, or -1 for one"
            )
        return tuple(left if n == -1 else n for n in self.shape)

    def describe(self) -> str:
        """Say in one line what this layer is, such as ``Reshape(1, 28, -1)``."""
        return f"Reshape({', '.join(map(str, self.shape))})"


class Permute(Layer):
    """y = x with its axes in another order: axis i of y is axis axes[i] of x.

    Backward: the inverse permutation, which puts axis i of dy back to place axes[i].

    Parameters
    ----------
    *axes
        All axes, numbered as NumPy's ``transpose`` and PyTorch's ``permute`` do: the batch is axis 0. It
        stays the first, so the first number is 0: ``Permute(0, 2, 1)`` swaps the axes of (N, T, C), and
        ``Permute(0, 3, 1, 2)`` makes (N, C, H, W) of (N, H, W, C).

    Raises
    ------
    TypeError, ValueError
        If they are not integers that name each axis once, 0 first; in `forward`, if x has not so many axes.

    Examples
    --------
    >>> Permute(0, 2, 1).forward(np.zeros((5, 7, 3), np.float32)).shape
    (5, 3, 7)
    """

    def __init__(self, *axes: int) -> None:
        self.axes = tuple(a + len(axes) if a < 0 else a for a in _integers("Permute", axes))
        if sorted(self.axes) != list(range(len(axes))) or self.axes[:1] != (0,):
            raise ValueError(
                f"Permute({', '.join(map(str, axes))}) must name each axis once, and the batch, axis 0, first: "
                "to swap the other two axes of (N, T, C), Permute(0, 2, 1)"
            )

    def forward(self, x: Array) -> Array:
        """Map x to a view of it."""
        check_floats(self, x)
        if x.ndim != len(self.axes):
            raise ValueError(
                f"{self.describe()} expected {len(self.axes)} axes, the batch included, got shape {x.shape}"
            )
        y = x.transpose(self.axes)
        self.cache = (y.shape, y.dtype)
        return y

    def backward(self, dy: Array) -> Array:
        """Map dy to a view of it, with x's axes."""
        check_gradient(self, dy, *self.cache)
        return dy.transpose(np.argsort(self.axes))

    def describe(self) -> str:
        """Say in one line what this layer is, such as ``Permute(0, 2, 1)``."""
        return f"Permute({', '.join(map(str, self.axes))})"


def _integers(owner: str, values: tuple[object, ...]) -> tuple[int, ...]:
    integers = []
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            cure = f": pass the numbers one by one, {owner}(*numbers)" if isinstance(value, (tuple, list)) else ""
            raise TypeError(f"{owner} expected ints, got {type(value).__name__}{cure}")
        integers.append(int(value))
    return tuple(integers)
