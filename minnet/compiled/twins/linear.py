"""A twin of `Linear`: two calls a step that need no lock of Python, so that several threads wait less for each other.

A product is added to rows of the bias. BLAS would else begin with rows of zeros, and NumPy would pass over y again.
"""

from typing import Any

import numpy as np

from minnet.compiled.foundation.blas import address, gemm
from minnet.compiled.foundation.numba_code import compiled
from minnet.core.arrays import ROWS, Array, as_rows, with_axes_of
from minnet.layers.linear import Linear

ENOUGH = 2**14  # numbers in y: for fewer, the calls of NumPy take no longer
FLOAT = np.dtype(np.float32)


@compiled
def forward_rows(x: Array, weight: Array, bias: Array, y: Array, blas: int) -> None:
    """Write x @ W + b; without a bias, that has no numbers."""
    if bias.size:
        for n in range(len(y)):
            y[n] = bias
    gemm(blas, x, False, weight, False, y, 1.0 if bias.size else 0.0)


@compiled
def backward_rows(
    x: Array, dy: Array, weight: Array, dw: Array, keep_w: float, db: Array, keep_b: float, dx: Array, blas: int
) -> None:
    """Write dL/dW + keep_w · dw and dL/db + keep_b · db there, and dL/dx; without a bias, or dx, that has no numbers.

    The factors are 1, or 0 where the old numbers do not count.
    """
    gemm(blas, x, True, dy, False, dw, keep_w)
    if db.size:
        add_columns(dy, db, keep_b)
    if dx.size:
        gemm(blas, dy, False, weight, True, dx, 0.0)


@compiled
def add_columns(rows: Array, sums: Array, keep: float) -> None:
    """Write the sums of columns + keep · sums: some rows at a time, which are added up in float64."""
    total, part = np.zeros(len(sums)), np.zeros_like(sums)
    if keep != 0:
        total[:] = sums
    for start in range(0, len(rows), ROWS):
        part[:] = 0
        for n in range(start, min(start + ROWS, len(rows))):
            row = rows[n]
            for i in range(len(row)):
                part[i] += row[i]
        for i in range(len(part)):
            total[i] += part[i]
    for i in range(len(sums)):
        sums[i] = total[i]


def forward(self: Any, x: Array) -> Array:
    """Do as `Linear.forward`."""
    rows, weight = as_rows(x), self.weight.data
    if not _fit(rows, weight, (len(rows), weight.shape[1])):
        return FORWARD(self, x)  # type: ignore[no-any-return]
    self.cache, y = rows, np.empty((len(rows), weight.shape[1]), FLOAT)
    forward_rows(rows, weight, NO_BIAS if self.bias is None else self.bias.data, y, address(FLOAT))
    return with_axes_of(x, y)


def backward(self: Any, dy: Array) -> Array:
    """Do as `Linear.backward`."""
    dx = np.empty_like(self.cache)
    return with_axes_of(dy, dx) if _add_gradients(self, dy, dx) else BACKWARD(self, dy)


def accumulate_grad(self: Any, dy: Array) -> None:
    """Do as `Linear.accumulate_grad`."""
    if not _add_gradients(self, dy, NO_DX):
        ACCUMULATE_GRAD(self, dy)


def _add_gradients(self: Any, dy: Array, dx: Array) -> bool:
    """Add dL/dW and dL/db, and write dL/dx; or do nothing and return False, because the kernel is not for these."""
    x, rows, weight = self.cache, as_rows(dy), self.weight.data
    if not (_fit(x, weight, rows.shape) and _is_plain(rows)):
        return False
    dw, keep_w = self.weight.grad_to_write()
    db, keep_b = (NO_BIAS, False) if self.bias is None else self.bias.grad_to_write()
    backward_rows(x, rows, weight, dw, float(keep_w), db, float(keep_b), dx, address(FLOAT))
    return True


def _fit(x: Array, weight: Array, shape: tuple[int, ...]) -> bool:
    """Whether the kernels are for rows x, the weights, and y or dy of this shape, and faster."""
    fitting = x.shape[1:] == weight.shape[:1] and shape == (len(x), weight.shape[1])
    return fitting and len(x) * weight.shape[1] >= ENOUGH and _is_plain(x) and _is_plain(weight)


def _is_plain(rows: Array) -> bool:
    return rows.dtype == FLOAT and rows.flags.c_contiguous


NO_BIAS, NO_DX = np.empty(0, FLOAT), np.empty((0, 0), FLOAT)
FORWARD, BACKWARD, ACCUMULATE_GRAD = (vars(Linear)[name].formula for name in ("forward", "backward", "accumulate_grad"))
TWINS: dict[Any, Any] = {FORWARD: forward, BACKWARD: backward, ACCUMULATE_GRAD: accumulate_grad}
