"""An array is what flows through a network: float32 or float64. Here are its dtypes, views and sums."""

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]

FEW_CLASSES, ROWS = 32, 1024
BYTE_SCALE = 1 / 256  # what uint8 is multiplied by, if nothing else is said: the class notebook's pixels are value/256

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
# Numbers that ufuncs are called with, as arrays without an axis: NumPy takes 0.2 µs to make one of a number.
TINY = {dtype: np.asarray(np.finfo(dtype).tiny, dtype) for dtype in FLOATS}  # the smallest normal number
ZERO = {dtype: np.zeros((), dtype) for dtype in FLOATS}


def filled(value: float, shape: tuple[int, ...]) -> Array:
    """Return an array with one number in every place, which takes no memory: to make a Parameter or a Buffer of."""
    return np.broadcast_to(np.float64(value), shape)


def class_major(x: Array) -> Array:
    """Return x, laid out class by class in memory if it has many rows (N, C) of few classes.

    Then a sum or a maximum over the classes adds up a few long arrays instead of many short rows: for 1,000
    rows of 10, NumPy takes a third of the time. Arrays computed from x keep that order.
    """
    if x.ndim == 2 and x.shape[1] <= FEW_CLASSES and len(x) > 1:  # beyond, the copy costs as much as it saves
        return np.asfortranarray(x)
    return x


def is_one(x: Array) -> bool:
    """Whether x (..., C) is one row of few numbers: for these, Python's own arithmetic is faster than NumPy's calls."""
    return x.size == x.shape[-1] <= FEW_CLASSES


def as_rows(x: Array) -> Array:
    """View x (..., C) as (N, C): all leading axes are the batch."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


def with_axes_of(x: Array, rows: Array) -> Array:
    """View rows (N, O) with the leading axes of x (..., I), as (..., O)."""
    return rows if x.ndim == 2 else rows.reshape(*x.shape[:-1], rows.shape[-1])


def not_finite(x: Array) -> str:
    """Say how many numbers of x are not finite, such as ``2 NaN and 1 infinite of 12 numbers``."""
    nans, infinities = int(np.isnan(x).sum()), int(np.isinf(x).sum())
    parts = [f"{count:,} {name}" for count, name in ((nans, "NaN"), (infinities, "infinite")) if count]
    return f"{' and '.join(parts)} of {x.size:,} numbers"


def row_sums(x: Array) -> Array:
    """Return the sum of each row of x (..., C), as (..., 1).

    For rows (N, C), or one row (C,), of few classes, it is a product with ones: a sum along the short axis takes NumPy
    three times as long.
    """
    few = x.ndim <= 2 and x.shape[-1] <= FEW_CLASSES
    sums: Array = x.dot(_ones((x.shape[-1], 1), x.dtype.char)) if few else x.sum(axis=-1, keepdims=True)
    return sums


def column_sums(x: Array, out: Array | None = None) -> Array:
    """Return the sum of each column of x (N, C), as (C,); in `out`, if it is given.

    It is a product with ones, some rows at a time, and the sum of those: a half to a fifth of the time that NumPy takes
    to add row to row. The sums of the parts are added up in float64, so that a million rows are as precise as a
    thousand.
    """
    ones = _ones(min(len(x), ROWS), x.dtype.char)
    if len(x) <= ROWS:
        return ones.dot(x, out=out)
    parts = (x[start : start + ROWS] for start in range(0, len(x), ROWS))
    total = np.zeros(x.shape[1])
    for rows in parts:
        total += ones[: len(rows)].dot(rows)
    if out is None:
        return total.astype(x.dtype)
    out[...] = total
    return out


def sums(x: Array, axes: tuple[int, ...]) -> Array:
    """Return the sum of x along `axes`, which become axes of size 1; it is precise however many numbers there are.

    NumPy's own sum adds row to row in float32 unless the axis is contiguous in memory: of a million rows it has four
    correct digits. So the axes that are contiguous together are summed first, and the partial sums in float64.
    """
    axes = tuple(axis % x.ndim for axis in axes)
    near = []  # those of `axes` whose numbers are neighbours in memory
    for axis in sorted(range(x.ndim), key=lambda axis: (abs(x.strides[axis]), -axis)):
        if axis in axes and x.strides[axis]:  # not one that np.broadcast_to made
            near.append(axis)
        elif x.shape[axis] > 1:
            break
    if any(x.shape[axis] > 1 for axis in near):
        total: Array = x.sum(axis=tuple(near), keepdims=True)
        if len(near) < len(axes):
            total = total.sum(axis=axes, keepdims=True, dtype=np.float64).astype(x.dtype)
        return total
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    length, width = (math.prod(x.shape[axis] for axis in some) for some in (axes, kept))
    columns = column_sums(x.transpose(*axes, *kept).reshape(length, width))
    return columns.reshape([1 if axis in axes else n for axis, n in enumerate(x.shape)])


@lru_cache(maxsize=16)
def _ones(shape: int | tuple[int, int], dtype: str) -> Array:
    return np.ones(shape, dtype)


def add_up(x: Array) -> float:
    """Return the sum of all numbers of x, added up in float64 so that the order does not matter."""
    if x.size <= 64:  # for so few, Python is faster than NumPy
        return float(sum(x.ravel().tolist()))
    return float(x.sum(dtype=np.float64))


def scaled(x: NDArray[Any], scale: float | None) -> NDArray[Any]:
    """Return uint8 as float32 times `scale`; any other dtype, and uint8 if that is None, as it is."""
    if x.dtype == np.uint8 and scale is not None:
        x = np.multiply(x, np.float32(scale), dtype=np.float32)
    return x


def cast(x: NDArray[Any], dtype: "np.dtype[Any] | None") -> Array:
    """Convert floats to the model's dtype; leave integers, which are indices, alone."""
    if x.dtype == dtype or dtype is None or x.dtype.kind != "f":
        return x
    return x.astype(dtype)
