"""Which dict of a training checkpoint holds the weights: the one whose values are all tensors, or the one asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from minnet.saving.messages import brief, listed
from minnet.torch.reading.records import Other, Tensor, Unreadable
from minnet.torch.reading.unpickler import CURE, refused

_DEEPEST = 20  # dicts in dicts that are searched
_EXTRA = "_extra_state"  # the end of the name of a module's own state, which may be anything
_EXPECTED = "a dict of names and tensors"

TENSORS = (Tensor, Unreadable, np.ndarray)  # an array is in a dict that was not read from a file
Tensors = dict[str, Any]
_Path = tuple[Any, ...]


def state_dict_in(values: Any, path: Path, key: str | None = None) -> Tensors:
    """Return the dict of tensors at `key`, such as "model_state" or "models.0"; without a key, the only one there is.

    Raises CheckpointError if there is none at this key, or none at all, or several, and says which there are.
    """
    if key is not None:
        place, there = next(_at(values, key), ((), None))
        if not place:
            raise refused(path, f"nothing under the key {brief(key)!r}{_which(values)}", _cure(values), _EXPECTED)
        return _checked(there, path, f" under the key {brief(key)!r}")
    if _is_state(values) or values == {}:
        return _checked(values, path, "")
    found = list(_states(values))
    if len(found) != 1:
        if not found:
            _checked(values, path, "")
        raise refused(path, f"{len(found)} of them{_which(values)}", _cure(values), _EXPECTED)
    return _checked(found[0][1], path, "")


def _is_state(value: Any) -> bool:
    """Whether a value is a dict of tensors."""
    if not isinstance(value, dict):
        return False
    named = [item for name, item in value.items() if not (isinstance(name, str) and name.endswith(_EXTRA))]
    return bool(named) and all(isinstance(item, TENSORS) for item in named)


def _states(values: Any) -> Iterator[tuple[_Path, dict[Any, Any]]]:
    """Yield the dicts of tensors, from the top, but not those in the state of an optimizer."""
    waiting: list[tuple[_Path, Any]] = [((), values)]
    seen: set[int] = set()
    for place, value in waiting:  # which grows
        if id(value) in seen or len(place) > _DEEPEST:
            continue
        seen.add(id(value))
        if place and _is_state(value):
            yield place, value
        elif isinstance(value, dict) and not {"state", "param_groups"} <= value.keys():
            waiting += [((*place, name), item) for name, item in value.items() if _may_hold(name, item)]
        elif isinstance(value, list | tuple):
            waiting += [((*place, i), item) for i, item in enumerate(value) if _may_hold(i, item)]


def _may_hold(name: Any, item: Any) -> bool:
    return isinstance(name, str | int) and isinstance(item, dict | list | tuple)


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


def _checked(value: Any, path: Path, where: str) -> Tensors:
    """Return a dict of tensors, without what modules keep beside them."""
    if isinstance(value, TENSORS):
        raise refused(
            path, f"one tensor without a name{where}", "Save a dict: torch.save({'name': tensor}, path).", _EXPECTED
        )
    if not isinstance(value, dict):
        raise refused(path, f"{_shown(value)}{where}", CURE, _EXPECTED)
    tensors: Tensors = {}
    for name, item in value.items():
        if isinstance(name, str) and isinstance(item, TENSORS):
            tensors[name] = item
        elif not (isinstance(name, str) and name.endswith(_EXTRA)):
            what = f"{_shown(item)} at {brief(name)!r}" if isinstance(name, str) else "a name that is no text"
            raise refused(path, f"{what}{where}{_which(value)}", _cure(value), _EXPECTED)
    return tensors


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
    return f"Choose one: key={'...'!r}." if next(_states(values), None) else CURE
