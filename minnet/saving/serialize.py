"""`encode` turns plain data (see `minnet.core.state`) into JSON and arrays for a file; `decode` turns it back."""

import math
import random
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator, RandomState
from numpy.typing import NDArray

from minnet.core.state import BIT_GENERATORS, DEEPEST, FACTORIES, MAPPINGS, SEQUENCES, State, factory_name, is_plain
from minnet.saving.lists import LONG, packed, unpacked

Tensors = dict[str, NDArray[Any]]


class NamedOnce(Tensors):
    """The arrays of a file, each of which JSON may name once: then it is taken out.

    Thousands of names for one array would take its size in memory for each. What is left is named by nothing.
    """

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.pop(name)


_NUMBERS = ("nan", "inf", "-inf")
# Keys of a dict that share a hash: honest data have two (-1 and -2); an attacker's thousands would take hours.
_MOST_ALIKE = 20
# The largest numbers in a Generator's state. NumPy does not check them: with a larger "pos" it reads foreign memory.
_LARGEST = {
    "state": 2**128 - 1,
    "inc": 2**128 - 1,
    "has_uint32": 1,
    "has_gauss": 1,
    "uinteger": 2**32 - 1,
    "pos": 624,
    "buffer_pos": 4,
}


def encode(value: Any, tensors: Tensors, path: str, depth: int = 0) -> Any:
    """Turn plain data into JSON, and put the arrays into `tensors`, under names that begin with `path`.

    What JSON lacks becomes a dict of one key that begins with "$", such as ``{"$tensor": name}``,
    ``{"$number": "nan"}``, ``{"$tuple": [...]}``, ``{"$dict": [[key, value], ...]}``: `_TAGS` lists them all. A long
    list of numbers becomes an array, see `minnet.saving.lists`. Raises TypeError if it is not plain data.
    """
    kind = type(value)
    container = kind in SEQUENCES or kind in MAPPINGS  # what is in it is looked at when it is written
    if depth > DEEPEST or not (is_plain(value) if kind is defaultdict or not container else True):
        raise TypeError(f"{path}: a {kind.__name__} cannot be written to a file")
    if kind is float and not math.isfinite(value):
        return {"$number": repr(value)}
    writer = _WRITERS.get(next((base for base in (np.generic, np.ndarray) if isinstance(value, base)), kind))
    return value if writer is None else writer(value, _Writer(tensors, path, depth))


class _Writer:
    """Where a value is to be written: what is inside it comes one level deeper."""

    def __init__(self, tensors: Tensors, path: str, depth: int) -> None:
        self.tensors, self.path, self.depth = tensors, path, depth

    def inner(self, value: Any, name: object) -> Any:
        return encode(value, self.tensors, f"{self.path}/{name}", self.depth + 1)

    def tensor(self, array: NDArray[Any]) -> str:
        """Note an array, and return its name."""
        name = self.path
        while name in self.tensors:  # {"a/b": x, "a": {"b": y}}
            name += "+"
        self.tensors[name] = array
        return name

    def tagged(self, tag: str, *parts: Any) -> Any:
        """Return the tag with a list of what is inside."""
        return {tag: [self.inner(part, i) for i, part in enumerate(parts)]}


def _write_list(value: list[Any], to: _Writer) -> Any:
    if (found := packed(value)) is not None:
        return {found[0]: to.tensor(found[1])}
    if (columns := _columns(value)) is not None:
        return to.tagged("$rows", *columns)
    return [to.inner(item, i) for i, item in enumerate(value)]


def _columns(rows: list[Any]) -> list[list[Any]] | None:
    """Return the columns of a long list of tuples of numbers, such as (step, loss); None if it is something else."""
    if len(rows) < LONG or set(map(type, rows)) != {tuple} or len(set(map(len, rows))) > 1 or not rows[0]:
        return None
    columns = list(map(list, zip(*rows, strict=True)))
    return columns if all(packed(column) is not None for column in columns) else None


def _write_tuple(value: tuple[Any, ...], to: _Writer) -> Any:
    if packed(list(value)) is not None:
        return to.tagged("$long_tuple", list(value))
    return {"$tuple": [to.inner(item, i) for i, item in enumerate(value)]}


def _write_dict(value: State, to: _Writer) -> Any:
    keys, items = list(value), list(value.values())
    if packed(keys) is not None and packed(items) is not None:  # such as a loss for each of many steps
        return to.tagged("$columns", keys, items)
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: to.inner(item, key) for key, item in value.items()}
    pairs = enumerate(value.items())
    return {"$dict": [[to.inner(key, f"{i}k"), to.inner(item, i)] for i, (key, item) in pairs]}


def _write_array(value: NDArray[Any], to: _Writer) -> Any:
    if type(value) is not np.ndarray:  # so `is_plain` says that it is a masked one
        return _write_masked(value, to)
    if value.dtype.kind == "c":
        pairs = np.ascontiguousarray(value).reshape(-1).view(f"f{value.dtype.itemsize // 2}").reshape(*value.shape, 2)
        return {"$complex_array": to.tensor(pairs)}
    axes = sorted(range(value.ndim), key=lambda axis: -abs(value.strides[axis]))
    if not value.flags.c_contiguous and axes != sorted(axes):  # sums depend on the order in memory
        return {"$ordered_axes": [to.tensor(value.transpose(axes)), axes]}
    return {"$tensor": to.tensor(value)}


def _write_scalar(value: Any, to: _Writer) -> Any:
    if isinstance(value, np.complexfloating):
        return {"$complex_scalar": to.tensor(np.array([value.real, value.imag]))}
    return {"$scalar": to.tensor(np.asarray(value))}


def _write_masked(value: Any, to: _Writer) -> Any:
    mask = None if value.mask is np.ma.nomask else value.mask
    return to.tagged("$masked", np.asarray(value.data), mask, value.dtype.type(value.fill_value))


def _write_random(value: random.Random, to: _Writer) -> Any:
    _, key, gauss = value.getstate()
    return to.tagged("$random", np.array(key, np.uint32), gauss)


_WRITERS: dict[type, Callable[[Any, _Writer], Any]] = {
    list: _write_list,
    tuple: _write_tuple,
    dict: _write_dict,
    set: lambda value, to: to.tagged("$set", list(value)),
    frozenset: lambda value, to: to.tagged("$frozenset", list(value)),
    deque: lambda value, to: to.tagged("$deque", list(value), value.maxlen),
    OrderedDict: lambda value, to: to.tagged("$ordered", dict(value)),
    Counter: lambda value, to: to.tagged("$counter", dict(value)),
    defaultdict: lambda value, to: to.tagged("$defaultdict", dict(value), factory_name(value)),
    complex: lambda value, to: to.tagged("$complex", value.real, value.imag),
    bytes: lambda value, to: {"$bytes": to.tensor(np.frombuffer(value, np.uint8))},
    np.ndarray: _write_array,
    np.generic: _write_scalar,
    Generator: lambda value, to: {"$generator": encode(value.bit_generator.state, to.tensors, to.path, to.depth + 1)},
    RandomState: lambda value, to: to.tagged("$random_state", value.get_state(legacy=False)),
    random.Random: _write_random,
}


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
Reader = Callable[[Any, Tensors, Inner], Any]


def _of_array(build: Callable[[NDArray[Any]], Any]) -> tuple[type, Reader]:
    """Return how a tag is read that names an array, from which `build` makes the value."""
    return str, lambda json, tensors, inner: build(tensors[json])


def _of_parts(build: Callable[..., Any], *kinds: type) -> tuple[type, Reader]:
    """Return how a tag is read that `_Writer.tagged` wrote: `build` is given so many parts, each of its kind."""

    def read(json: list[Any], tensors: Tensors, inner: Inner) -> Any:
        if len(json) != len(kinds):
            raise ValueError(f"a tag with {len(json)} parts, not {len(kinds)}")
        parts = [inner(part) for part in json]
        for part, kind in zip(parts, kinds, strict=True):
            if kind not in (object, type(part)):
                raise ValueError(f"a tag with a {type(part).__name__} in it")
        return build(*parts)

    return list, read


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


def _scalar(array: NDArray[Any]) -> Any:
    if array.ndim:
        raise ValueError("$scalar of an array")
    return array[()]


def _dict(json: list[Any], tensors: Tensors, inner: Inner) -> State:
    if not all(type(pair) is list and len(pair) == 2 for pair in json):
        raise ValueError("$dict of something other than pairs")
    return _dict_of([(inner(key), inner(value)) for key, value in json])


def _dict_of(pairs: list[tuple[Any, Any]]) -> State:
    _check_hashes([key for key, _ in pairs])
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("$dict with one key twice")
    return found


def _check_hashes(keys: list[Any]) -> None:
    if max(Counter(map(hash, keys)).values(), default=0) > _MOST_ALIKE:
        raise ValueError("$dict with too many keys of one hash")


def _set(items: list[Any]) -> frozenset[Any]:
    _check_hashes(items)
    found = frozenset(items)
    if len(found) != len(items):
        raise ValueError("$set with one item twice")
    return found


def _deque(items: list[Any], most: Any) -> Any:
    if not (most is None or (type(most) is int and len(items) <= most < 2**63)):
        raise ValueError("$deque that is longer than it may be")
    return deque(items, most)


def _rows(json: list[Any], tensors: Tensors, inner: Inner) -> list[Any]:
    if not json:
        raise ValueError("$rows without columns")
    _, read = _of_parts(lambda *columns: list(zip(*columns, strict=True)), *[list] * len(json))
    found: list[Any] = read(json, tensors, inner)
    return found


def _of(array: NDArray[Any], dtype: type, ndim: int) -> NDArray[Any]:
    if array.dtype != dtype or array.ndim != ndim:
        raise ValueError(f"an array of {array.dtype} with {array.ndim} axes, not of {dtype.__name__} with {ndim}")
    return array


def _complex_array(pairs: NDArray[Any]) -> NDArray[Any]:
    if pairs.dtype not in (np.float32, np.float64) or pairs.shape[-1:] != (2,):
        raise ValueError("$complex_array of something other than pairs of floats")
    return np.ascontiguousarray(pairs).view(f"c{2 * pairs.dtype.itemsize}")[..., 0]


def _ordered_axes(json: list[Any], tensors: Tensors, inner: Inner) -> NDArray[Any]:
    name, axes = json
    array = tensors[name]
    if type(axes) is not list or sorted(axes) != list(range(array.ndim)) or not all(type(a) is int for a in axes):
        raise ValueError("$ordered_axes of other axes than the array's")
    return array.transpose(np.argsort(axes))


def _masked(data: NDArray[Any], mask: Any, fill: Any) -> Any:
    fits = isinstance(fill, np.generic) and fill.dtype == data.dtype
    if not fits or not (mask is None or (_of(mask, np.bool_, data.ndim).shape == data.shape)):
        raise ValueError("$masked whose parts do not belong together")
    return np.ma.MaskedArray(data, np.ma.nomask if mask is None else mask, fill_value=fill)


def _random(key: NDArray[Any], gauss: Any) -> random.Random:
    if _of(key, np.uint32, 1).shape != (625,) or not key[:-1].any():
        raise ValueError("$random whose key is not that of MT19937")
    if key[-1] > _LARGEST["pos"] or not (gauss is None or type(gauss) is float):
        raise ValueError("$random that is out of range")
    rng = random.Random(0)
    rng.setstate((3, tuple(key.tolist()), gauss))
    return rng


def _random_state(state: State) -> RandomState:
    rng = RandomState(0)
    _check_generator(state, good := rng.get_state(legacy=False))
    if state["bit_generator"] != good["bit_generator"]:
        raise ValueError("$random_state of an unknown kind of Generator")
    rng.set_state(state)
    return rng


# Tag → what it is the key of in JSON, and how that is read.
_TAGS: dict[str, tuple[type, Reader]] = {
    "$tensor": _of_array(lambda array: array),
    "$ordered_axes": (list, _ordered_axes),
    "$complex_array": _of_array(_complex_array),
    "$masked": _of_parts(_masked, np.ndarray, object, object),
    "$scalar": _of_array(_scalar),
    "$complex_scalar": _of_array(lambda pair: _complex_array(_of(pair, pair.dtype.type, 1))[()]),
    "$number": (str, lambda json, tensors, inner: float(_NUMBERS[_NUMBERS.index(json)])),  # a new NaN each
    "$complex": _of_parts(complex, float, float),
    "$bytes": _of_array(lambda array: _of(array, np.uint8, 1).tobytes()),
    "$tuple": (list, lambda json, tensors, inner: tuple(map(inner, json))),
    "$long_tuple": _of_parts(tuple, list),
    **{tag: _of_array(read) for tag, read in unpacked.items()},
    "$rows": (list, _rows),
    "$set": _of_parts(lambda items: set(_set(items)), list),
    "$frozenset": _of_parts(_set, list),
    "$deque": _of_parts(_deque, list, object),
    "$dict": (list, _dict),
    "$columns": _of_parts(lambda keys, items: _dict_of(list(zip(keys, items, strict=True))), list, list),
    "$ordered": _of_parts(OrderedDict, dict),
    "$counter": _of_parts(Counter, dict),
    "$defaultdict": _of_parts(lambda items, factory: defaultdict(FACTORIES[factory], items), dict, str),
    "$generator": (dict, _generator),
    "$random": _of_parts(_random, np.ndarray, object),
    "$random_state": _of_parts(_random_state, dict),
}
