"""A Renewal lets a fit use objects as if they were new, whatever an earlier fit left in them."""

import copy
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minnet.core.state import ATOMS, DEEPEST, MAPPINGS, RANDOM, SEQUENCES, held, is_record, same

Changes = dict[str, tuple[Any, Any]]  # attribute → its value before a fit, and the mark of its value after it

_ABSENT: Any = object()  # the value of an attribute that is not there
_changed: dict[int, Changes] = {}  # by the last fit; by id, and not in the object, so that no checkpoint holds it
_in_use: set[int] = set()
_lock = threading.Lock()


class Renewal:
    """While active, a fit uses the objects; the next Renewal undoes what it did to them.

    An attribute that a fit changed goes back to the value from before that fit, unless it was changed since; one that a
    fit made is deleted. Numbers, arrays, random generators and containers (lists, dicts, sets, ...) are
    restored, and those in the containers. A container or array is replaced by a new one, so one that was read after a
    fit stays as it was.

    Objects of the class `kind` that others of them hold, in attributes and containers, are renewed, too. Other objects
    (a model, a file) stay as they are, because others may use them. So does a container or array to which something
    else refers when the fit begins, such as a list that the caller gave to the constructor.

    Raises RuntimeError if one of the objects is in use by another fit.
    """

    def __init__(self, owners: Iterable[object], kind: type | tuple[()] = ()) -> None:
        self._given, self._kind = list(owners), kind
        self._owners: list[object] = []
        self._before: list[dict[str, Any]] = []

    def __enter__(self) -> None:
        try:
            for owner in self._given:
                self._use(owner)
            for owner in self._owners:  # which grows meanwhile
                _renew(owner, _changed.get(id(owner), {}))
                for inner in _reached(held(owner), self._kind):
                    self._use(inner)
            self._before = [_copied(owner) for owner in self._owners]
        except BaseException:
            self.__exit__()
            raise

    def _use(self, owner: object) -> None:
        """Add an object to those in use by this fit."""
        with _lock:
            if any(owner is used for used in self._owners):
                return
            if id(owner) in _in_use:
                kind = type(owner).__name__
                raise RuntimeError(
                    f"this {kind} is in use by another fit, which has not ended: give each fit its own {kind}"
                )
            _in_use.add(id(owner))
            self._owners.append(owner)

    def __exit__(self, *_: object) -> None:
        try:
            for owner, before in zip(self._owners, self._before, strict=False):
                _note_changes(owner, before)
        finally:
            self._before = []
            _in_use.difference_update(map(id, self._owners))


def _reached(value: Any, kind: type | tuple[()], depth: int = 0) -> Iterator[object]:
    """Yield the objects of a class in containers."""
    for item in _items(value) if depth <= DEEPEST else ():
        if isinstance(item, kind):
            yield item
        elif type(item) not in ATOMS:
            yield from _reached(item, kind, depth + 1)


def _note_changes(owner: object, before: dict[str, Any]) -> None:
    """Remember which attributes are no longer as they were."""
    now = held(owner)
    pairs = {name: (before.get(name, _ABSENT), now.get(name, _ABSENT)) for name in before | now}
    if id(owner) not in _changed:
        weakref.finalize(owner, _changed.pop, id(owner), None).atexit = False
    _changed[id(owner)] = {name: (old, _mark(new)) for name, (old, new) in pairs.items() if not same(old, new)}


def _mark(value: Any) -> Any:
    """Return what tells whether an attribute still has this value, and does not keep it alive.

    (It may be a bound method of the owner, which would then live as long as this program.)
    """
    if type(value) in ATOMS:
        return value
    try:
        return weakref.ref(value)
    except TypeError:  # a list, a dict, a tuple
        return id(value), hash(tuple(map(id, _items(value))))


def _is_marked(value: Any, mark: Any) -> bool:
    new = _mark(value)
    return new is mark or (type(new) in (*ATOMS, tuple) and type(new) is type(mark) and (new == mark or new != new))


def _renew(owner: object, changes: Changes) -> None:
    """Undo the changes. As the owner may be a frozen dataclass, its own `__setattr__` is not asked."""
    now = held(owner)
    for name, (before, after) in changes.items():
        if not _is_marked(now.get(name, _ABSENT), after):
            continue
        if before is _ABSENT:
            object.__delattr__(owner, name)
        else:
            object.__setattr__(owner, name, before)
    changes.clear()


def _copied(owner: object) -> dict[str, Any]:
    """Copy the attributes of an object, and what is in their containers; keep what is not its own."""
    values = held(owner)
    return copy.deepcopy(values, _others(values))


def _others(values: dict[str, Any]) -> dict[int, Any]:
    """Return what is not an object's own, among its attributes and in their containers, as deepcopy's memo takes it.

    What is referred to from elsewhere is not its own.
    """
    found: dict[int, Any] = {}
    held = Counter(map(id, values.values()))  # how often each is referred to from inside: by the object itself, and ...
    _find(values, found, held, 0)
    del found[id(values)]
    # No name is given to the items here, because it would be a reference, too.
    return {
        key: found[key]
        for key in found
        if sys.getrefcount(found[key]) > _REFERENCES + held[key] or not _is_own(found[key])
    }


_probe: list[list[int]] = [[]]
_REFERENCES = sys.getrefcount(_probe[0])  # of an item of a container to which nothing else refers


def _find(value: Any, found: dict[int, Any], held: Counter[int], depth: int) -> None:
    """List a value and what is in it, and count how often each is referred to."""
    if type(value) in ATOMS:
        return
    held[id(value)] += 1
    if id(value) not in found:
        found[id(value)] = value
        if depth <= DEEPEST:
            for item in _items(value):
                _find(item, found, held, depth + 1)


def _items(value: Any) -> Iterable[Any]:
    """Return what is in a container."""
    kind = type(value)
    if kind in MAPPINGS:
        return [*value.keys(), *value.values()]
    if kind in SEQUENCES or is_record(value):
        return value  # type: ignore[no-any-return]
    return value.flat if kind is np.ndarray and value.dtype.hasobject else ()


def _is_own(value: Any) -> bool:
    """Whether a value is a container, an array or a random generator, which a copy can stand for."""
    if type(value) is np.ndarray:
        # A view belongs to whatever holds the array that it looks into; a read-only one needs no copy.
        return value.flags.writeable and (value.base is None or sys.getrefcount(value.base) == _REFERENCES)
    return type(value) in (*SEQUENCES, *MAPPINGS, *RANDOM, bytearray) or is_record(value)
