"""A state is what an object remembers, as plain data: it can be written to a file, and put back later.

Plain data are None, bool, int, float, str, arrays and numbers of NumPy, Generators, and lists, tuples and dicts of
them. Everything else (functions, files, Parameters, other objects) is no state: whoever makes the object anew, as the
script did that is run again, brings it along.
"""

from __future__ import annotations  # or numpy.random would be imported with minnet, which takes 10 ms

import inspect
import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

State = dict[str, Any]
Tensors = dict[str, NDArray[Any]]

_BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
_DEEPEST = 50  # levels of lists in lists; what is deeper, or holds itself, is no plain data
_MOST_ALIKE = 20  # keys of a dict that share a hash: two (-1 and -2) are honest, and thousands take hours
# The numbers in a Generator's state, at their largest. NumPy believes each: past "pos" it reads memory not its own.
_LARGEST = {
    "state": 2**128 - 1,
    "inc": 2**128 - 1,
    "has_uint32": 1,
    "uinteger": 2**32 - 1,
    "pos": 624,
    "buffer_pos": 4,
}


def is_plain(value: object, depth: int = 0) -> bool:
    """Whether a value is plain data, all the way down."""
    if depth > _DEEPEST:
        return False
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in "biuf" and value.dtype.itemsize <= 8
    if isinstance(value, np.random.Generator):
        return depth + 3 <= _DEEPEST and type(value.bit_generator).__name__ in _BIT_GENERATORS
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


def encode(value: Any, tensors: Tensors, path: str, depth: int = 0) -> Any:
    """Turn plain data into JSON, and collect the arrays in `tensors`, under names that begin with `path`.

    What JSON does not know becomes a dict of one key that begins with "$": ``{"$tensor": name}``,
    ``{"$number": "nan"}``, ``{"$tuple": [...]}``, ``{"$dict": [[key, value], ...]}``, ``{"$generator": ...}``.

    Raises
    ------
    TypeError
        If it is not plain data.
    """

    def inner(value: Any, name: object) -> Any:
        return encode(value, tensors, f"{path}/{name}", depth + 1)

    if depth > _DEEPEST or (type(value) not in (list, tuple, dict) and not is_plain(value)):
        raise TypeError(f"{path}: a {type(value).__name__} cannot be written to a file")
    if isinstance(value, np.ndarray | np.generic):
        while path in tensors:  # {"a/b": x, "a": {"b": y}}
            path += "+"
        tensors[path] = np.asarray(value)
        return {"$scalar" if isinstance(value, np.generic) else "$tensor": path}
    if isinstance(value, np.random.Generator):
        return {"$generator": encode(value.bit_generator.state, tensors, path, depth + 1)}
    if type(value) is float and not math.isfinite(value):
        return {"$number": repr(value)}
    if type(value) in (list, tuple):
        items = [inner(item, i) for i, item in enumerate(value)]
        return items if type(value) is list else {"$tuple": items}
    if type(value) is dict:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: inner(item, key) for key, item in value.items()}
        pairs = enumerate(value.items())
        return {"$dict": [[inner(key, f"{i}k"), inner(item, i)] for i, (key, item) in pairs]}
    return value


def decode(json: Any, tensors: Tensors, depth: int = 0) -> Any:
    """Turn JSON and arrays back into plain data. The JSON may be anything: time and memory are those of its size.

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
        kind, meaning = _TAGS[tag]
        if type(json[tag]) is not kind:
            raise ValueError(f"{tag} of a {type(json[tag]).__name__}")
        try:
            return meaning(json[tag], tensors, inner)
        except (TypeError, LookupError, AttributeError, OverflowError) as error:
            raise ValueError(f"{tag} of something unusual ({type(error).__name__})") from None
    return {key: inner(item) for key, item in json.items()}


Inner = Callable[[Any], Any]


def _generator(json: State, tensors: Tensors, inner: Inner) -> np.random.Generator:
    state = inner(json)
    kind = state.get("bit_generator") if type(state) is dict else None
    if type(kind) is not str or kind not in _BIT_GENERATORS:
        raise ValueError("an unknown kind of Generator")
    bits = getattr(np.random, kind)(0)
    _check_generator(state, bits.state)
    bits.state = state
    return np.random.Generator(bits)


def _check_generator(state: State, good: State) -> None:
    """Compare a state with a good one, for NumPy hardly does: a wrong "pos" is a segmentation fault."""
    if state.keys() != good.keys() or any(type(state[name]) is not type(good[name]) for name in good):
        raise ValueError("a Generator with another state than its kind has")
    for name, value in state.items():
        if isinstance(value, dict):
            _check_generator(value, good[name])
        elif isinstance(value, np.ndarray):
            if (value.shape, value.dtype) != (good[name].shape, good[name].dtype):
                raise ValueError(f"a Generator whose {name} has the shape {value.shape} and dtype {value.dtype}")
            if len(value) == 624 and not value.any():  # MT19937 would stay there
                raise ValueError(f"a Generator whose {name} is all zeros")
        elif isinstance(value, int) and not 0 <= value <= _LARGEST[name]:
            raise ValueError(f"a Generator whose {name} is out of range")
        elif name == "inc" and value % 2 == 0:  # PCG64 would soon repeat itself
            raise ValueError("a Generator whose inc is even")


def _number(json: str, tensors: Tensors, inner: Inner) -> float:
    return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[json]


def _scalar(json: str, tensors: Tensors, inner: Inner) -> Any:
    if tensors[json].ndim:
        raise ValueError("$scalar of an array")
    return tensors[json][()]


def _dict(json: list[Any], tensors: Tensors, inner: Inner) -> State:
    if not all(type(pair) is list and len(pair) == 2 for pair in json):
        raise ValueError("$dict of what are not pairs")
    pairs = [(inner(key), inner(value)) for key, value in json]
    if max(Counter(hash(key) for key, _ in pairs).values(), default=0) > _MOST_ALIKE:
        raise ValueError("$dict with too many keys of one hash")
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("$dict with a key that is there twice")
    return found


_TAGS: dict[str, tuple[type, Callable[[Any, Tensors, Inner], Any]]] = {
    "$tensor": (str, lambda json, tensors, inner: tensors[json]),
    "$scalar": (str, _scalar),
    "$number": (str, _number),
    "$tuple": (list, lambda json, tensors, inner: tuple(map(inner, json))),
    "$dict": (list, _dict),
    "$generator": (dict, _generator),
}
