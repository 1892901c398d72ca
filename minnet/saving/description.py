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
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minnet import layers as minnet_layers
from minnet.core.arguments import signature_of
from minnet.core.layer import TRANSIENT, Layer, every_array
from minnet.core.layers import Layers
from minnet.core.parameter import Parameter

VERSION = 1
DEEPEST = 64  # layers in layers
MOST_LAYERS = 10_000  # and entries of a list or dict
LONGEST = 1 << 22  # letters
LONGEST_PATH = 4_000  # letters of the path of a layer, because each layer's is kept while a model is made
DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64")
KEY = "model"  # of the metadata

OWN: dict[str, type[Layer]] = {
    name: kind for name, kind in vars(minnet_layers).items() if isinstance(kind, type) and issubclass(kind, Layer)
}

Json = Any


def own_class(name: str) -> type[Layer] | None:
    """Return the layer of minnet that has this name, or None."""
    if name in OWN:
        return OWN[name]
    from minnet.layers import operations  # which `import minnet` does without

    found = vars(operations).get(name)
    return found if isinstance(found, type) and issubclass(found, Layer) else None


class UndescribedError(ValueError):
    """A model cannot be described; the message says which layer, and why."""


def description_of(model: Layer) -> str:
    """Return a model's description as JSON; if there is none, JSON that says why (``undescribed``)."""
    try:
        text = json.dumps(describe_model(model), allow_nan=False)
        if len(text) > LONGEST:
            raise UndescribedError(f"its description takes {len(text):,} letters, and {LONGEST:,} are the most")
        return text
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


def count_layers(value: object) -> int:
    """Return how many layers are in a value, without those inside them."""
    return sum(1 for _ in _layers_in(value))


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
        """Return the description of a layer; UndescribedError if there is none."""
        kind, name = type(layer), type(layer).__name__
        self.count += 1
        if self.count > MOST_LAYERS or depth > DEEPEST:
            raise UndescribedError(f"it has more than {MOST_LAYERS:,} layers, or more than {DEEPEST} inside each other")
        if len(path) > LONGEST_PATH:
            raise UndescribedError(f"the path of one of its layers has more than {LONGEST_PATH:,} letters")
        is_own = own_class(name) is kind
        if not is_own and self.custom.setdefault(name, kind) is not kind:
            raise UndescribedError(f"two of its classes have the name {name}: give one of them another name")
        parts = layer_attributes(layer)
        given = arguments_to_describe(layer, path)
        arguments = {
            argument: self.value(value, Place(path, argument, layer, depth))
            for argument, value in given.items()
            if argument in parts or not isinstance(value, Layer)  # else it is a part of another attribute
        }
        others = {
            attribute: self.value(value, Place(path, attribute, layer, depth))
            for attribute, value in parts.items()
            if given.get(attribute) is not value
        }
        described: dict[str, Json] = {"class" if is_own else "custom": name}
        return described | {key: value for key, value in (("arguments", arguments), ("layers", others)) if value}

    def value(self, value: Any, place: "Place") -> Json:
        """Return a value as JSON; UndescribedError if it has no form there."""
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or type(value) in (bool, str):
            return value
        if type(value) is int and abs(value) < 2**63:
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, Layer):
            return self.layer(value, place.path, place.depth + 1)
        if type(value) in (list, tuple, dict, Layers):
            return self.items(value, place)
        if isinstance(value, Parameter) and id(value) in self.names:
            return {"parameter": self.names[id(value)]}
        if isinstance(value, np.ndarray):
            return self.array(value, place)
        is_dtype = isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic))
        if is_dtype and np.dtype(value).name in DTYPES:
            return {"dtype": np.dtype(value).name}
        raise place.refused(f"is a {type(value).__name__}, which a description cannot hold")

    def array(self, value: NDArray[Any], place: "Place") -> Json:
        """Return an array as JSON: it must be that of a Parameter or Buffer."""
        for *_, array in every_array(place.owner):
            if value is array.data and id(array) in self.names:
                return {"array": self.names[id(array)]}
        raise place.refused("is an array: keep it as a Buffer")

    def items(self, value: Any, place: "Place") -> Json:
        """Return a list, tuple or dict as JSON."""
        if place.depth > DEEPEST:
            raise place.refused("is too deep")
        if len(value) > MOST_LAYERS:
            raise place.refused(f"has more than {MOST_LAYERS:,} entries")
        if type(value) is dict:
            if not all(type(key) is str for key in value):
                raise place.refused("is a dict with other keys than strings")
            return {"dict": {key: self.value(item, place.inside(f"[{key!r}]", item)) for key, item in value.items()}}
        index = value.index_of if isinstance(value, Layers) else "[{}]".format
        found = [self.value(item, place.inside(index(i), item)) for i, item in enumerate(value)]
        if isinstance(value, Layers) and any(value.names):
            return {"named": [list(pair) for pair in zip(value.names, found, strict=True)]}
        return {"list": found} if type(value) is list else found


class Place(NamedTuple):
    """Where a value stands: in which layer, and how deep."""

    layer: str  # its path
    name: str
    owner: Layer
    depth: int

    @property
    def path(self) -> str:
        """The path of the value, from the model."""
        return f"{self.layer}.{self.name}" if self.layer else self.name

    def inside(self, index: str, item: object) -> "Place":
        """Return the place of an item; one that is a layer counts its depth by itself."""
        return self._replace(name=self.name + index, depth=self.depth + (not isinstance(item, Layer)))

    def refused(self, why: str) -> UndescribedError:
        """Return an error that says why the value cannot be described."""
        return UndescribedError(f"{_is_a(self.owner, self.layer)}, whose {self.name} {why}")


def arguments_to_describe(layer: Layer, path: str) -> dict[str, Any]:
    """Return a layer's arguments; UndescribedError if it does not keep them."""
    what, takes = _is_a(layer, path), signature_of(type(layer))
    try:
        arguments = layer.arguments()
    except AttributeError as error:
        if error.name not in takes or error.obj is not layer:
            raise UndescribedError(f"{what}, whose arguments() failed: {error}") from None
        raise UndescribedError(
            f"{what}, whose argument {error.name} is not kept (keep it as self.{error.name}, or define a method "
            f"arguments() that returns a dict of all arguments, such as {{{error.name!r}: …}})"
        ) from None
    except Exception as error:
        raise UndescribedError(f"{what}, whose arguments() failed: {type(error).__name__}: {error}") from None
    if type(arguments) is not dict or not takes.keys() >= arguments.keys():
        raise UndescribedError(f"{what}, whose arguments() returned something else than a dict of its arguments")
    return arguments


def _is_a(layer: Layer, path: str) -> str:
    return f"{path or 'the model'} is a {type(layer).__name__}"
