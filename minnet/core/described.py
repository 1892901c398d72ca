"""A description says in one line what an object is: its class, and the arguments with which it was made."""

import os
import textwrap
import types
from collections.abc import Iterator
from functools import partial
from inspect import Parameter as Argument
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arguments import signature_of
from minnet.core.buffer import LayerArray
from minnet.core.state import same

WIDTH = 79  # characters in a line of a terminal
SHORT = 60  # characters in the text of one argument
FEW = 1000  # numbers in an array whose first and last are shown; of a larger one, the shape and the dtype
_NOT_KEPT = object()


def describe(owner: object, *, defaults: bool = False) -> str:
    """Return a line such as ``HuberLoss(delta=2.0)``.

    The arguments are read off the constructor of its class: those that are kept as attributes of the same name.

    Parameters
    ----------
    owner
        Any object.
    defaults
        Whether to show arguments that have their default value; those that are None, arrays or objects are then left
        out.
    """
    shown = []
    for name, argument in signature_of(type(owner)).items():
        value = _kept(owner, name)
        if value is _NOT_KEPT or argument.kind is Argument.VAR_KEYWORD:
            continue
        if argument.kind is Argument.VAR_POSITIONAL:
            shown += [text for item in value if (text := _text(item, simple=defaults))]
            continue
        if value is None and argument.default is True:  # a part that was left out, such as Linear's bias
            value = False
        text = _text(value, simple=defaults) if defaults or not _is_default(value, argument.default) else None
        if text is not None:
            shown.append(text if argument.default is argument.empty else f"{name}={text}")
    return f"{type(owner).__name__}({', '.join(shown)})"


def shown(owner: object) -> str:
    """Return the description as people see it at the prompt, in lines of 79 characters; for a class's `__repr__`."""
    return wrapped(describe(owner))


def wrapped(line: str, indent: int = 4) -> str:
    """Break a line that is too long between its words, and indent what follows."""
    if len(line) <= WIDTH:
        return line
    return textwrap.fill(line, WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def counted(number: int, noun: str) -> str:
    """Return ``"1 image"`` or ``"2,000 images"``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _kept(owner: object, name: str) -> Any:
    try:
        return getattr(owner, name, _NOT_KEPT)
    except Exception:  # a property that cannot be read now
        return _NOT_KEPT


def _is_default(value: Any, default: Any) -> bool:
    nothing = isinstance(value, list | tuple | dict) and not value  # which None may have become
    return same(value, default) or (nothing and default is None)


def _text(value: Any, *, simple: bool) -> str | None:
    """Return the text of a value; None if it is not shown. If `simple`, only numbers, texts and tuples of them are."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int | float | str) or (isinstance(value, tuple) and not any(_layers_in(value))):
        return repr(value) if simple or not isinstance(value, tuple) else _short(_items(value))
    if simple or isinstance(value, np.random.Generator):
        return None
    if isinstance(value, np.ndarray):
        return _array_text(value)
    if isinstance(value, list | tuple | dict):
        return _short(_items(value))
    if isinstance(value, os.PathLike):
        return repr(os.fspath(value))
    if isinstance(value, partial):
        return _text(value.func, simple=False)
    if isinstance(value, type | types.FunctionType | types.MethodType | types.BuiltinFunctionType | np.ufunc):
        return value.__name__
    line = value.describe() if hasattr(value, "named_layers") else repr(value)
    plain = getattr(type(value), "__repr__", None) is object.__repr__  # with an address in memory
    return line if not plain and "\n" not in line and len(line) <= SHORT else f"{type(value).__name__}(...)"


def _items(value: Any) -> str:
    """Return the text of a list, a tuple or a dict."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_text(item, simple=False)}' for key, item in value.items())}}}"
    inside = ", ".join(str(_text(item, simple=False)) for item in value)
    return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' * (len(value) == 1)})"


def _short(text: str) -> str:
    return text if len(text) <= SHORT else text[: SHORT - 4].rpartition(", ")[0] + ", ..." + text[-1]


def _array_text(array: NDArray[Any]) -> str:
    if array.ndim != 1 or array.size > FEW:
        return f"array {array.shape} {array.dtype}"
    text = np.array2string(array, separator=", ", threshold=6, edgeitems=2, max_line_width=10_000)
    return " ".join(text.split()).replace("[ ", "[")


def _layers_in(value: tuple[Any, ...]) -> Iterator[bool]:
    return (isinstance(item, LayerArray) or hasattr(item, "named_layers") for item in value)
