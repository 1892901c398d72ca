"""Objects that remember something are found by walking over attributes, and keep their plain data in a checkpoint.

A transform with a counter, a bound method, a `functools.partial`, a closure with a Generator, a schedule, a copy of the
model in a callback: the script makes these objects again, and what is in them is restored in place. An object is kept
as a whole, or its name is noted in `lost`.
"""

import datetime
import decimal
import fractions
import io
import logging
import os
import re
import threading
import types
import uuid
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from enum import Enum, Flag
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minnet.core.buffer import LayerArray
from minnet.core.layer import Layer
from minnet.core.layers import Layers
from minnet.core.parameter import Parameter
from minnet.core.state import (
    RANDOM,
    State,
    all_attributes,
    is_code,
    is_plain,
    is_record,
    set_attributes,
    update_in_place,
)

Put = Callable[[Any], None]
MOST = 50_000  # objects in an attribute; one with more is a library's
DATA = 1 << 20  # bytes; a closure's array of that size is taken for the data set, which is not kept

_LOCKS = (type(threading.Lock()), type(threading.RLock()))
# What reaches outside the run. As an attribute it is left to the script; an object that holds it is lost.
_OUTSIDE = (io.IOBase, threading.Thread, threading.local, logging.Handler, *_LOCKS)
_OUTSIDE_BY = ("threading", "concurrent", "multiprocessing", "subprocess", "socket", "sqlite3", "_csv", "tempfile")
# What cannot change, or is code.
_FIXED = (
    *(types.ModuleType, type, np.ufunc, np.dtype, os.PathLike, logging.Logger, re.Pattern, weakref.ReferenceType),
    *(datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, decimal.Decimal, fractions.Fraction),
    *(uuid.UUID, range, slice, type(Ellipsis), types.GenericAlias, np.memmap),
)
_METHODS = (types.MethodType, types.BuiltinFunctionType, types.MethodWrapperType)
_SHOWN_BY = ("tqdm", "matplotlib")  # libraries whose objects only show how training goes


class Part(NamedTuple):
    """What is inside an object: its name, as in a path; the value; how another is put in its place, if it can be."""

    name: str
    value: Any
    put: Put | None


class LostError(Exception):
    """Something that may change while training, and cannot be kept."""


class Objects:
    """The objects reached from some owners, by their paths; `covered` are those whose state is kept elsewhere."""

    def __init__(self, covered: Iterable[object] = ()) -> None:
        self.found: dict[str, Part] = {}
        self.lost: dict[str, str] = {}  # path → type
        self._seen: dict[int, object] = {id(value): value for value in covered}

    def add(self, path: str, owner: object, leave: Iterable[str] = ()) -> None:
        """Walk over the attributes of an owner; its plain data, and those to `leave`, are kept elsewhere."""
        for name, value, put in _attributes(owner):
            if name.removeprefix(".") not in leave and not _is_outside(value):
                self.add_value(path + name, value, put)

    def add_value(self, path: str, value: object, put: Put | None = None) -> None:
        """Walk over a value and what is in it; keep all of it, or note that it is lost."""
        if is_plain(value) or is_fixed(value):
            return
        before = len(self.found), len(self._seen)
        try:
            self._visit(path, value, put, top=path)
        except (LostError, RecursionError) as error:
            for name in [*self.found][before[0] :]:
                del self.found[name]
            for key in [*self._seen][before[1] :]:
                del self._seen[key]
            self.lost[path] = f"{type(value).__name__}{error if isinstance(error, LostError) else ''}"

    def kinds(self) -> dict[str, str]:
        """Return what each object is, such as "list of 2": the script must make the same again."""
        return {path: kind_of(part.value) for path, part in self.found.items()}

    def state(self) -> dict[str, State]:
        """Return the plain data in each object, by its path."""
        return {path: data for path, part in self.found.items() if (data := _data(part.value))}

    def restore(self, state: dict[str, State]) -> None:
        """Restore what `state` returned, as far as the objects are there."""
        for path, part in list(self.found.items()):
            if path in state:
                _restore(part, state[path])

    def _visit(self, path: str, value: Any, put: Put | None, top: str) -> None:
        if id(value) in self._seen or is_fixed(value):
            return
        self._seen[id(value)] = value
        if _is_outside(value):
            raise LostError(f", which holds a {type(value).__name__}")
        parts = parts_of(value)
        if parts is None:
            raise LostError("" if path == top else f", which holds a {type(value).__name__}")
        if len(self.found) > MOST:
            raise LostError(", of too many objects")
        self.found[path] = Part(path, value, put)
        for name, inner, put_inner in parts:
            if not is_plain(inner):
                self._visit(path + name, inner, put_inner, top)


def _is_outside(value: object) -> bool:
    """Whether a value, or all that is in a list, reaches outside the run."""
    items = value if isinstance(value, list | tuple) and value else [value]
    return all(isinstance(i, _OUTSIDE) or type(i).__module__.split(".")[0] in _OUTSIDE_BY for i in items)


def is_fixed(value: object) -> bool:
    """Whether a value is code, cannot change, or only shows something."""
    if isinstance(value, _FIXED) or type(value).__module__.split(".")[0] in _SHOWN_BY:
        return True
    if isinstance(value, types.FunctionType):
        return not _of_function(value)
    return is_function(value) and isinstance(getattr(value, "__self__", value), types.ModuleType | type | None)


def is_function(value: object) -> bool:
    """Whether a value is a function, a method or a partial, which have no attributes of their own to keep."""
    return isinstance(value, (types.FunctionType, partial, *_METHODS))


def kind_of(value: Any) -> str:
    """Say what an object is: its class, and how many are in it."""
    kind = tuple if isinstance(value, Layers) else type(value)
    size = f" of {len(value)}" if kind in (list, tuple, dict, OrderedDict) else ""
    return f"{kind.__qualname__}{size}"


def parts_of(value: Any) -> list[Part] | None:
    """List what is inside an object; None if it cannot be looked into."""
    if keeps_state(value) or isinstance(value, Enum) or _has_fields(value):
        return []
    if isinstance(value, LayerArray):
        return []
    if isinstance(value, _METHODS):
        return [Part(".__self__", value.__self__, None)]
    if isinstance(value, partial):
        arguments = [Part(f"({i})", argument, None) for i, argument in enumerate(value.args)]
        named = [Part(f"({name}=)", item, None) for name, item in value.keywords.items()]
        return [Part(".func", value.func, None), *arguments, *named]
    if isinstance(value, types.FunctionType):
        return _of_function(value)
    if isinstance(value, Layers):
        return [Part(value.index_of(i), item, None) for i, item in enumerate(value)]
    if type(value) in (list, tuple):
        put = partial(partial, value.__setitem__) if type(value) is list else lambda i: None
        return [Part(f"[{i}]", item, put(i)) for i, item in enumerate(value)]
    if type(value) in (dict, OrderedDict):
        return [Part(f"[{key!r}]", item, partial(value.__setitem__, key)) for key, item in value.items()]
    if type(value) is defaultdict:
        return [] if is_plain(dict(value)) else None
    if isinstance(value, (list, tuple, dict, set, frozenset, deque, np.ndarray, np.generic, str, int, float, bytes)):
        return None  # a subclass, which may hold anything; or elements that cannot be made again
    if not (hasattr(value, "__dict__") or any("__slots__" in vars(kind) for kind in type(value).__mro__)):
        return None
    return _attributes(value)


def keeps_state(value: Any) -> bool:
    """Whether an object has `state_dict` and `load_state_dict`; those of every Layer have its arrays, and no more."""
    methods = [getattr(type(value), name, None) for name in ("state_dict", "load_state_dict")]
    return all(map(callable, methods)) and methods != [Layer.state_dict, Layer.load_state_dict]


def _attributes(owner: Any) -> list[Part]:
    state = all_attributes(owner)
    names = [name for name in state if type(name) is str and not is_code(type(owner), name)]
    return [Part(f".{name}", state[name], partial(setattr, owner, name)) for name in names]


def _of_function(function: types.FunctionType) -> list[Part]:
    """List what a function remembers: the variables it encloses, and the random generators that it uses."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    parts = []
    for name, cell in cells:
        try:
            value = cell.cell_contents
        except ValueError:  # it is not set yet
            continue
        if not (isinstance(value, np.ndarray) and value.nbytes >= DATA):
            parts.append(Part(f"({name})", value, partial(setattr, cell, "cell_contents")))
    for name in function.__code__.co_names:
        if isinstance(value := function.__globals__.get(name), RANDOM):
            parts.append(Part(f"({name})", value, None))
    return parts


def _has_fields(value: Any) -> bool:
    """Whether it is a named tuple of plain data."""
    return is_record(value) and is_plain(tuple(value))


def _data(value: Any) -> State:
    """Return the plain data in an object."""
    if keeps_state(value):
        return {"state": value.state_dict()}
    if isinstance(value, Enum):  # a Flag may be of several names, or of none
        return {"flags": value.value} if isinstance(value, Flag) else {"name": value.name}
    if isinstance(value, LayerArray):
        return {"data": value.data} | ({"trainable": value.trainable} if isinstance(value, Parameter) else {})
    if _has_fields(value):
        return dict(value._asdict())
    if type(value) is defaultdict:
        return {"items": dict(value)}
    return {name: inner for name, inner, _ in parts_of(value) or () if is_plain(inner)}


def _restore(part: Part, data: State) -> None:
    """Restore what `_data` returned, in place; what cannot be changed in place is put into its owner."""
    value = part.value
    if keeps_state(value):
        value.load_state_dict(data["state"])
    elif isinstance(value, LayerArray):
        value.data = data["data"]
        if isinstance(value, Parameter):
            value.trainable = data["trainable"]
    elif isinstance(value, Enum) or _has_fields(value):
        new = member(value, data) if isinstance(value, Enum) else type(value)(**data)
        if part.put is not None and new != value:
            part.put(new)
    elif type(value) is defaultdict:
        items = {key: update_in_place(value.get(key), item) for key, item in data["items"].items()}
        value.clear()
        value.update(items)
    else:
        _restore_parts(value, data)


def member(value: Enum, data: State) -> Enum:
    """Return the member that data are of, in the class of a value; LookupError or ValueError if there is none."""
    return type(value)(data["flags"]) if isinstance(value, Flag) else type(value)[data["name"]]


def _restore_parts(value: Any, data: State) -> None:
    there = {name: (inner, put) for name, inner, put in parts_of(value) or ()}
    for name, saved in data.items():
        if name not in there:
            if name.startswith("."):
                set_attributes(value, {name[1:]: saved})
            continue
        inner, put = there[name]
        if name.startswith("."):
            if is_plain(inner) or saved is None:
                set_attributes(value, {name[1:]: saved})
        elif (new := update_in_place(inner, saved)) is not inner and put is not None:
            put(new)
