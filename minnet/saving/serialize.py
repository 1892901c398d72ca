"""`encode` turns plain data (see `minnet.core.state`) into JSON and arrays for a file; `decode` turns it back."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.state import BIT_GENERATORS, DEEPEST, State, is_plain

Tensors = dict[str, NDArray[Any]]


class NamedOnce(Tensors):
    """The arrays of a file, each of which JSON may name once: then it is taken out.

    Thousands of names for one array would take its size in memory for each. What is left is named by nothing.
    """

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.pop(name)


_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
# Keys of a dict that share a hash: honest data have two (-1 and -2); an attacker's thousands would take hours.
_MOST_ALIKE = 20
# The largest numbers in a Generator's state. NumPy does not check them: with a larger "pos" it reads foreign memory.
_LARGEST = {
    "state": 2**128 - 1,
    "inc": 2**128 - 1,
    "has_uint32": 1,
    "uinteger": 2**32 - 1,
    "pos": 624,
    "buffer_pos": 4,
}


def encode(value: Any, tensors: Tensors, path: str, depth: int = 0) -> Any:
    """Turn plain data into JSON, and put the arrays into `tensors`, under names that begin with `path`.

    What JSON lacks becomes a dict of one key that begins with "$": ``{"$tensor": name}``,
    ``{"$number": "nan"}``, ``{"$tuple": [...]}``, ``{"$dict": [[key, value], ...]}``, ``{"$generator": ...}``.
    Raises TypeError if it is not plain data.
    """

    def inner(value: Any, name: object) -> Any:
        return encode(value, tensors, f"{path}/{name}", depth + 1)

    if depth > DEEPEST or (type(value) not in (list, tuple, dict) and not is_plain(value)):
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
    """Turn JSON and arrays back into plain data. The size of the file bounds time and memory, whatever is in it.

    Raises ValueError if it is JSON that `encode` does not write.
    """
    if depth > DEEPEST:
        raise ValueError(f"more than {DEEPEST} lists in one another")

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
    if type(kind) is not str or kind not in BIT_GENERATORS:
        raise ValueError("an unknown kind of Generator")
    bits = getattr(np.random, kind)(0)
    _check_generator(state, bits.state)
    bits.state = state
    return np.random.Generator(bits)


def _check_generator(state: State, good: State) -> None:
    """Compare a state with a good one, because NumPy hardly does: a wrong "pos" is a segmentation fault."""
    if state.keys() != good.keys() or any(type(state[name]) is not type(good[name]) for name in good):
        raise ValueError("a Generator whose state is not that of its kind")
    for name, value in state.items():
        if isinstance(value, dict):
            _check_generator(value, good[name])
        elif isinstance(value, np.ndarray):
            if (value.shape, value.dtype) != (good[name].shape, good[name].dtype):
                raise ValueError(f"a Generator whose {name} has the shape {value.shape} and dtype {value.dtype}")
            if len(value) == 624 and not value.any():  # MT19937 would return zeros for ever
                raise ValueError(f"a Generator whose {name} is all zeros")
        elif isinstance(value, int) and not 0 <= value <= _LARGEST[name]:
            raise ValueError(f"a Generator whose {name} is out of range")
        elif name == "inc" and value % 2 == 0:  # PCG64 would soon repeat itself
            raise ValueError("a Generator whose inc is even")


def _scalar(json: str, tensors: Tensors, inner: Inner) -> Any:
    array = tensors[json]
    if array.ndim:
        raise ValueError("$scalar of an array")
    return array[()]


def _dict(json: list[Any], tensors: Tensors, inner: Inner) -> State:
    if not all(type(pair) is list and len(pair) == 2 for pair in json):
        raise ValueError("$dict of something other than pairs")
    pairs = [(inner(key), inner(value)) for key, value in json]
    if max(Counter(hash(key) for key, _ in pairs).values(), default=0) > _MOST_ALIKE:
        raise ValueError("$dict with too many keys of one hash")
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("$dict with one key twice")
    return found


_TAGS: dict[str, tuple[type, Callable[[Any, Tensors, Inner], Any]]] = {
    "$tensor": (str, lambda json, tensors, inner: tensors[json]),
    "$scalar": (str, _scalar),
    "$number": (str, lambda json, tensors, inner: _NUMBERS[json]),
    "$tuple": (list, lambda json, tensors, inner: tuple(map(inner, json))),
    "$dict": (list, _dict),
    "$generator": (dict, _generator),
}
