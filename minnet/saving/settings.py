"""Settings are what a script gave the parts of a run; a checkpoint is of another run if they are others.

They are noted when a `fit` begins, as texts, and compared with those of the run that wrote the checkpoint. A setting is
an attribute with the name of an argument of the object's class. Attributes that have the name of no argument may be
anything, so a difference there is only a warning. The time and random names are never settings.
"""

import hashlib
import inspect
import os
import re
import time
import types
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from minnet.core.buffer import Buffer, LayerArray
from minnet.core.forms import has_place
from minnet.core.layer import Layer
from minnet.core.layers import Layers
from minnet.core.objects import DATA, is_fixed
from minnet.core.state import ATOMS, MAPPINGS, SEQUENCES, all_attributes, is_plain
from minnet.saving.messages import brief

Texts = dict[str, str]
CLASS = "class"  # the entry of an object's class
LONGEST = 170  # letters of a text; a longer one ends with a digest
_CHANGEABLE = (list, dict, set, deque, Counter, defaultdict, np.ndarray)
MOST = 1000  # items of a list that are compared
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_CLOCKS = [(clock, clock()) for clock in (time.time, time.time_ns, time.perf_counter, time.monotonic)]


class Settings(NamedTuple):
    """The settings of an object, its other numbers and strings, and what a checkpoint does not keep."""

    given: Texts
    others: Texts
    fixed: Texts


def settings_of(value: Any, leave: Iterable[str] = ()) -> Settings:
    """Return an object's settings, its class among them."""
    given: Texts = {CLASS: type(value).__qualname__}
    others: Texts = {}
    fixed: Texts = {}
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType | types.MethodType):
        given[CLASS] = value.__qualname__
    arguments = _arguments(type(value))  # type: ignore[arg-type]
    mine = type(value).__module__.startswith("minnet.")
    for name, item in _readable(value).items():
        # Where something lies is the script's to say, because folders move.
        if isinstance(item, os.PathLike) or _is_place(name, item, arguments):
            continue
        if differs_each_time(item) or name == "pid":
            continue
        if name in leave or not (name in arguments or type(item) in ATOMS or is_fixed(item)):
            continue
        if isinstance(item, Buffer):  # a constant, such as the mean of a Normalize
            item = _rounded(item.data)
        text = as_text(item)
        if text is None and name in arguments and not isinstance(item, list | tuple | dict | LayerArray | Layer):
            text = f"a {type(item).__qualname__}"
        if text is None:
            continue
        # An array of one's own may hold random numbers, or be learned in place.
        if name in arguments and (mine or not isinstance(item, np.ndarray)):
            given[name] = text
        elif not is_fixed(item):
            others[name] = text
        if is_fixed(item):
            fixed[name] = text
    fixed |= {name: str(as_text(item)) for name, item in _of_class(value)}
    return Settings(given, others, fixed)


def _rounded(array: Any) -> Any:
    """Round to 20 bits: the last digits of what was computed from data depend on the processor."""
    fraction, exponent = np.frexp(array)
    return np.ldexp(np.rint(np.ldexp(fraction, 20)), exponent - 20)


def _of_class(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the lists, dicts, sets and arrays that a user's class has for all of its objects."""
    for base in type(value).__mro__:
        if base.__module__.partition(".")[0] not in ("minnet", "builtins"):
            for name, item in vars(base).items():
                if type(item) in _CHANGEABLE and not name.startswith("__"):
                    yield name, item


def _is_place(name: str, item: Any, arguments: set[str]) -> bool:
    """Whether an attribute is a path; of an argument, such as the name of a column, only its name says so."""
    return isinstance(item, str) and has_place(name, "" if name in arguments else item)


def differs_each_time(value: Any) -> bool:
    """Whether a number is a time since this module was imported, or a text has today's date or is a UUID."""
    if type(value) is str:
        if _UUID.fullmatch(value):
            return True
        digits = "".join(filter(str.isdigit, value))
        return len(digits) >= 8 and any(time.strftime(form) in digits for form in ("%Y%m%d", "%d%m%Y", "%m%d%Y"))
    return type(value) in (int, float) and any(began <= value <= clock() for clock, began in _CLOCKS)


def differences(now: Mapping[str, Texts], then: Mapping[str, Texts], changed: Iterable[str] = ()) -> list[str]:
    """List how settings differ, a line for each; those in `changed` are not compared."""
    lines, left_out = [], set(changed)
    for path, given in now.items():
        if path not in then:
            continue  # what is there and what is not is compared elsewhere
        names = dict.fromkeys((*given, *then[path]))
        if given.get(CLASS) != then[path].get(CLASS):  # then its arguments are others, too
            names = {CLASS: None}
        for name in names:
            place = path if name == CLASS else f"{path}.{name}"
            a, b = given.get(name, "nothing"), then[path].get(name, "nothing")
            if a != b and place not in left_out:
                lines.append(f"{brief(place)}: {a} now, {brief(b)} in the checkpoint")  # from a file
    return lines


def as_text(value: Any) -> str | None:
    """Return a text by which a value is compared; None if it is not compared, such as a Generator or an object."""
    text = _text(value, 0)
    if text is None or len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}… ({hashlib.sha256(text.encode(errors='replace')).hexdigest()[:12]})"


def _text(value: Any, depth: int) -> str | None:
    if isinstance(value, np.generic) and is_plain(value):
        value = value.item()
    if type(value) in ATOMS:
        return repr(value)
    if isinstance(value, Enum):
        return f"{type(value).__qualname__}.{value.name}"
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType | type | np.ufunc):
        return str(getattr(value, "__qualname__", value))
    if isinstance(value, np.ndarray) and is_plain(value):
        return _array_text(value)
    if depth < 4 and type(value) in MAPPINGS:
        pairs = list(value.items())[:MOST]
        texts = [(_text(key, depth + 1), _text(item, depth + 1)) for key, item in pairs]
        return _joined(value, [None if None in pair else f"{pair[0]}: {pair[1]}" for pair in texts], "{}")
    if depth < 4 and type(value) in SEQUENCES:
        items = list(value)[:MOST] if type(value) not in (set, frozenset) else sorted(value, key=repr)[:MOST]
        brackets = "()" if type(value) is tuple else "[]" if type(value) is list else "{}"
        return _joined(value, [_text(item, depth + 1) for item in items], brackets)
    return None


def _joined(value: Any, texts: list[str | None], brackets: str) -> str | None:
    if None in texts:
        return None
    kind = "" if type(value) in (tuple, list, dict, set) else type(value).__name__
    more = f", … {len(value)} in all" if len(value) > len(texts) else ""
    return f"{kind}{brackets[0]}{', '.join(map(str, texts))}{more}{brackets[1]}"


def _array_text(array: Any) -> str:
    shape = f"array {array.shape} {array.dtype}"
    if array.nbytes >= DATA:
        return shape
    numbers = np.array2string(np.asarray(array), separator=", ", threshold=6, edgeitems=2, max_line_width=10_000)
    return f"{shape} {' '.join(numbers.split())} ({hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()[:12]})"


@cache
def _arguments(kind: Hashable) -> set[str]:
    """Return the names of the arguments of a class and its bases."""
    names: set[str] = set()
    for base in kind.__mro__:  # type: ignore[attr-defined]
        if isinstance(init := vars(base).get("__init__"), types.FunctionType):
            names |= inspect.signature(init).parameters.keys()
    return names


def _readable(value: Any) -> dict[str, Any]:
    """Return the attributes of an object of a class with attributes."""
    inner = (LayerArray, Layers, types.FunctionType, types.MethodType)
    if isinstance(value, inner) or type(value) in (*SEQUENCES, *MAPPINGS):
        return {}
    return all_attributes(value)
