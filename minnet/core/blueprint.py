"""A blueprint is a layer whose arrays have shapes and take no memory, until they are given those of a file.

A file says how its model is made, and may be hostile: a constructor must not allocate more than the file holds. So it
runs inside `Blueprint`, where the arrays of Parameters and Buffers are stand-ins: every place of them is one number.
"""

from contextvars import ContextVar, Token
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from minnet.core.arrays import Array


class Blueprint:
    """A context in which layers are made without memory for their arrays, and at most so many arrays.

    It holds for this thread only. No first values are drawn in it.

    Parameters
    ----------
    most
        How many arrays may be made; then there is a ValueError.
    """

    def __init__(self, most: int) -> None:
        self.left = most

    def __enter__(self) -> Self:
        self._token: Token[Blueprint | None] = _active.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _active.reset(self._token)


_active: ContextVar[Blueprint | None] = ContextVar("_active", default=None)


def is_blueprint() -> bool:
    """Whether layers are made as blueprints now."""
    return _active.get() is not None


def stand_in(shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Array:
    """Return an array of ones whose places are all the same one number; ValueError if NumPy has no such shape."""
    return np.ndarray(shape, dtype, np.ones(1, dtype), strides=(0,) * len(shape))


def new_array(data: ArrayLike, dtype: "np.dtype[Any]") -> Array:
    """Return a copy of data, C-contiguous; in a blueprint, a stand-in of its shape."""
    if (active := _active.get()) is None:
        return np.array(data, dtype=dtype, order="C")
    active.left -= 1
    if active.left < 0:
        raise ValueError("more arrays would be made than there are in the file")
    return stand_in(np.shape(data), dtype)


def new_gradient(data: Array) -> Array:
    """Return zeros for the gradient of an array; in a blueprint, the stand-in itself."""
    return np.zeros_like(data) if _active.get() is None else data
