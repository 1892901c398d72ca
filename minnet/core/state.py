"""A state is what an object remembers, as plain data: it can be written to a file, and restored later.

Plain data are None, bool, int, float, str, arrays and numbers of NumPy, Generators, and lists, tuples and dicts of
them. Everything else (functions, files, Parameters, other objects) is not part of a state: the script that is run
again makes it anew.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

State = dict[str, Any]

BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
DEEPEST = 50  # levels of lists in lists; what is deeper, or holds itself, is not plain data


def is_plain(value: object, depth: int = 0) -> bool:
    """Whether a value is plain data, all the way down."""
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
    kept = owner.__getstate__()  # an object that says what of it is to be kept is believed
    return {name: value for name, value in kept.items() if is_plain(value)} if isinstance(kept, dict) else {}


def set_attributes(owner: object, state: Mapping[str, Any]) -> None:
    """Put back what `attributes` returned. Generators and arrays stay the same objects: others may hold them, too."""
    for name, value in state.items():
        if not _is_code(type(owner), name):
            setattr(owner, name, update_in_place(vars(owner).get(name), value))


def _is_code(kind: type, name: str) -> bool:
    """Whether a class has a method or a property of that name, which no state replaces."""
    found = inspect.getattr_static(kind, name, None)
    return callable(found) or hasattr(found, "__get__")


def update_in_place(now: Any, value: Any) -> Any:
    """Return a value to replace `now`: written into it where that is an array or a Generator, anew elsewhere."""
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
