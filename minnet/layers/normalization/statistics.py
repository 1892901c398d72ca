"""Normalization gives some numbers mean 0 and variance 1: this module is the arithmetic that all norms share.

They differ only in which numbers are normalized together. Of an array (N, C, L), `BatchNorm1d` takes N·L numbers, one
channel of the whole batch; `GroupNorm` some channels of one sample; `LayerNorm` the last axes of one sample.
"""

import math

import numpy as np

from minnet.core.arrays import Array, sums
from minnet.core.buffer import LayerArray
from minnet.core.checks import check_number

LONGEST = 2**17  # numbers that BLAS adds up in float32 with six correct digits


def standardize(x: Array, axes: tuple[int, ...], eps: float) -> tuple[Array, Array, Array, Array]:
    """Return x̂ = (x − μ) / √(v + ε), 1/√(v + ε), μ and v, with μ and v the mean and the variance along `axes`.

    In all but x̂, `axes` have size 1. The variance is the mean of (x − μ)², and never mean(x²) − μ²: in float32, for
    numbers near 1000 with a variance of 1, the difference of the two squares has no correct digit. μ is summed in
    float64, as in PyTorch, because 1/√ε multiplies its error by 300 if all numbers are equal.
    """
    mean: Array = (x.sum(axis=axes, keepdims=True, dtype=np.float64) / _count(x, axes)).astype(x.dtype)
    normalized = x - mean
    inverse_std, variance = inverse_root(normalized, axes, eps)
    normalized *= inverse_std
    return normalized, inverse_std, mean, variance


def inverse_root(x: Array, axes: tuple[int, ...], eps: float | Array) -> tuple[Array, Array]:
    """Return 1/√(s + ε) and s, the mean of x² along `axes`, which become axes of size 1.

    Where squares are too large for the dtype (beyond 1.8e19 in float32), s is infinite, but 1/√(s + ε) is right: x is
    divided by its largest number first.
    """
    with np.errstate(over="ignore"):
        square = sum_of_products(x, x, axes) / _count(x, axes)
        inverse: Array = 1 / np.sqrt(square + eps)
        if (large := np.isinf(square)).any():
            scale = np.where(large, np.abs(x).max(axis=axes, keepdims=True), x.dtype.type(1))
            with np.errstate(invalid="ignore"):  # infinity in x, which gives NaN
                inverse = inverse_root(x / scale, axes, eps / (scale * scale))[0] / scale
    return inverse, square


def standardize_backward(
    g: Array, normalized: Array, inverse_std: Array, axes: tuple[int, ...]
) -> tuple[Array, Array, Array]:
    """Return dL/dx = (g − mean of g − x̂ · mean of (g ∘ x̂)) / √(v + ε), given g = dL/dx̂; and Σ g and Σ g ∘ x̂.

    x̂ depends on x in three ways: directly (g), through μ (the mean of g is subtracted), and through v (the part of g
    along x̂ is subtracted). So dL/dx sums to 0 along `axes`: adding a number to all x changes nothing.
    """
    count = _count(g, axes)
    g_sum = sums(g, axes)
    along_sum = sum_of_products(g, normalized, axes)
    dx: Array = normalized * (along_sum / -count)
    dx += g
    dx -= g_sum / count
    dx *= inverse_std
    return dx, g_sum, along_sum


def sum_of_products(a: Array, b: Array, axes: tuple[int, ...]) -> Array:
    """Σ a ∘ b along `axes`, which become axes of size 1; a and b have the same shape."""
    first = a.ndim - len(axes)
    size = math.prod(a.shape[first:])
    are_last = tuple(axis % a.ndim for axis in axes) == tuple(range(first, a.ndim))
    if axes and are_last and size <= LONGEST and a.flags.c_contiguous and b.flags.c_contiguous:
        # One call of BLAS a sample, and no array for a ∘ b: for 2,000 rows of 128, a third of the last line's time.
        shape = (*a.shape[:first], size)
        total: Array = np.vecdot(a.reshape(shape), b.reshape(shape)).reshape(*shape[:-1], *[1] * len(axes))
        return total
    return sums(a * b, axes)


def check_eps(owner: str, eps: float) -> float:
    """Return ε, which must be positive: if all numbers are equal, 1/√(v + 0) is infinite."""
    return check_number(owner, "eps", eps, above=0, why="1/√(variance + eps) must be finite")


def per_channel(array: LayerArray, ndim: int) -> Array:
    """Return the values (C,) as (C, 1, ...), which broadcast with an array (N, C, ...) of `ndim` axes."""
    return array.data.reshape(-1, *[1] * (ndim - 2))


def _count(x: Array, axes: tuple[int, ...]) -> int:
    size: int = math.prod(x.shape[axis] for axis in axes)
    return max(size, 1)  # an empty batch has no mean
