"""Products of a Linear layer's forward and backward, for whole steps by compiled code.

If outputs are few, the weights are given transposed, (O, I), because then the long axis is contiguous: the loops here
turn into vector instructions, and take less time than a BLAS. All other products are BLAS's.
"""

from typing import Any

from minnet.compiled.foundation.blas import gemm
from minnet.compiled.foundation.memory import flattened
from minnet.compiled.foundation.numba_code import compiled
from minnet.core.arrays import Array


@compiled
def forward(x: Array, weight: Array, few: bool, y: Array, blas: int) -> None:
    """Write x @ W; if outputs are few, W is given transposed, here and in what follows."""
    if few:
        forward_few(x, weight, y)
    else:
        gemm(blas, x, False, weight, False, y, 0.0)


@compiled
def backward(dy: Array, weight: Array, few: bool, dx: Array, blas: int) -> None:
    """Write dy @ W.T."""
    if few:
        dx[:] = 0
        for n in range(len(dy)):
            for o in range(len(weight)):
                add(dx[n], weight[o], dy[n, o])
    else:
        gemm(blas, dy, False, weight, True, dx, 0.0)


@compiled
def gradient(x: Array, dy: Array, few: bool, g: Array, keep: float, blas: int) -> None:
    """Write x.T @ dy + keep · g into g; if outputs are few, the transpose."""
    if few:
        shrink(flattened(g), keep)
        gradient_few(x, dy, g)
    elif len(x) == 1:
        shrink(flattened(g), keep)
        for i in range(len(g)):
            add(g[i], dy[0], x[0, i])
    else:
        gemm(blas, x, True, dy, False, g, keep)


@compiled
def column_sums(rows: Array, sums: Array) -> None:
    """Write the sum of rows."""
    sums[:] = 0
    for n in range(len(rows)):
        add(sums, rows[n], sums.dtype.type(1))


@compiled
def square_of(numbers: Array) -> Any:
    """Return the sum of squares."""
    s = numbers.dtype.type(0)
    flat = flattened(numbers)
    for i in range(len(flat)):
        s += flat[i] * flat[i]
    return s


@compiled
def shrink(numbers: Array, keep: float) -> None:
    """Multiply by a factor; with 0, what was there does not matter, as in BLAS."""
    if keep == 0:
        numbers[:] = 0
    elif keep != 1:
        factor = numbers.dtype.type(keep)
        for i in range(len(numbers)):
            numbers[i] *= factor


@compiled
def add(row: Array, a: Array, factor: Any) -> None:
    """Add a row times a factor to another row."""
    for i in range(len(row)):
        row[i] += factor * a[i]


@compiled
def forward_few(x: Array, weight: Array, y: Array) -> None:
    """Write x @ W for few outputs; W is given transposed.

    Four samples at a time: each weight is read once for four products.
    """
    blocks, zero = len(x) // 4 * 4, y.dtype.type(0)
    for n in range(0, blocks, 4):
        a, b, c, d = x[n], x[n + 1], x[n + 2], x[n + 3]
        for o in range(len(weight)):
            w = weight[o]
            s = t = u = v = zero
            for i in range(len(w)):
                s += a[i] * w[i]
                t += b[i] * w[i]
                u += c[i] * w[i]
                v += d[i] * w[i]
            y[n, o], y[n + 1, o], y[n + 2, o], y[n + 3, o] = s, t, u, v
    for n in range(blocks, len(x)):
        a = x[n]
        for o in range(len(weight)):
            w, s = weight[o], zero
            for i in range(len(w)):  # a function of two slices costs a microsecond for 128 outputs
                s += a[i] * w[i]
            y[n, o] = s


@compiled
def gradient_few(x: Array, dy: Array, g: Array) -> None:
    """Add (x.T @ dy).T to g, four samples at a time."""
    blocks = len(x) // 4 * 4
    for n in range(0, blocks, 4):
        a, b, c, d = x[n], x[n + 1], x[n + 2], x[n + 3]
        for o in range(len(g)):
            s, t, u, v, row = dy[n, o], dy[n + 1, o], dy[n + 2, o], dy[n + 3, o], g[o]
            for i in range(len(row)):
                row[i] += s * a[i] + t * b[i] + u * c[i] + v * d[i]
    for n in range(blocks, len(x)):
        for o in range(len(g)):
            add(g[o], x[n], dy[n, o])
