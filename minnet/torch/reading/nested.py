"""Which dict of a training checkpoint holds the weights: the one whose values are all tensors, or the one asked for."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from minnet.saving.messages import brief, listed
from minnet.torch.reading.records import ARRAY, Other, Tensor, Unreadable
from minnet.torch.reading.unpickler import CURE, refused

_DEEPEST = 20  # dicts in dicts that are searched
_EXTRA = "_extra_state"  # the end of the name of a module's own state, which may be anything
_EXPECTED = "a dict of names and tensors"

TENSORS = (Tensor, Unreadable, np.ndarray)  # an array is in a dict that was not read from a file
Tensors = dict[str, Any]
_Path = tuple[Any, ...]


def state_dict_in(values: Any, path: Path, key: str | None = None) -> Tensors:
    """Return the one dict of tensors that there is, or that there is at `key`, such as "model_state" or "models.0".

    A dict of single numbers, such as metrics, does not count beside one of tensors with axes.
    Where no dict has tensors only, the tensors of the outermost are taken, and what is beside them is passed over.
    Raises CheckpointError if there is none, or if there are several, and says which there are.
    """
    there, where = values, ""
    if key is not None:
        if not isinstance(key, str):
            raise TypeError(f"key must be a string such as 'model_state', got {key!r}")
        place, there = next(_at(values, key), ((), None))
        where = f" under the key {brief(key)!r}"
        if not place:
            cure = "Leave out the key." if _is_state(values) else _cure(values)
            raise refused(path, f"nothing{where}{_which(values)}", cure, _EXPECTED)
    if not _is_state(there) and not (isinstance(there, dict) and not there):
        found = [state for _, state in _states(there)]
        if len(found) > 1:
            raise refused(path, f"{len(found)} of them{where}{_which(values)}", _cure(values), _EXPECTED)
        there = found[0] if found else there
    items = _items(there, path, where)
    tensors = {name: item for name, item in items.items() if isinstance(item, TENSORS)}
    for name, item in items.items():
        if not isinstance(name, str) and (name in tensors or not tensors):
            raise refused(path, f"a name that is no text{where}{_which(values)}", _cure(values), _EXPECTED)
        if not tensors or (isinstance(item, Other) and item.what == ARRAY):
            what = f"{_shown(item)} at {brief(name)!r}"
            raise refused(path, f"{what}{where}{_which(values)}", _cure(values), _EXPECTED)
    return tensors


def _is_state(value: Any) -> bool:
    """Whether a value is a dict of tensors."""
    if not isinstance(value, dict):
        return False
    named = [item for name, item in value.items() if not (isinstance(name, str) and name.endswith(_EXTRA))]
    return bool(named) and all(isinstance(item, TENSORS) for item in named)


def _states(values: Any) -> list[tuple[_Path, dict[Any, Any]]]:
    """Return the places of the dicts of tensors: of those that have axes, if there are any, or if the outermost has."""
    found = list(_places(values))
    return [place for place in found if _has_axes(place[1])] or ([] if _has_axes(values) else found)


def _has_axes(value: Any) -> bool:
    """Whether a dict has a tensor that is more than a number."""
    tensors = [item for item in value.values() if isinstance(item, TENSORS)] if isinstance(value, dict) else []
    return any(getattr(tensor, "shape", None) != () for tensor in tensors)


def _places(values: Any) -> Iterator[tuple[_Path, dict[Any, Any]]]:
    """Yield the dicts of tensors, from the top, but not those in the state of an optimizer."""
    waiting: list[tuple[_Path, Any]] = [((), values)]
    seen = {id(values)}
    for place, value in waiting:  # which grows
        if place and _is_state(value):
            yield place, value
            continue
        for name, item in _inside(value) if len(place) < _DEEPEST else ():
            if isinstance(name, str | int) and isinstance(item, dict | list | tuple) and id(item) not in seen:
                seen.add(id(item))
                waiting.append(((*place, name), item))


def _inside(value: Any) -> Iterable[tuple[Any, Any]]:
    """Return the names and things in a container, but nothing of the state of an optimizer."""
    if isinstance(value, dict):
        return () if {"state", "param_groups"} <= value.keys() else value.items()
    return enumerate(value) if isinstance(value, list | tuple) else ()


def _at(value: Any, key: str) -> Iterator[tuple[_Path, Any]]:
    """Yield what is at a dotted key; a name may itself have dots in it."""
    for end in [len(key), *(i for i, letter in enumerate(key) if letter == ".")]:
        name, rest = key[:end], key[end + 1 :]
        for step in (name, int(name)) if name.isdecimal() and len(name) < 10 else (name,):
            inside = isinstance(value, dict) and step in value
            if inside or (isinstance(value, list | tuple) and isinstance(step, int) and step < len(value)):
                if end == len(key):
                    yield (step,), value[step]
                else:
                    yield from (((step, *place), there) for place, there in _at(value[step], rest))


def _items(value: Any, path: Path, where: str) -> dict[Any, Any]:
    if isinstance(value, TENSORS):
        cure = "Save a dict of tensors: torch.save({'name': tensor}, path)."
        raise refused(path, f"one tensor without a name{where}", cure, _EXPECTED)
    if not isinstance(value, dict):
        raise refused(path, f"{_shown(value)}{where}", CURE, _EXPECTED)
    return value


def _shown(value: Any) -> str:
    match value:
        case Other():
            return value.what
        case dict() | list() | tuple():
            return f"a {type(value).__name__} of {len(value):,} things"
        case None | bool() | int() | float() | str():
            return f"a value of the type {type(value).__name__}"
    return "something else"


def _which(values: Any) -> str:
    """List the keys of the dicts of tensors that there are."""
    keys = listed(".".join(brief(step) for step in place) for place, _ in _states(values))
    return f"; dicts of tensors are at: {', '.join(keys)}" if keys else ""


def _cure(values: Any) -> str:
    first = [".".join(map(str, place)) for place, _ in _states(values)[:1]]
    return f"Choose one, such as key={brief(repr(*first))}." if first else CURE
