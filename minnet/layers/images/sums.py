"""Sums over all windows of a batch, such as a convolution's gradients: few rows of very many numbers."""

import numpy as np

from minnet.core.arrays import Array

SMALL, MOST_PARTS = 900_000, 64  # multiplications of one part, and how many parts pay
LONGEST = 2**14  # numbers: every BLAS adds up so many float32 with a relative error below 3e-5, even equal ones


def inner_products(columns: Array, rows: Array, pixels: int) -> Array:
    """Return columns @ rowsᵀ, (G, M, O), for columns (G, M, P) and rows (G, O, P); P is a multiple of `pixels`.

    For few rows of very many numbers, the sum over P is cut into parts, because OpenBLAS multiplies small matrices
    without copying them first. Under AVX-512, that takes a third of the time for one channel; elsewhere, it takes as
    long as one product.
    """
    (groups, m, p), o = columns.shape, rows.shape[1]
    least = -(-m * o * p // SMALL)
    fitting = (n for n in range(least, 2 * MOST_PARTS) if pixels % n == 0)
    parts = next(fitting, 1) if 1 < least <= MOST_PARTS else 1
    if parts == 1:
        products: Array = columns @ rows.swapaxes(1, 2)
        return products
    columns = columns.reshape(groups, m, parts, -1).swapaxes(1, 2)
    products = columns @ rows.reshape(groups, o, parts, -1).transpose(0, 2, 3, 1)  # (G, parts, M, O)
    summed: Array = products.sum(axis=1)
    return summed


def totals(rows: Array, parts: int) -> Array:
    """Return the sum of each of rows (G, O, P), as (G·O,); P is a multiple of `parts`.

    It is a product with ones, in parts, which are then added up. That takes a third of the time of NumPy's sum, which
    adds up long parts, because some BLAS add one number after the other.
    """
    groups, o, p = rows.shape
    length = p // parts
    if length > LONGEST:
        return np.asarray(rows.sum(axis=2).reshape(-1))
    summed: Array = (rows.reshape(groups * o, parts, length) @ np.ones(length, rows.dtype)).sum(axis=1)
    return summed
