"""Normalization gives some numbers mean 0 and variance 1: this module is the arithmetic that all norms share.

They differ only in which numbers are normalized together. Of an array (N, C, L), `BatchNorm1d` takes N·L numbers, one
channel of the whole batch; `GroupNorm` some channels of one sample; `LayerNorm` the last axes of one sample.

Where several processes have a part of a batch each, sums over the batch are added up over the processes, by a function
`add_up`. In one process that is `alone`.
"""

import math
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from minnet.core.arrays import FLOATS, Array, sums
from minnet.core.buffer import LayerArray
from minnet.core.checks import check_number
from minnet.core.twins import twinned

LONGEST = 2**17  # numbers that BLAS adds up in float32 with six correct digits

# The square of x / LARGE is far from both ends of the dtype's range, for every x whose squares leave that range.
LARGE = {dtype: dtype.type(2.0 ** (np.finfo(dtype).maxexp * 3 // 4)) for dtype in FLOATS}

AddUp = Callable[..., tuple[Any, ...]]  # given sums of this process, returns those of all


def alone(*sums: Any) -> tuple[Any, ...]:
    """Return the sums as they are: there is no other process."""
    return sums


over_batch: ContextVar[AddUp] = ContextVar("over_batch", default=alone)  # how sums over a batch are added up


@twinned
def standardize(
    x: Array, axes: tuple[int, ...], eps: float, add_up: AddUp = alone
) -> tuple[Array, Array, Array, Array, int]:
    """Return x̂ = (x − μ) / √(v + ε), 1/√(v + ε), μ and v, the mean and the variance of M numbers along `axes`; and M.

    In μ, v and 1/√(v + ε), `axes` have size 1. The variance is the mean of (x − μ)², and never mean(x²) − μ²: in
    float32, for numbers near 1000 with a variance of 1, the difference of the two squares has no correct digit. μ is
    summed in float64, as in PyTorch, because 1/√ε multiplies its error by 300 if all numbers are equal.
    """
    total, count = add_up(x.sum(axis=axes, keepdims=True, dtype=np.float64), _count(x, axes))
    mean: Array = (total / max(count, 1)).astype(x.dtype)  # an empty batch has no mean
    normalized = x - mean
    inverse_std, variance = inverse_root(normalized, axes, eps, add_up)
    normalized *= inverse_std
    return normalized, inverse_std, mean, variance, count


def inverse_root(x: Array, axes: tuple[int, ...], eps: float, add_up: AddUp = alone) -> tuple[Array, Array]:
    """Return 1/√(s + ε) and s, the mean of x² along `axes`, which become axes of size 1.

    Where squares are too large for the dtype (beyond 1.8e19 in float32), s is infinite, but 1/√(s + ε) is right: it is
    computed of x divided by a large number.
    """
    with np.errstate(over="ignore"):
        square = _mean_of_squares(x, axes, add_up)
        inverse: Array = 1 / np.sqrt(square + eps)
        if (large := np.isinf(square)).any():
            scale = np.where(large, LARGE[x.dtype], x.dtype.type(1))
            inverse = 1 / np.sqrt(_mean_of_squares(x / scale, axes, add_up) + eps / (scale * scale)) / scale
    return inverse, square


@twinned
def standardize_backward(
    g: Array, normalized: Array, inverse_std: Array, axes: tuple[int, ...], add_up: AddUp = alone
) -> tuple[Array, Array, Array]:
    """Return dL/dx = (g − mean of g − x̂ · mean of (g ∘ x̂)) / √(v + ε), given g = dL/dx̂; and Σ g and Σ g ∘ x̂.

    x̂ depends on x in three ways: directly (g), through μ (the mean of g is subtracted), and through v (the part of g
    along x̂ is subtracted). So dL/dx sums to 0 along `axes`: adding a number to all x changes nothing. The means are
    those of all processes, but each returns its own sums: they are its part of dL/dγ and dL/dβ.
    """
    g_sum = sums(g, axes)
    along_sum = sum_of_products(g, normalized, axes)
    all_g, all_along, count = add_up(g_sum, along_sum, _count(g, axes))
    count = max(count, 1)  # of an empty batch
    dx: Array = normalized * (all_along / -count)
    dx += g
    dx -= all_g / count
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


def _mean_of_squares(x: Array, axes: tuple[int, ...], add_up: AddUp) -> Array:
    square, count = add_up(sum_of_products(x, x, axes), _count(x, axes))
    mean: Array = square / max(count, 1)
    return mean


def _count(x: Array, axes: tuple[int, ...]) -> int:
    return math.prod(x.shape[axis] for axis in axes)
