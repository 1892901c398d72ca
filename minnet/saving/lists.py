"""A long list of numbers is written as an array: as text, a loss for each of a million steps would take 20 MB.

What comes back has the same types: floats, ints and bools, also mixed and with None between them, and NumPy's numbers
and arrays of one dtype and shape.
"""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONG = 32  # a list of fewer items stays text
_BITS = {float: 0, int: 1, bool: 2, type(None): 3}  # the first row of a mixed list's array; the second are the bits
_SMALLEST = 4  # bytes of an item that is an array or a number of NumPy, each of which becomes an object


def packed(items: list[Any]) -> tuple[str, NDArray[Any]] | None:
    """Return a tag and an array for a long list, or None if its items are something else, or few."""
    if len(items) < LONG:
        return None
    kinds = set(map(type, items))
    kind = next(iter(kinds))
    if kinds <= _BITS.keys():
        try:
            if kinds in ({float}, {int}, {bool}):
                return "$numbers", np.array(items, kind)
            return "$mixed", np.array([[_BITS[type(item)] for item in items], list(map(_bits, items))], np.int64)
        except OverflowError:  # an int of more than 64 bits
            return None
    if len(kinds) > 1 or not (kind is np.ndarray or issubclass(kind, np.generic)):
        return None
    first = items[0]
    if first.nbytes < _SMALLEST or first.dtype.kind not in "iuf" or first.dtype.itemsize > 8:
        return None
    if any((item.shape, item.dtype) != (first.shape, first.dtype) for item in items):
        return None
    if kind is np.ndarray and not all(item.flags.c_contiguous for item in items):
        return None
    return ("$stack" if kind is np.ndarray else "$scalars"), np.array(items)


def _bits(item: float | None) -> int:
    if type(item) is float:
        (bits,) = struct.unpack("q", struct.pack("d", item))
        return int(bits)
    if item is not None and not -(2**63) <= item < 2**63:
        raise OverflowError
    return int(item or 0)


def _numbers(array: NDArray[Any]) -> list[Any]:
    _check(array.ndim == 1 and array.dtype in (np.float64, np.int64, np.bool_), array)
    numbers: list[Any] = array.tolist()
    return numbers


def _mixed(array: NDArray[Any]) -> list[Any]:
    _check(array.ndim == 2 and len(array) == 2 and array.dtype == np.int64, array)
    kinds, bits = array
    _check(bool(((kinds >= 0) & (kinds <= 3)).all() and np.isin(bits[kinds == 2], (0, 1)).all()), array)
    read = {0: list[Any](), 1: bits.tolist(), 2: (bits == 1).tolist(), 3: [None] * len(bits)}
    read[0] = np.ascontiguousarray(bits).view(np.float64).tolist()
    return [read[kind][i] for i, kind in enumerate(kinds.tolist())]


def _scalars(array: NDArray[Any]) -> list[Any]:
    _check(array.ndim == 1 and array.dtype.kind in "iuf" and array.itemsize >= _SMALLEST, array)
    return list(array)


def _stack(array: NDArray[Any]) -> list[Any]:
    fits = array.ndim > 0 and array.dtype.kind in "iuf"
    _check(fits and (not len(array) or array[0].nbytes >= _SMALLEST), array)
    return [array[i, ...].copy() for i in range(len(array))]


def _check(fits: bool, array: NDArray[Any]) -> None:
    if not fits:
        raise ValueError(f"a list from an array of {array.dtype} and shape {array.shape}")


# Each makes a list of an array, and raises ValueError if it is not one that `packed` returns. The size of the array
# bounds that of the list, because no item is an empty array.
unpacked: dict[str, Callable[[NDArray[Any]], list[Any]]] = {
    "$numbers": _numbers,
    "$mixed": _mixed,
    "$scalars": _scalars,
    "$stack": _stack,
}
