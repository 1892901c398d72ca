"""Parts of arrays, taken out or joined: `Slice`, `Gather`, `Join` and `Triangle`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_int
from minnet.core.checks import named as what_is
from minnet.core.layer import Layer
from minnet.layers.operations.allocation import check_size
from minnet.layers.operations.constants import whole_numbers
from minnet.layers.operations.shapes import Sizes, as_ints


def check_arrays(owner: Layer, xs: tuple[Any, ...]) -> None:
    """Check that these are arrays."""
    if not xs or not all(isinstance(x, np.ndarray) for x in xs):
        raise TypeError(f"{owner.describe()} expected arrays, got {', '.join(map(what_is, xs)) or 'none'}")


class Slice(Layer):
    """y = the part of x from a start to before an end along some axes, as ``x[start:end:step]``.

    Backward: what was taken is given its dy, and the rest 0.

    Parameters
    ----------
    starts, ends
        For each of the axes; negative ones count from the end. None: they, and perhaps the axes and steps, are further
        inputs.
    axes
        Which axes; None: the first ones.
    steps
        The distance from one to the next, which may be negative; None: 1.
    """

    def __init__(
        self,
        starts: Sizes | None = None,
        ends: Sizes | None = None,
        axes: Sizes | None = None,
        steps: Sizes | None = None,
    ) -> None:
        self.starts, self.ends = as_ints("Slice", "starts", starts), as_ints("Slice", "ends", ends)
        self.axes, self.steps = as_ints("Slice", "axes", axes), as_ints("Slice", "steps", steps)

    def check(self, *xs: Any) -> None:
        """Check that x is an array."""
        check_arrays(self, xs)

    @checked
    def forward(self, x: Array, *numbers: NDArray[Any]) -> Array:
        """Map x, and perhaps starts, ends, axes and steps, to the part of x."""
        own = (self.starts, self.ends, self.axes, self.steps)
        given = tuple(whole_numbers(self, n) for n in numbers) + own[len(numbers) :]
        place = self._place(x.ndim, *given)
        self.cache = (x.shape, place, len(numbers))
        return x[place]

    @checked
    def backward(self, dy: Array) -> Any:
        """Map dy to dx."""
        shape, place, others = self.cache
        dx = np.zeros(shape, dy.dtype)
        dx[place] = dy
        return (dx, *[None] * others) if others else dx

    def _place(
        self, ndim: int, starts: Sizes | None, ends: Sizes | None, axes: Sizes | None, steps: Sizes | None
    ) -> tuple[slice, ...]:
        starts, ends = starts or (), ends or ()
        axes = tuple(range(len(starts))) if axes is None else axes
        steps = (1,) * len(starts) if steps is None else steps
        fits = len(starts) == len(ends) == len(axes) == len(steps) and all(-ndim <= axis < ndim for axis in axes)
        if not fits or 0 in steps or len({axis % ndim for axis in axes}) < len(axes):
            raise ValueError(
                f"{self.describe()} cannot take starts {starts}, ends {ends}, axes {axes} and steps {steps} of an "
                f"array of {ndim} axes"
            )
        place = [slice(None)] * ndim
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
            # An end before the first number is written as −2⁶³ or so; in Python, −1 would mean the last.
            before_first = step < 0 and end < -(1 << 31)
            place[axis % ndim] = slice(start, None if before_first else end, step)
        return tuple(place)


class Gather(Layer):
    """y = the parts of x with the given numbers along an axis; a single number takes the axis away.

    Backward: a part that was taken several times is given the sum of its dy, and one that was not taken 0.

    Parameters
    ----------
    axis
        Which axis.
    index
        The number of one part; None: the numbers are a second input, an array of any shape.
    """

    def __init__(self, axis: int = 0, index: int | None = None) -> None:
        self.axis = check_int("Gather", "axis", axis, None)
        self.index = None if index is None else check_int("Gather", "index", index, None)

    def check(self, *xs: Any) -> None:
        """Check that x has the axis, and that the numbers are whole."""
        check_arrays(self, xs)
        if len(xs) != 1 + (self.index is None) or not -xs[0].ndim <= self.axis < xs[0].ndim:
            raise ValueError(
                f"{self.describe()} expected {'x' if self.index is not None else 'x and numbers'}, x with axis "
                f"{self.axis}, got {', '.join(map(what_is, xs))}"
            )
        if xs[-1].dtype.kind not in "iu" and len(xs) > 1:
            raise TypeError(f"{self.describe()} expected whole numbers of parts, got {xs[-1].dtype}")

    @checked
    def forward(self, x: Array, numbers: NDArray[Any] | None = None) -> Array:
        """Map x, and perhaps numbers, to the parts of x."""
        index = np.asarray(self.index if numbers is None else numbers)
        size = x.shape[self.axis]
        if index.size and not (-size <= index.min() and index.max() < size):
            raise ValueError(
                f"{self.describe()} expected numbers from {-size} to {size - 1}, those of axis {self.axis} of shape "
                f"{x.shape}, got {index.min()} to {index.max()}"
            )
        axis = self.axis % x.ndim
        check_size(self, (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]))
        self.cache = (x.shape, index, axis, numbers is not None)
        return np.asarray(x.take(index.astype(np.intp), axis=axis))

    @checked
    def backward(self, dy: Array) -> Any:
        """Map dy to dx; to (dx, None), if the numbers were an input."""
        shape, index, axis, several = self.cache
        dx = np.zeros(shape, dy.dtype)
        rows = np.moveaxis(dx, axis, 0)  # a view
        parts = np.moveaxis(dy, range(axis, axis + index.ndim), range(index.ndim))
        if index.ndim == 0:
            rows[index] = parts
        else:
            np.add.at(rows, index, parts)
        return (dx, None) if several else dx


class Join(Layer):
    """y = x_1, …, x_n, one after another along an axis; their other axes agree.

    `Concat` joins what its branches make of one x.

    Backward: dy is split at the same places.

    Parameters
    ----------
    axis
        Which axis.
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = check_int("Join", "axis", axis, None)

    def check(self, *xs: Any) -> None:
        """Check that the arrays fit each other."""
        check_arrays(self, xs)
        shapes, ndim = [x.shape for x in xs], xs[0].ndim
        fits = all(len(shape) == ndim for shape in shapes) and -ndim <= self.axis < ndim
        axis = self.axis % ndim if fits else 0
        if not fits or len({(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}) > 1:
            raise ValueError(
                f"{self.describe()} expected arrays whose axes agree but for axis {self.axis}, got "
                f"{' and '.join(map(str, shapes[:8]))}"
            )
        if len({x.dtype for x in xs}) > 1:
            raise TypeError(
                f"{self.describe()} expected arrays of one dtype, got {', '.join(str(x.dtype) for x in xs)}"
            )
        check_size(self, (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :]))

    @checked
    def forward(self, *xs: Array) -> Array:
        """Map x_1, …, x_n to the joined array."""
        self.cache = np.cumsum([x.shape[self.axis] for x in xs])[:-1]
        return np.concatenate(xs, self.axis)

    @checked
    def backward(self, dy: Array) -> Any:
        """Map dy to dx_1, …, dx_n; of a single x, to dx."""
        parts = tuple(np.split(dy, self.cache, self.axis))
        return parts if len(parts) > 1 else parts[0]


class Triangle(Layer):
    """y = the matrices x (…, N, M) with zeros above, or below, a diagonal.

    Backward: what was kept is given its dy, and the rest 0.

    Parameters
    ----------
    upper
        Whether the part above the diagonal is kept, and not that below.
    diagonal
        Which diagonal, counted upwards from the main one.
    """

    def __init__(self, upper: bool = True, diagonal: int = 0) -> None:
        self.upper = bool(upper)
        self.diagonal = check_int("Triangle", "diagonal", diagonal, None)

    def check(self, x: Any) -> None:
        """Check that x is matrices."""
        check_arrays(self, (x,))
        if x.ndim < 2:
            raise ValueError(f"{self.describe()} expected matrices (..., N, M), got shape {x.shape}")

    @checked
    def forward(self, x: Array) -> Array:
        """Map x to the triangles."""
        return self._kept(x)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to its triangles."""
        return self._kept(dy)

    def _kept(self, x: Array) -> Array:
        rows, columns = x.shape[-2:]
        diagonal = min(max(self.diagonal, -rows), columns)  # outside the matrices, one is as good as another
        return np.triu(x, diagonal) if self.upper else np.tril(x, diagonal)
