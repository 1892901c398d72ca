"""The form of a value is its kind, its shape and its dtype: a value from a file must have the one that is meant."""

import inspect
import re
from collections import deque
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.buffer import LayerArray
from minnet.core.layer import Layer
from minnet.core.state import held, is_code, is_plain
from minnet.core.words import Word

# An attribute of such a name, or with such a text (a slash, or a file's name), is where a callback writes.
_PLACE_NAME = re.compile(r"(^|_)(path|file|filename|folder|dir|directory|url|uri)s?($|_)", re.IGNORECASE)
_PLACE = re.compile(r"[/\\]|^~|^\.\.?$|\w\.[A-Za-z]\w{0,7}$")
_COLLECTIONS = (list, tuple, set, frozenset, deque)


def is_number(value: object) -> bool:
    """Whether a value is an int or a float of Python's; True and False do not count."""
    return type(value) in (int, float)


def kind_of(value: object) -> str:
    """Say of what kind a value is. Numbers are of one kind; arrays of another for each dtype."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}"
    if isinstance(value, np.random.Generator):
        return f"a Generator of {type(value.bit_generator).__name__}"
    if isinstance(value, bool | np.bool_):
        return "a bool"
    if value is None:
        return "None"
    return "a number" if isinstance(value, int | float | np.number) else f"a {type(value).__name__}"


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
    """Say why a value from a file must not become the attribute of this name; "" if it may.

    It must not replace anything but data, such as a method, a property or an object. None may replace an object,
    because a run may have given that up, but not a Parameter, a Buffer or a layer.
    """
    if not (isinstance(name, str) and name.isidentifier() and not name.startswith("__")):
        return "no name of an attribute"
    found = inspect.getattr_static(type(owner), name, None)
    if is_code(type(owner), name):
        return f"a method or a property of {type(owner).__name__}"
    made_later = inspect.ismemberdescriptor(found) or isinstance(found, cached_property | Word)
    there = held(owner).get(name, None if made_later else found)
    network = isinstance(there, LayerArray | Layer | list | tuple | dict)
    replaceable = is_plain(there) or (value is None and not network)
    return "" if replaceable else f"a {type(there).__name__} of {type(owner).__name__}"


def has_place(name: str, value: Any) -> bool:
    """Whether a value, or something in it, may say where something is written, by itself or by its name."""
    if isinstance(value, str | bytes):
        return bool(_PLACE_NAME.search(name) or (isinstance(value, str) and _PLACE.search(value)))
    if isinstance(value, Mapping):
        return any(has_place(f"{name}_{key}", item) for key, item in value.items())
    return isinstance(value, _COLLECTIONS) and any(has_place(name, item) for item in value)
