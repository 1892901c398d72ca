"""Building makes the model that a description is of, without trusting it: the file may be hostile.

Only layers of minnet, and classes that the caller passed, are made, by calling them with the arguments of the file.
Constructors check their arguments; they run in a `blueprint`, so that no array is allocated before its shape was
compared with the file's. What was made is then compared with the description: each argument must be kept as it was
given. Everything that is wrong is a CheckpointError.
"""

import json
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arguments import DRAWN, is_drawn, signature_of
from minnet.core.blueprint import Blueprint
from minnet.core.layer import Layer, every_array
from minnet.core.layers import Layers
from minnet.core.parameter import Parameter
from minnet.errors import CheckpointError
from minnet.layers import Graph
from minnet.saving.description import (
    DEEPEST,
    DTYPES,
    LONGEST_PATH,
    MOST_LAYERS,
    Describer,
    Json,
    Place,
    UndescribedError,
    count_layers,
    holds_layers,
    layer_attributes,
    own_class,
)
from minnet.saving.messages import brief, listed

Arrays = Mapping[str, NDArray[Any]]
Custom = Mapping[str, type[Layer]]

_TOO_OFTEN = 8  # times the file's numbers may be arguments, and arrays be made, because some layers are made anew
_LAYER_KEYS = {"class", "custom", "arguments", "layers"}
_MODEL_KEYS = {"version", "model", "shared", "frozen", "frozen_statistics"}


def build_model(description: Json, arrays: Arrays, custom: Custom) -> Layer:
    """Return the model that a description is of, with the arrays of its file.

    Raises CheckpointError if it is no description, or not one of a model with these arrays.
    """
    if type(description) is not dict or not description.keys() <= _MODEL_KEYS or "model" not in description:
        raise CheckpointError("its description of a model is not as minnet writes it")
    builder = _Builder(arrays, custom)
    model = builder.layer(description["model"], "", 1)
    _share(model, _of(dict, "shared", description.get("shared", {})))
    _fill(model, arrays)
    parameters, layers = dict(model.named_parameters()), dict(model.named_layers())
    for path in _of(list, "frozen", description.get("frozen", [])):
        _named(parameters, "frozen", path).trainable = False
    for path in _of(list, "frozen_statistics", description.get("frozen_statistics", [])):
        layer = _named(layers, "frozen_statistics", path)
        layer.frozen_statistics, layer.training = True, False
    return model


class _Builder:
    """What makes the layers of one model."""

    def __init__(self, arrays: Arrays, custom: Custom) -> None:
        self.arrays = arrays
        self.custom = custom
        self.blueprint = Blueprint(_TOO_OFTEN * len(arrays) + 1000)
        self.describer = Describer({})
        self.count = 0
        self.left = _TOO_OFTEN * sum(array.size for array in arrays.values())  # numbers that may still be arguments

    def layer(self, described: Json, path: str, depth: int) -> Layer:
        where = path or "the model"
        self.count += 1
        if depth > 2 * DEEPEST or self.count > MOST_LAYERS:
            raise CheckpointError(f"it has more than {MOST_LAYERS:,} layers, or more than {DEEPEST} inside each other")
        _check_form(where, described)
        kind = self._class(where, described)
        given = _of(dict, f"{where}: its arguments", described.get("arguments", {}))
        is_own = kind is own_class(kind.__name__)
        _check_names(where, kind, given, is_own)
        arguments = {name: self.value(value, _join(path, name), depth) for name, value in given.items()}
        others = {
            name: self.value(value, _join(path, name), depth)
            for name, value in _of(dict, f"{where}: its layers", described.get("layers", {})).items()
        }
        with self.blueprint:
            layer = _made(where, kind, arguments)
        again = {name: value for name, value in arguments.items() if not is_own or isinstance(value, Layers)}
        _set_parts(where, layer, again | others)
        self._compare(where, layer, given, arguments)
        return layer

    def value(self, value: Json, path: str, depth: int) -> Any:
        """Return the value that a piece of JSON stands for."""
        if depth > 2 * DEEPEST or len(path) > LONGEST_PATH:  # a layer in a list in a layer is two levels here
            raise CheckpointError(f"{brief(path)} is too deep, or its path is too long")
        if isinstance(value, float) and not math.isfinite(value):
            raise CheckpointError(f"{brief(path)} is {value}, which is no number of a description")
        if isinstance(value, list):
            return tuple(self._items(value, path, depth))
        if not isinstance(value, dict):
            return value
        if "class" in value or "custom" in value:
            return self.layer(value, path, depth + 1)
        match tuple(value.items()):
            case (("list", list(items)),):
                return self._items(items, path, depth)
            case (("dict", dict(items)),):
                return dict(zip(items, self._items(items.values(), path, depth, map(repr, items)), strict=True))
            case (("named", list(pairs)),):
                return self._named_layers(path, pairs, depth)
            case (("float", "inf" | "-inf" | "nan" as number),):
                return float(number)
            case (("dtype", str(name)),) if name in DTYPES:
                return np.dtype(name)
            case (("array", name),):
                return self._array(path, name)
            case (("parameter", name),):
                with self.blueprint:
                    return Parameter(np.broadcast_to(1.0, self._array(path, name).shape))
        raise CheckpointError(f"{brief(path)} is {brief(value)}, which is no value of a description")

    def _items(self, items: Collection[Json], path: str, depth: int, places: Iterable[Any] | None = None) -> list[Any]:
        if len(items) > MOST_LAYERS:
            raise CheckpointError(f"{brief(path)} has more than {MOST_LAYERS:,} entries")
        places = range(len(items)) if places is None else places
        return [self.value(item, f"{path}[{i}]", depth + 1) for i, item in zip(places, items, strict=True)]

    def _named_layers(self, path: str, pairs: list[Json], depth: int) -> Layers[Layer]:
        if not all(type(pair) is list and len(pair) == 2 for pair in pairs):
            raise CheckpointError(f"{brief(path)} is not pairs of a name and a layer")
        places = (i if name is None else f'"{name}"' for i, (name, _) in enumerate(pairs))
        layers = self._items([layer for _, layer in pairs], path, depth, places)
        return Layers(layers, [name for name, _ in pairs])

    def _array(self, path: str, name: Json) -> NDArray[Any]:
        array: NDArray[Any] = _named(self.arrays, path, name)
        self.left -= array.size
        if self.left < 0:
            raise CheckpointError(f"{brief(path)}: the arrays of the file are arguments too often")
        return array

    def _class(self, where: str, described: Json) -> type[Layer]:
        if "class" in described:
            name = _of(str, where, described["class"])
            own = own_class(name)
            if own is None:
                raise CheckpointError(
                    f"{where} is a {brief(name)}, which this minnet does not have: if a newer one wrote the file, "
                    "update minnet"
                )
            return own
        name = _of(str, where, described["custom"])
        if name not in self.custom:
            raise CheckpointError(
                f"{where} is a {brief(name)}, a class that is not minnet's: pass it, custom={{{brief(repr(name))}: …}}"
            )
        return self.custom[name]

    def _is_as_given(self, kept: Any, given: Any, json_given: Json, place: Place) -> bool:
        """Whether a layer keeps an argument as it was given; the values of arrays come later."""
        if holds_layers(given) or holds_layers(kept):
            return count_layers(kept) == count_layers(given)
        if isinstance(given, np.ndarray):
            return any(kept is array.data for *_, array in every_array(place.owner))
        if isinstance(given, Parameter) or isinstance(kept, Parameter | np.ndarray):
            return isinstance(given, Parameter) and isinstance(kept, Parameter)
        try:
            now = self.describer.value(kept, place)
        except UndescribedError:
            return False
        return json.dumps(now, sort_keys=True) == json.dumps(json_given, sort_keys=True)

    def _compare(self, where: str, layer: Layer, described: dict[str, Json], given: dict[str, Any]) -> None:
        """Check that a layer keeps the arguments that it was given, as they were given."""
        kind = type(layer).__name__
        try:
            kept = layer.arguments()
        except Exception as error:
            raise CheckpointError(f"{where}: {kind}.arguments() failed: {brief(error)}") from error
        for name, value in described.items():
            if name in kept and not self._is_as_given(kept[name], given[name], value, Place("", name, layer, 1)):
                cure = ": keep it as given, or define arguments()" * (type(layer) is not own_class(kind))
                raise CheckpointError(
                    f"{where}: {kind} was made with {name}={brief(json.dumps(value))}, and keeps "
                    f"{brief(kept[name])}{cure}"
                )


def _check_form(where: str, described: Json) -> None:
    if type(described) is not dict or not described.keys() <= _LAYER_KEYS:
        raise CheckpointError(f"{where} is {brief(described)}, which is no description of a layer")
    if ("class" in described) is ("custom" in described):
        raise CheckpointError(f"{where} has not one class")


def _check_names(where: str, kind: type[Layer], given: dict[str, Json], is_own: bool) -> None:
    """Check that a constructor takes the arguments, and that those of minnet that are true or false are so."""
    for name, value in given.items():
        parameter = signature_of(kind).get(name)
        if parameter is None or is_drawn(name):
            cure = "if a newer minnet wrote the file, update minnet" if is_own else "is it the class that was saved?"
            raise CheckpointError(f"{where}: {kind.__name__} has no argument {brief(repr(name))}: {cure}")
        if is_own and isinstance(parameter.default, bool) and type(value) is not bool:
            raise CheckpointError(f"{where}: {kind.__name__}'s {name} is {brief(value)}, and not true or false")


def _made(where: str, kind: type[Layer], arguments: dict[str, Any]) -> Layer:
    """Call a class with its arguments; CheckpointError, if it refuses them."""
    try:
        positional, named = _in_order(kind, arguments)
        layer = kind(*positional, **named)
    except Exception as error:
        raise CheckpointError(f"{where}: {kind.__name__} cannot be made: {brief(error)}") from error
    if not isinstance(layer, Layer):
        raise CheckpointError(f"{where}: {kind.__name__} made no Layer, but a {type(layer).__name__}")
    return layer


def _in_order(kind: type[Layer], arguments: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return arguments as a constructor takes them: the positional ones, and the named ones."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    in_order = True  # whether all before were given
    for name, parameter in signature_of(kind).items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            layers = arguments.get(name, ())
            positional += [dict(layers.pairs())] if issubclass(kind, Graph) and isinstance(layers, Layers) else layers
        elif parameter.kind is parameter.VAR_KEYWORD:
            named |= arguments.get(name, {})
        elif name not in arguments:
            in_order = in_order and parameter.kind is parameter.KEYWORD_ONLY
            if parameter.default is parameter.empty and name in DRAWN:
                named[name] = np.random.default_rng() if name == "rng" else 0
        elif in_order and parameter.kind is not parameter.KEYWORD_ONLY:
            positional.append(arguments[name])
        else:
            named[name] = arguments[name]
    return positional, named


def _set_parts(where: str, layer: Layer, parts: dict[str, Any]) -> None:
    """Set the attributes that hold layers, which may have been changed after the layer was made."""
    there = layer_attributes(layer)
    for name, value in parts.items():
        if not holds_layers(value):
            continue
        if name not in there:
            raise CheckpointError(f"{where}: {type(layer).__name__} has no layers {brief(repr(name))}")
        try:
            setattr(layer, name, value)
        except Exception as error:
            raise CheckpointError(f"{where}: its {brief(name)} cannot be set: {brief(error)}") from error


def _share(model: Layer, shared: dict[str, Json]) -> None:
    """Make layers share arrays as the description says: further place → first place."""
    places = {path: (layer, name, array) for path, layer, name, array in every_array(model)}
    for path, first in shared.items():
        layer, name, array = _named(places, "shared", path)
        _, _, other = _named(places, "shared", first)
        fits = name in vars(layer) and type(array) is type(other) and array.data.shape == other.data.shape
        if not fits or first in shared:
            raise CheckpointError(f"{brief(path)} cannot be shared with {brief(first)}")
        setattr(layer, name, other)


def _fill(model: Layer, arrays: Arrays) -> None:
    """Give the file's arrays to a model; CheckpointError, unless it has arrays of these names and shapes."""
    own = dict(model.named_arrays())
    found = [f"{name}: in its description, and no such array" for name in own if name not in arrays]
    found += [f"{name}: an array, and not in its description" for name in arrays if name not in own]
    found += [
        f"{name}: {array.data.shape} in its description, and {arrays[name].shape} in the file"
        for name, array in own.items()
        if name in arrays and array.data.shape != arrays[name].shape
    ]
    if found:
        raise CheckpointError("\n  ".join(["its arrays are not those of its description:", *listed(found)]))
    for name, array in own.items():
        try:
            array.adopt(arrays[name])
        except TypeError as error:
            raise CheckpointError(f"{name}: {error}") from None


def _named(found: Mapping[str, Any], where: str, name: Json) -> Any:
    if type(name) is not str or name not in found:
        raise CheckpointError(f"{brief(where)}: there is no {brief(name)}")
    return found[name]


def _of(kind: type, where: str, value: Json) -> Any:
    if type(value) is not kind:
        raise CheckpointError(f"{brief(where)} is {brief(value)}, and not as minnet writes it")
    return value


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
