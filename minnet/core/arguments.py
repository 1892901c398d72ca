"""The arguments of an object are those with which an equal one can be made: its class says which, its attributes what.

A constructor of minnet keeps each of its arguments as an attribute of the same name, or as a property.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

from minnet.core.buffer import LayerArray

DRAWN = ("rng", "seed")  # where first values come from; with `…_init`, how they are drawn: nothing that lasts


def signature_of(kind: type) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a class's constructor, without `self`."""
    return _signature(kind)


@cache
def _signature(kind: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(kind).parameters


def is_drawn(name: str) -> bool:
    """Whether an argument only says how, or from where, first values are drawn."""
    return name in DRAWN or name.endswith("_init")


def arguments_of(owner: object, besides: Collection[str] = ()) -> dict[str, Any]:
    """Return the arguments from which an object equal to this one can be made, but for its first random values.

    They are the attributes with the names of the constructor's parameters. An array that belongs to a layer stands for
    the values that it was made from, and for True where the parameter only says whether there is one. Those of
    `besides` are left out.

    Raises
    ------
    AttributeError
        If an argument is not kept; its ``name`` is the argument's.
    """
    found: dict[str, Any] = {}
    for name, parameter in signature_of(type(owner)).items():
        if name in besides or name in DRAWN or (is_drawn(name) and parameter.default is not parameter.empty):
            continue
        value = getattr(owner, name)
        if isinstance(parameter.default, bool) and (value is None or isinstance(value, LayerArray)):
            value = value is not None  # a part that may be left out, such as Linear's bias
        elif isinstance(value, LayerArray):
            value = value.data
        found[name] = value
    return found
