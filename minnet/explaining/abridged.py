"""A large array is abridged: some of its rows and columns are shown, of some of its matrices."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Index = tuple[int, ...]
LEAST = 1e-9  # what may be coloured strongly


def focus(values: Array, gradient: Array | None) -> Index:
    """Return the index of a number worth looking at: the largest, times its gradient if that is not 0 everywhere."""
    sizes = np.nan_to_num(np.abs(np.asarray(values, np.float64)))
    weighted = sizes if gradient is None else sizes * np.nan_to_num(np.abs(gradient))
    chosen = weighted if weighted.any() else sizes
    return tuple(int(i) for i in np.unravel_index(int(chosen.argmax()), chosen.shape)) if chosen.size else ()


def some(size: int, most: int, centre: int) -> list[int | None]:
    """Return the indices of an axis that are shown: all, or the first, the last, and some around a centre.

    None stands for those that are left out.
    """
    if size <= most:
        return list(range(size))
    start = min(max(centre - (most - 2) // 2, 0), size - most + 2)
    found: list[int | None] = []
    for i in sorted({0, *range(start, start + most - 2), size - 1}):
        if found and i - 1 != found[-1]:
            found.append(None)
        found.append(i)
    return found


def matrices(values: Array, most: int, centre: Index) -> Iterator[tuple[Index, Array]]:
    """Yield some matrices of an array, each with its place in the leading axes: that of the centre, and the first.

    A vector is a matrix of one row.
    """
    if values.ndim < 3:
        yield (), values.reshape(1, -1) if values.ndim < 2 else values
        return
    places = [centre[:-2]]
    for place in np.ndindex(values.shape[:-2]):
        if len(places) < most and place not in places:
            places.append(place)
        if len(places) == most:
            break
    yield from ((place, values[place]) for place in sorted(places))


def strength(values: Array) -> Array:
    """Return numbers from −1 to 1, where 1 is the size of the largest: how strongly each is coloured; 0 for NaN.

    Where all are as small as errors of rounding, nothing is coloured.
    """
    floats = np.asarray(values, np.float64)
    finite = np.abs(floats[np.isfinite(floats)])
    scale = max(float(finite.max(initial=0.0)), LEAST)
    return np.clip(np.nan_to_num(floats, nan=0.0, posinf=scale, neginf=-scale) / scale, -1, 1)
