"""A state is what an object remembers, as plain data: it can be written to a file, and put back later.

Plain data are None, bool, int, float, str, arrays and numbers of NumPy, Generators, and lists, tuples and dicts of
them. Everything else (functions, files, Parameters, other objects) is no state: whoever makes the object anew, as the
script did that is run again, brings it along.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

State = dict[str, Any]
Tensors = dict[str, NDArray[Any]]

_BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
_DEEPEST = 50  # levels of lists in lists that are read from a file


def is_plain(value: object) -> bool:
    """Whether a value is plain data, all the way down."""
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in "biuf" and value.dtype.itemsize <= 8
    if isinstance(value, np.random.Generator):
        return type(value.bit_generator).__name__ in _BIT_GENERATORS
    if type(value) in (list, tuple):
        return all(map(is_plain, value))  # type: ignore[call-overload]
    if type(value) is dict:
        return all(is_plain(key) and is_plain(item) for key, item in value.items())
    return value is None or type(value) in (bool, int, float, str)


def attributes(owner: object) -> State:
    """Return the attributes of an object that are plain data (the very arrays, not copies)."""
    kept = owner.__getstate__()  # an object that says what of it is to be kept is believed
    return {name: value for name, value in kept.items() if is_plain(value)} if isinstance(kept, dict) else {}


def set_attributes(owner: object, state: Mapping[str, Any]) -> None:
    """Put back what `attributes` returned. Generators and arrays stay the same objects: others may hold them, too."""
    for name, value in state.items():
        if not _is_code(type(owner), name):
            setattr(owner, name, merged(vars(owner).get(name), value))


def _is_code(kind: type, name: str) -> bool:
    """Whether a class has a method or a property of that name, which no state replaces."""
    found = inspect.getattr_static(kind, name, None)
    return callable(found) or hasattr(found, "__get__")


def merged(now: Any, value: Any) -> Any:
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
        return type(value)(map(merged, now, value))
    elif type(value) is dict and type(now) is dict:
        return {key: merged(now.get(key), item) for key, item in value.items()}
    return value


def encode(value: Any, tensors: Tensors, path: str) -> Any:
    """Turn plain data into JSON, and collect the arrays in `tensors`, under names that begin with `path`.

    What JSON does not know becomes a dict of one key that begins with "$": ``{"$tensor": name}``,
    ``{"$number": "nan"}``, ``{"$tuple": [...]}``, ``{"$dict": [[key, value], ...]}``, ``{"$generator": ...}``.

    Raises
    ------
    TypeError
        If it is not plain data.
    """
    if isinstance(value, np.ndarray | np.generic):
        tensors[path] = np.asarray(value)
        return {"$scalar" if isinstance(value, np.generic) else "$tensor": path}
    if isinstance(value, np.random.Generator):
        return {"$generator": encode(value.bit_generator.state, tensors, path)}
    if type(value) is float and not math.isfinite(value):
        return {"$number": repr(value)}
    if type(value) in (list, tuple):
        items = [encode(item, tensors, f"{path}/{i}") for i, item in enumerate(value)]
        return items if type(value) is list else {"$tuple": items}
    if type(value) is dict:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: encode(item, tensors, f"{path}/{key}") for key, item in value.items()}
        pairs = enumerate(value.items())
        return {
            "$dict": [
                [encode(key, tensors, f"{path}/{i}k"), encode(item, tensors, f"{path}/{i}")] for i, (key, item) in pairs
            ]
        }
    if not is_plain(value):
        raise TypeError(f"{path}: a {type(value).__name__} cannot be written to a file")
    return value


def decode(json: Any, tensors: Tensors, depth: int = 0) -> Any:
    """Turn JSON and arrays back into plain data.

    Raises
    ------
    ValueError
        If `encode` does not write such.
    """
    if depth > _DEEPEST:
        raise ValueError(f"more than {_DEEPEST} lists in one another")

    def inner(value: Any) -> Any:
        return decode(value, tensors, depth + 1)

    if isinstance(json, list):
        return [inner(item) for item in json]
    if not isinstance(json, dict):
        return json
    if len(json) == 1 and (tag := next(iter(json))).startswith("$"):
        if tag not in _TAGS:
            raise ValueError(f"the unknown tag {tag[:20]!r}")
        try:
            return _TAGS[tag](json[tag], tensors, inner)
        except (TypeError, KeyError, AttributeError, OverflowError) as error:
            raise ValueError(f"{tag} of {str(json[tag])[:40]!r} ({type(error).__name__})") from None
    return {key: inner(item) for key, item in json.items()}


def _generator(json: Any, tensors: Tensors, inner: Callable[[Any], Any]) -> np.random.Generator:
    state = inner(json)
    if state["bit_generator"] not in _BIT_GENERATORS:
        raise ValueError("an unknown kind of Generator")
    bits = getattr(np.random, state["bit_generator"])(0)
    bits.state = state
    return np.random.Generator(bits)


def _number(json: Any, tensors: Tensors, inner: Callable[[Any], Any]) -> float:
    return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[json]


_TAGS: dict[str, Callable[[Any, Tensors, Callable[[Any], Any]], Any]] = {
    "$tensor": lambda json, tensors, inner: tensors[json],
    "$scalar": lambda json, tensors, inner: tensors[json][()],
    "$number": _number,
    "$tuple": lambda json, tensors, inner: tuple(map(inner, json)),
    "$dict": lambda json, tensors, inner: {inner(key): inner(value) for key, value in json},
    "$generator": _generator,
}
