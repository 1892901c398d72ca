"""Arithmetic of several arrays, number by number, and their product as matrices: for the nodes of a `Graph`.

The arrays may have different shapes: as in NumPy, an axis of size 1, or one that is missing at the front, is repeated
(broadcast). A number that is repeated has a share in all numbers that are made of its copies. So dL/d(it) is the sum
of what belongs to them: `sum_to`.
"""

from typing import Any

import numpy as np

from minnet.core.arrays import Array, as_rows, sums
from minnet.core.checked import checked
from minnet.core.checks import named
from minnet.core.layer import Layer
from minnet.layers.operations.allocation import check_size

Shape = tuple[int, ...]


def sum_to(dy: Array, shape: Shape) -> Array:
    """Return the sum of dy over the axes along which an array of that shape was repeated: the backward of broadcast."""
    if dy.shape == shape:
        return dy
    front = dy.ndim - len(shape)
    repeated = [front + i for i, n in enumerate(shape) if n == 1 and dy.shape[front + i] != 1]
    return np.reshape(sums(dy, (*range(front), *repeated)), shape)


def broadcast(owner: Layer, *shapes: Shape) -> Shape:
    """Return the shape that arrays of these shapes have together; a ValueError, if they do not fit."""
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(
            f"{owner.describe()} expected arrays of one shape, or with axes of size 1 in its place, got "
            f"{' and '.join(map(str, shapes))}"
        ) from None
    check_size(owner, shape)
    return shape


class Arithmetic(Layer):
    """The base of layers that compute with several arrays of one dtype, number by number."""

    count: int | None = 2  # of the arrays; None: one or more

    def check(self, *xs: Array) -> None:
        """Check that x_1, x_2, … are arrays of numbers of one dtype, whose shapes fit."""
        if not xs or (self.count or len(xs)) != len(xs):
            expected = f"{self.count} arrays" if self.count else "at least one array"
            raise TypeError(f"{self.describe()} expected {expected}, got {len(xs)}: in a Graph, wires says which")
        for x in xs:
            if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiu" or x.dtype != xs[0].dtype:
                kinds = ", ".join(str(x.dtype) if isinstance(x, np.ndarray) else named(x) for x in xs)
                raise TypeError(
                    f"{self.describe()} expected arrays of numbers of one dtype, such as float32, got {kinds}: "
                    "x.astype(np.float32) converts one"
                )
        broadcast(self, *(x.shape for x in xs))


class Sum(Arithmetic):
    """y = x_1 + … + x_n.

    Backward: ∂y/∂x_i = 1, so each x_i is given dy, summed over the axes along which x_i was repeated.

    It joins ways through a `Graph`, such as those of a residual network.

    Examples
    --------
    >>> Sum().forward(np.array([[1.0], [2.0]]), np.array([10.0, 20.0])).tolist()
    [[11.0, 21.0], [12.0, 22.0]]
    """

    count = None

    @checked
    def forward(self, *xs: Array) -> Array:
        """Map x_1, …, x_n to their sum."""
        self.cache = [x.shape for x in xs]
        y = xs[0]
        for x in xs[1:]:
            y = np.asarray(y + x)
        return y

    @checked
    def backward(self, dy: Array) -> Any:
        """Map dy to dx_1, …, dx_n; of a single x, to dx."""
        gradients = tuple(sum_to(dy, shape) for shape in self.cache)
        return gradients if len(gradients) > 1 else gradients[0]


class Subtract(Arithmetic):
    """y = a − b.

    Backward: ∂y/∂a = 1 and ∂y/∂b = −1, each summed over the axes along which the array was repeated.

    Examples
    --------
    >>> Subtract().forward(np.array([3.0, 5.0]), np.array([1.0])).tolist()
    [2.0, 4.0]
    """

    @checked
    def forward(self, a: Array, b: Array) -> Array:
        """Map a and b to a − b."""
        self.cache = (a.shape, b.shape)
        return np.asarray(a - b)

    @checked
    def backward(self, dy: Array) -> tuple[Array, Array]:
        """Map dy to da and db."""
        a, b = self.cache
        return sum_to(dy, a), sum_to(np.asarray(-dy), b)


class Multiply(Arithmetic):
    """y = a ∘ b, number by number.

    Backward: ∂y/∂a = b and ∂y/∂b = a, so da = dy ∘ b and db = dy ∘ a, each summed over the axes along which the array
    was repeated.

    Examples
    --------
    >>> Multiply().forward(np.array([3.0, 5.0]), np.array([2.0])).tolist()
    [6.0, 10.0]
    """

    @checked
    def forward(self, a: Array, b: Array) -> Array:
        """Map a and b to a ∘ b."""
        self.cache = (a, b)
        return np.asarray(a * b)

    @checked
    def backward(self, dy: Array) -> tuple[Array, Array]:
        """Map dy to da and db."""
        a, b = self.cache
        return sum_to(np.asarray(dy * b), a.shape), sum_to(np.asarray(dy * a), b.shape)


class Divide(Arithmetic):
    """y = a / b, number by number; whole numbers are divided as in C, towards zero.

    Backward: ∂y/∂a = 1/b and ∂y/∂b = −a/b² = −y/b, so da = dy/b and db = −da ∘ y, each summed over the axes along which
    the array was repeated.

    Examples
    --------
    >>> Divide().forward(np.array([3.0, 5.0]), np.array([2.0])).tolist()
    [1.5, 2.5]
    """

    @checked
    def forward(self, a: Array, b: Array) -> Array:
        """Map a and b to a / b."""
        if a.dtype.kind != "f":
            return _whole_quotient(self, a, b)  # type: ignore[no-any-return]
        with np.errstate(divide="ignore", invalid="ignore"):  # 1/0 is infinite, as in every framework
            y = np.asarray(a / b)
        self.cache = (a.shape, b, y)
        return y

    @checked
    def backward(self, dy: Array) -> tuple[Array, Array]:
        """Map dy to da and db."""
        a, b, y = self.cache
        with np.errstate(divide="ignore", invalid="ignore"):
            da = np.asarray(dy / b)
            return sum_to(da, a), sum_to(np.asarray(-da * y), b.shape)


class MatMul(Arithmetic):
    """y = a @ b, the product of matrices (…, N, K) and (…, K, M); leading axes are a batch, and are broadcast.

    Backward, for y_nm = Σ_k a_nk b_km: da = dy @ bᵀ and db = aᵀ @ dy, as in `Linear`, each summed over the leading axes
    along which the array was repeated. A vector (K,) is a matrix of one row in place of a, of one column in place of b.

    Examples
    --------
    >>> MatMul().forward(np.ones((5, 2, 3)), np.ones((3, 4))).shape
    (5, 2, 4)
    """

    def check(self, *xs: Array) -> None:
        """Check that a and b are arrays of floats of one dtype, and that their products are there."""
        if len(xs) != 2 or any(not isinstance(x, np.ndarray) or x.dtype.kind not in "fiu" for x in xs):
            raise TypeError(f"{self.describe()} expected two arrays, got {', '.join(map(named, xs))}")
        a, b = xs
        if a.dtype != b.dtype:
            raise TypeError(f"{self.describe()} expected arrays of one dtype, got {a.dtype} and {b.dtype}")
        if not (a.ndim and b.ndim) or a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
            raise ValueError(
                f"{self.describe()} expected (..., N, K) and (..., K, M), got {a.shape} and {b.shape}: the last axis "
                "of the first is as long as the last but one of the second"
            )
        batch = broadcast(self, a.shape[:-2], b.shape[:-2])
        check_size(self, (*batch, *a.shape[-2:-1], *(b.shape[-1:] if b.ndim > 1 else ())))

    @checked
    def forward(self, a: Array, b: Array) -> Array:
        """Map a (…, N, K) and b (…, K, M) to y (…, N, M)."""
        self.cache = (a, b)
        return np.asarray(a @ b)

    @checked
    def backward(self, dy: Array) -> tuple[Array, Array]:
        """Map dy to da and db."""
        a, b = self.cache
        rows = a[None] if a.ndim == 1 else a
        columns = b[:, None] if b.ndim == 1 else b
        if a.ndim == 1:
            dy = np.expand_dims(dy, -1 if b.ndim == 1 else -2)
        if b.ndim == 1:
            dy = dy[..., None]
        da = dy @ columns.swapaxes(-1, -2)
        # Of one matrix b, there is one product, and not one for each matrix of the batch, to be added up.
        db = as_rows(rows).T @ as_rows(dy) if b.ndim <= 2 else rows.swapaxes(-1, -2) @ dy
        return sum_to(da, rows.shape).reshape(a.shape), sum_to(db, columns.shape).reshape(b.shape)


def _whole_quotient(owner: Layer, a: Any, b: Any) -> Any:
    if not np.all(b):
        raise ValueError(f"{owner.describe()} got whole numbers to divide by 0")
    quotient = np.abs(a) // np.abs(b)
    return np.asarray(np.where((a < 0) != (b < 0), -quotient, quotient).astype(a.dtype))
