"""The form of a value is its kind, its shape and its dtype: a value from a file must have the one that is meant."""

import inspect
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.buffer import LayerArray
from minnet.core.layer import Layer
from minnet.core.state import held, is_code, is_plain


def is_number(value: object) -> bool:
    """Whether a value is a number of Python's; True and False are none."""
    return type(value) in (int, float)


def kind_of(value: object) -> str:
    """Say of what kind a value is. Numbers are of one kind; arrays of another for each dtype."""
    if isinstance(value, np.ndarray):
        return f"array of {value.dtype}"
    if isinstance(value, np.random.Generator):
        return f"Generator of {type(value.bit_generator).__name__}"
    if isinstance(value, bool | np.bool_):
        return "bool"
    return "number" if isinstance(value, int | float | np.number) else type(value).__name__


def is_vector(value: object, *dtypes: type) -> bool:
    """Whether a value is an array with one axis and one of these dtypes."""
    return isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype in dtypes


def are_like(arrays: object, others: Iterable[NDArray[Any]]) -> bool:
    """Whether a list of arrays has the length, shapes and dtypes of another one."""
    forms = [(other.shape, other.dtype) for other in others]
    return isinstance(arrays, list) and forms == [
        (array.shape, array.dtype) if isinstance(array, np.ndarray) else None for array in arrays
    ]


def unsettable(owner: object, name: object, value: object) -> str:
    """Say what data would replace by an attribute of this name, if it must not; "" if it may.

    It must not replace what is no data: a method, a property, an object. None may stand for an object, for that may
    have been given up, but not for a Parameter, a Buffer or a layer.
    """
    if not (isinstance(name, str) and name.isidentifier() and not name.startswith("__")):
        return "no name of an attribute"
    found = inspect.getattr_static(type(owner), name, None)
    if is_code(type(owner), name):
        return f"a method or a property of {type(owner).__name__}"
    there = held(owner).get(name, None if inspect.ismemberdescriptor(found) else found)
    network = isinstance(there, LayerArray | Layer | list | tuple | dict)
    replaceable = is_plain(there) or (value is None and not network)
    return "" if replaceable else f"a {type(there).__name__} of {type(owner).__name__}"
