"""A state is a dict of an object's plain data, which can be written to a file and restored later.

Plain data are None, bool, int, float, complex, str, bytes, NumPy's arrays (masked ones, too), numbers and Generators,
`random.Random` and `RandomState`, and lists, tuples, sets, deques, dicts, Counters and defaultdicts of these. Their
subclasses are not. A state holds nothing else (no functions, files, Parameters or other objects), because the script
makes those again when it is restarted. `minnet.core.objects` keeps the plain data inside such objects.
"""

import inspect
import random
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.random import Generator, RandomState

from minnet.core.words import Word

State = dict[str, Any]

BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
DEEPEST = 50  # levels of lists in lists; a list that is deeper, or contains itself, is not plain data
ATOMS: frozenset[type] = frozenset((type(None), bool, int, float, complex, str, bytes))
SEQUENCES = (list, tuple, set, frozenset, deque)
MAPPINGS = (dict, OrderedDict, Counter, defaultdict)
RANDOM = (Generator, RandomState, random.Random)
# What a defaultdict in a file may make; one with another factory keeps that of the object: see `minnet.core.objects`.
FACTORIES: dict[str, Callable[[], Any] | None] = {
    "None": None,
    **{factory.__name__: factory for factory in (bool, int, float, complex, str, bytes, *SEQUENCES, *MAPPINGS[:3])},
}


def is_plain(value: object, depth: int = 0) -> bool:
    """Whether a value, and everything in it, is plain data."""
    kind = type(value)
    if depth > DEEPEST:
        return False
    if kind in ATOMS:
        return True
    if isinstance(value, np.ndarray | np.generic):
        own = kind in (np.ndarray, np.ma.MaskedArray) or isinstance(value, np.generic)
        return own and value.dtype.kind in "biufc" and value.dtype.itemsize <= (16 if value.dtype.kind == "c" else 8)
    if kind is Generator:
        return depth + 3 <= DEEPEST and type(value.bit_generator).__name__ in BIT_GENERATORS  # type: ignore[attr-defined]
    if kind in (RandomState, random.Random):
        return depth + 4 <= DEEPEST and (kind is random.Random or _is_legacy(value))
    if kind in SEQUENCES:
        inside = depth + (1 if kind in (list, tuple) else 2)  # as deep as `encode` writes it
        return _all_plain(value, inside)  # type: ignore[arg-type]
    if kind in MAPPINGS and (kind is not defaultdict or factory_name(value) is not None):
        inside = depth + (1 if kind is dict else 2)
        return _all_plain(value, inside) and _all_plain(value.values(), inside)  # type: ignore[arg-type, attr-defined]
    return False


def same(one: Any, other: Any) -> bool:
    """Whether two values, one of which may be a copy of the other, are of one type and hold the same, bit by bit."""
    kind = type(one)
    if one is other or kind is not type(other):
        return one is other
    try:
        if kind in ATOMS:
            return repr(one) == repr(other)  # so NaN is the same, and -0.0 is not 0.0
        if kind is np.ndarray or isinstance(one, np.generic):
            return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
        if kind is np.ma.MaskedArray:
            return same(one.data, other.data) and same(np.ma.getmaskarray(one), np.ma.getmaskarray(other))
        if kind in MAPPINGS:
            return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
        if kind in (list, tuple, deque) or is_record(one):
            return len(one) == len(other) and all(map(same, one, other))
        if kind is Generator:
            return same(one.bit_generator.state, other.bit_generator.state)
        if kind is RandomState:
            return same(one.get_state(legacy=False), other.get_state(legacy=False))
        if kind is random.Random:
            return bool(one.getstate() == other.getstate())
        return kind in (set, frozenset, bytearray) and bool(one == other)
    except (RecursionError, ValueError, TypeError):  # a list in itself, or items that cannot be compared
        return False


def is_record(value: object) -> bool:
    """Whether a value is a tuple whose items have names."""
    return isinstance(value, tuple) and hasattr(type(value), "_fields")


def factory_name(value: Any) -> str | None:
    """Return the name in `FACTORIES` of what a defaultdict makes, or None if it is something else."""
    return next((name for name, factory in FACTORIES.items() if factory is value.default_factory), None)


def _is_legacy(value: Any) -> bool:
    return bool(value.get_state(legacy=False)["bit_generator"] == "MT19937")


def _all_plain(items: Iterable[Any], depth: int) -> bool:
    others = [item for item in items if type(item) not in ATOMS]
    return depth <= DEEPEST + (not items) and all(is_plain(item, depth) for item in others)


def held(owner: object) -> State:
    """Return all attributes of an object, those in slots too, in a new dict."""
    return dict(_merged(object.__getstate__(owner)))


def all_attributes(owner: object) -> State:
    """Return the attributes that an object's class has chosen, as for pickle: by default all, those in slots too."""
    try:
        state = owner.__getstate__()
    except Exception:  # it is made to refuse
        state = None
    if state is None or not isinstance(state, dict | tuple):  # such as a list of the fields of a frozen dataclass
        state = object.__getstate__(owner)
    return _merged(state)


def _merged(state: Any) -> State:
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
        return {**(state[0] or {}), **state[1]}  # __dict__ and __slots__
    return state if isinstance(state, dict) else {}


def attributes(owner: object) -> State:
    """Return the attributes of an object that are plain data (the very arrays, not copies)."""
    return {name: value for name, value in all_attributes(owner).items() if is_plain(value)}


def set_attributes(owner: object, state: Mapping[str, Any]) -> None:
    """Restore what `attributes` returned.

    Arrays, Generators and containers stay the same objects, because others may hold them.
    """
    for name, value in state.items():
        if not is_code(type(owner), name):
            now = getattr(owner, name, None) if _in_slot(type(owner), name) else vars(owner).get(name)
            new = update_in_place(now, value)
            if new is not now:
                object.__setattr__(owner, name, new) if _is_frozen(owner) else setattr(owner, name, new)


def is_code(kind: type, name: str) -> bool:
    """Whether a class has a method or a property of that name, which a state must not replace."""
    found = next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None)
    if found is None or inspect.ismemberdescriptor(found) or isinstance(found, cached_property | Word):
        return False
    return callable(found) or hasattr(found, "__get__")


def _in_slot(kind: type, name: str) -> bool:
    return inspect.ismemberdescriptor(inspect.getattr_static(kind, name, None))


def _is_frozen(owner: object) -> bool:
    """Whether it is a frozen dataclass, whose attributes only its own methods may set."""
    return bool(getattr(getattr(owner, "__dataclass_params__", None), "frozen", False))


def update_in_place(now: Any, value: Any) -> Any:
    """Return `value` in place of `now`: what can be written into is updated in place, anything else is replaced."""
    kind = type(value)
    if kind in ATOMS:
        return value
    if kind in RANDOM:
        return _update_random(now, value)
    if isinstance(value, np.ndarray):
        return _update_array(now, value)
    if kind is tuple:
        fits = type(now) is tuple and len(now) == len(value)
        return tuple(map(update_in_place, now if fits else [None] * len(value), value))
    if kind is list or kind is deque:
        return _update_sequence(now, value)
    if kind is set:
        now, items = now if type(now) is set else set(), set(value)
        now.clear()
        now.update(items)
        return now
    if kind in MAPPINGS:
        return _update_mapping(now, value)
    return value


def _update_random(now: Any, value: Any) -> Any:
    if type(now) is type(value):
        if isinstance(value, random.Random):
            now.setstate(value.getstate())
            return now
        if isinstance(value, RandomState) and _is_legacy(now):
            now.set_state(value.get_state(legacy=False))
            return now
        if isinstance(value, Generator) and type(now.bit_generator) is type(value.bit_generator):
            now.bit_generator.state = value.bit_generator.state
            return now
    return value


def _update_array(now: Any, value: Any) -> Any:
    fits = type(now) is type(value) and (now.shape, now.dtype) == (value.shape, value.dtype) and now.flags.writeable
    if not fits:
        return value.copy(order="K")
    if isinstance(value, np.ma.MaskedArray):
        np.copyto(now.data, value.data)
        now.mask, now.fill_value = value.mask, value.fill_value
    else:
        np.copyto(now, value)
    return now


def _update_sequence(now: Any, value: Any) -> Any:
    before = [*now][: len(value)] if type(now) is type(value) else []
    before += [None] * (len(value) - len(before))
    items = list(map(update_in_place, before, value))
    if type(now) is not type(value) or (type(value) is deque and now.maxlen != value.maxlen):
        return deque(items, value.maxlen) if type(value) is deque else items
    now.clear()
    now.extend(items)
    return now


def _update_mapping(now: Any, value: Any) -> Any:
    fits = type(now) is type(value)
    items = {key: update_in_place(now.get(key) if fits else None, item) for key, item in value.items()}
    if not fits:
        now = defaultdict(value.default_factory) if type(value) is defaultdict else type(value)()
    now.clear()
    for key, item in items.items():  # a Counter's update would add
        now[key] = item
    return now
