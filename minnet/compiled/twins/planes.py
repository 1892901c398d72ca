"""Planes are a dense array as three axes: those before some axes in memory, these axes themselves, and those behind.

So one kernel serves a sum over rows, over columns, and over the pixels of images that lie in memory in any of the usual
orders.
"""

import math
from typing import Any

import numpy as np

from minnet.compiled.foundation.flat import flat
from minnet.compiled.twins.pointwise import fits
from minnet.core.arrays import Array


def planes(x: Array, middle: tuple[int, ...], *others: Any) -> list[Array] | None:
    """View x, and others of its shape, as (A, M, B), where M are the axes `middle`.

    None if kernels are not made for the arrays: see `fits`; or if the axes do not follow one another in memory.
    """
    if not fits(x, *((other, x.dtype) for other in others)):
        return None
    order = sorted((i for i in range(x.ndim) if x.shape[i] > 1), key=lambda i: -x.strides[i])
    inside = [i for i in order if i in middle]
    start = order.index(inside[0]) if inside else 0
    if order[start : start + len(inside)] != inside or inside != sorted(inside):
        return None
    before, sizes = order[:start], [x.shape[i] for i in inside]
    shape = (math.prod(x.shape[i] for i in before), math.prod(sizes), -1)
    return [flat(array).reshape(shape) for array in (x, *others)]


def without(axes: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """Return the other axes."""
    axes = tuple(axis % ndim for axis in axes)
    return tuple(axis for axis in range(ndim) if axis not in axes)


def of_size_1(x: Array, axes: tuple[int, ...]) -> Array:
    """Return an empty array of x's shape, in which these axes have size 1."""
    shape = list(x.shape)
    for axis in axes:
        shape[axis] = 1
    return np.empty(shape, x.dtype)
