"""A state is a dict of an object's plain data, which can be written to a file and restored later.

Plain data are None, bool, int, float, str, NumPy's arrays, numbers and Generators, and lists, tuples and dicts of
these. A state holds nothing else (no functions, files, Parameters or other objects), because the script makes those
again when it is restarted.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

State = dict[str, Any]

BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
DEEPEST = 50  # levels of lists in lists; a list that is deeper, or contains itself, is not plain data


def is_plain(value: object, depth: int = 0) -> bool:
    """Whether a value, and everything in it, is plain data."""
    if depth > DEEPEST:
        return False
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in "biuf" and value.dtype.itemsize <= 8
    if isinstance(value, np.random.Generator):
        return depth + 3 <= DEEPEST and type(value.bit_generator).__name__ in BIT_GENERATORS
    if type(value) in (list, tuple):
        return all(is_plain(item, depth + 1) for item in value)  # type: ignore[attr-defined]
    if type(value) is dict:
        return all(is_plain(key, depth + 1) and is_plain(item, depth + 1) for key, item in value.items())
    return value is None or type(value) in (bool, int, float, str)


def attributes(owner: object) -> State:
    """Return the attributes of an object that are plain data (the very arrays, not copies)."""
    state = owner.__getstate__()  # a class may choose its attributes, as for pickle
    return {name: value for name, value in state.items() if is_plain(value)} if isinstance(state, dict) else {}


def set_attributes(owner: object, state: Mapping[str, Any]) -> None:
    """Restore what `attributes` returned. Generators and arrays stay the same objects, because others may hold them."""
    for name, value in state.items():
        if not _is_code(type(owner), name):
            setattr(owner, name, update_in_place(vars(owner).get(name), value))


def _is_code(kind: type, name: str) -> bool:
    """Whether a class has a method or a property of that name, which a state must not replace."""
    found = inspect.getattr_static(kind, name, None)
    return callable(found) or hasattr(found, "__get__")


def update_in_place(now: Any, value: Any) -> Any:
    """Return `value` in place of `now`: arrays and Generators are updated in place, anything else is replaced."""
    if isinstance(value, np.random.Generator) and isinstance(now, np.random.Generator):
        if type(now.bit_generator) is type(value.bit_generator):
            now.bit_generator.state = value.bit_generator.state
            return now
    elif isinstance(value, np.ndarray):
        if isinstance(now, np.ndarray) and (now.shape, now.dtype) == (value.shape, value.dtype) and now.flags.writeable:
            np.copyto(now, value)
            return now
        return value.copy()
    elif type(value) in (list, tuple) and type(now) is type(value) and len(now) == len(value):
        return type(value)(map(update_in_place, now, value))
    elif type(value) is dict and type(now) is dict:
        return {key: update_in_place(now.get(key), item) for key, item in value.items()}
    return value
