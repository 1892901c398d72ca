"""A description says how a model is made: the classes of its layers and their arguments, as JSON, and no code.

A layer is ``{"class": "Linear", "arguments": {"in_features": 784, …}}``, where ``class`` is a layer of minnet, or
``{"custom": "Maxout", …}`` for a class of the user's. ``layers`` has those attributes that hold layers and are no
arguments, such as the parts of a `TransformerBlock`, which may have been changed after it was made. A value is

- null, true, false, a string, an integer below 2⁶³, a finite number; or a list of values, which is a tuple;
- a layer;
- ``{"list": […]}``, ``{"dict": {…}}``, ``{"float": "inf"}``, ``{"dtype": "float32"}``;
- ``{"named": [[name or null, layer], …]}``: the layers of a container that have names;
- ``{"array": name}`` and ``{"parameter": name}``: the values, or a Parameter, of an array of the file.

Beside the model, ``shared`` maps the further places of an array that several layers use to its first, ``frozen`` lists
the Parameters that are not trainable, and ``frozen_statistics`` the layers for which `freeze` said so.

Not described are first values (initializers, ``rng``) and the state of Generators, which belongs to a run.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from minnet import layers as minnet_layers
from minnet.core.arguments import signature_of
from minnet.core.layer import TRANSIENT, Layer, every_array
from minnet.core.layers import Layers
from minnet.core.parameter import Parameter

VERSION = 1
DEEPEST = 50  # layers in layers
MOST_LAYERS = 20_000
MOST_ITEMS = 10_000  # of a list or dict that is an argument, and no layers
KEY = "model"  # of the metadata

OWN: dict[str, type[Layer]] = {
    name: kind
    for name in minnet_layers.__all__
    if isinstance(kind := getattr(minnet_layers, name), type) and issubclass(kind, Layer)
}

Json = Any


class UndescribedError(ValueError):
    """A model cannot be described; the message says which layer, and why."""


def description_of(model: Layer) -> str:
    """Return a model's description as JSON; if there is none, JSON that says why (``undescribed``)."""
    try:
        return json.dumps(describe_model(model), allow_nan=False)
    except UndescribedError as error:
        return json.dumps({"version": VERSION, "undescribed": str(error)})


def describe_model(model: Layer) -> dict[str, Json]:
    """Return a model's description. Raises UndescribedError if a file could not say how to make it again."""
    first = {id(array): path for path, array in model.named_arrays()}
    described = {"version": VERSION, "model": Describer(first).layer(model, "")}
    shared: dict[str, str] = {}
    for path, layer, name, array in every_array(model):
        if first[id(array)] == path:
            continue
        if name in vars(layer):
            shared[path] = first[id(array)]
        else:
            raise UndescribedError(f"{path} is shared, and is not an attribute of its own, but in a list or dict")
    found: dict[str, Json] = {
        "shared": shared,
        "frozen": [path for path, parameter in model.named_parameters() if not parameter.trainable],
        "frozen_statistics": [path for path, layer in model.named_layers() if layer.frozen_statistics],
    }
    return described | {name: value for name, value in found.items() if value}


def holds_layers(value: object) -> bool:
    """Whether a value is a layer, or a list, tuple or dict with a layer in it."""
    return next(_layers_in(value), None) is not None


def layer_attributes(layer: Layer) -> dict[str, Any]:
    """Return the attributes of a layer that hold layers."""
    return {name: value for name, value in vars(layer).items() if name not in TRANSIENT and holds_layers(value)}


def _layers_in(value: object) -> Iterator[Layer]:
    if isinstance(value, Layer):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _layers_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _layers_in(item)


class Describer:
    """What describes the layers of one model, whose arrays have these names in the file."""

    def __init__(self, names: dict[int, str]) -> None:
        self.names = names
        self.custom: dict[str, type] = {}
        self.count = 0

    def layer(self, layer: Layer, path: str, depth: int = 1) -> Json:
        kind, name = type(layer), type(layer).__name__
        where = f"{path} is a {name}" if path else f"the model is a {name}"
        self.count += 1
        if self.count > MOST_LAYERS or depth > DEEPEST:
            raise UndescribedError(f"it has more than {MOST_LAYERS:,} layers, or more than {DEEPEST} inside each other")
        is_own = OWN.get(name) is kind
        if not is_own and self.custom.setdefault(name, kind) is not kind:
            raise UndescribedError(f"two of its classes have the name {name}: give one of them another name")
        parts = layer_attributes(layer)
        described: dict[str, Json] = {"class" if is_own else "custom": name}
        given = _arguments(layer, where)
        arguments = {
            argument: self.value(value, path, argument, layer, depth, where)
            for argument, value in given.items()
            if argument in parts or not isinstance(value, Layer)  # else it is a part of another attribute
        }
        others = {
            attribute: self.value(value, path, attribute, layer, depth, where)
            for attribute, value in parts.items()
            if given.get(attribute) is not value
        }
        return described | {key: value for key, value in (("arguments", arguments), ("layers", others)) if value}

    def value(self, value: Any, path: str, name: str, owner: Layer, depth: int, where: str) -> Json:
        """Return a value as JSON; raise UndescribedError if it has no form there."""
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or type(value) in (bool, str):
            return value
        if type(value) is int and abs(value) < 2**63:
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, Layer):
            return self.layer(value, f"{path}.{name}" if path else name, depth + 1)
        if isinstance(value, list | tuple | dict) and len(value) <= (MOST_LAYERS if holds_layers(value) else MOST_ITEMS):
            return self.items(value, path, name, owner, depth, where)
        if isinstance(value, Parameter) and id(value) in self.names:
            return {"parameter": self.names[id(value)]}
        if isinstance(value, np.ndarray):
            for *_, array in every_array(owner):
                if value is array.data:
                    return {"array": self.names[id(array)]}
        if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
            return {"dtype": np.dtype(value).name}
        what = "an array: keep it as a Buffer" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
        raise UndescribedError(f"{where}, whose {name} is {what}, which a description cannot hold")

    def items(self, value: Any, path: str, name: str, owner: Layer, depth: int, where: str) -> Json:
        """Return a list, tuple or dict as JSON."""
        if depth > DEEPEST:
            raise UndescribedError(f"{where}, whose {name} is too deep")
        rest = (owner, depth + 1 - holds_layers(value), where)
        if type(value) is Layers:
            found = [self.value(layer, path, f"{name}{value.index_of(i)}", *rest) for i, layer in enumerate(value)]
            return {"named": [list(pair) for pair in zip(value.names, found, strict=True)]} if any(value.names) else found
        if type(value) is dict and all(type(key) is str for key in value):
            return {"dict": {key: self.value(item, path, f"{name}[{key!r}]", *rest) for key, item in value.items()}}
        if type(value) not in (list, tuple):
            raise UndescribedError(f"{where}, whose {name} is a {type(value).__name__}, which a description cannot hold")
        found = [self.value(item, path, f"{name}[{i}]", *rest) for i, item in enumerate(value)]
        return {"list": found} if type(value) is list else found


def _arguments(layer: Layer, where: str) -> dict[str, Any]:
    """Return a layer's arguments; UndescribedError if it does not keep them."""
    try:
        arguments = layer.arguments()
    except AttributeError as error:
        name = error.name or "…"
        if name not in signature_of(type(layer)):
            raise UndescribedError(f"{where}, whose arguments() failed: {error}") from None
        raise UndescribedError(
            f"{where}, whose argument {name} is not kept: keep it as self.{name}, or define a method arguments() that "
            f"returns a dict of all arguments, such as {{{name!r}: …}}"
        ) from None
    except Exception as error:
        raise UndescribedError(f"{where}, whose arguments() failed: {type(error).__name__}: {error}") from None
    if type(arguments) is not dict or not all(type(name) is str for name in arguments):
        raise UndescribedError(f"{where}, whose arguments() returned a {type(arguments).__name__}, and no dict of names")
    if unknown := [name for name in arguments if name not in signature_of(type(layer))]:
        raise UndescribedError(f"{where}, whose arguments() has {unknown[0]}, which its constructor does not take")
    return arguments
