"""A blueprint is a layer whose arrays have shapes and take no memory, until they are given those of a file.

A file says how its model is made, and may be hostile: a constructor must not allocate more than the file holds. So it
runs inside `blueprint`, where the arrays of Parameters and Buffers are stand-ins: every place of them is one number.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import ArrayLike

from minnet.core.arrays import Array

_active = ContextVar("_active", default=False)  # of a thread, so that others go on as usual


@contextmanager
def blueprint() -> Iterator[None]:
    """Make layers without memory for their arrays: inside, no first value is drawn."""
    token = _active.set(True)
    try:
        yield
    finally:
        _active.reset(token)


def is_blueprint() -> bool:
    """Whether layers are made as blueprints now."""
    return _active.get()


def stand_in(shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Array:
    """Return an array of ones whose places are all the same one number; ValueError if NumPy has no such shape."""
    return as_strided(np.ones(1, dtype), shape, (0,) * len(shape))


def new_array(data: ArrayLike, dtype: "np.dtype[Any]") -> Array:
    """Return a copy of data, C-contiguous; in a blueprint, a stand-in of its shape."""
    return stand_in(np.shape(data), dtype) if _active.get() else np.array(data, dtype=dtype, order="C")


def new_gradient(data: Array) -> Array:
    """Return zeros for the gradient of an array; in a blueprint, a stand-in."""
    return stand_in(data.shape, data.dtype) if _active.get() else np.zeros_like(data)
