"""A recording says what each layer was given and what it returned, in one forward and one backward."""

import copy
import inspect
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.layer import Layer

Arrays = dict[str, NDArray[Any]]


@dataclass
class Call:
    """One call of a layer's `forward`, and of its `backward`."""

    path: str
    layer: Layer
    given: inspect.BoundArguments  # the arguments of forward
    y: Any = None
    dy: Any = None
    dx: Any = None
    count: int = 1  # how often forward was called; the last call is kept
    went_back: bool = False  # whether backward was called
    before: Layer | None = None  # a copy of the layer before its forward, if it was to be kept

    @property
    def inputs(self) -> Arrays:
        """The arrays that forward was given, by name."""
        return dict(named_arrays(self.given))

    @property
    def outputs(self) -> Arrays:
        """The arrays that forward returned: y, or y[0], y["name"]."""
        return dict(walk("y", self.y))

    @property
    def output_gradients(self) -> Arrays:
        """The gradients that arrived, by the names of the outputs."""
        return {name: array for name, array in walk("y", self.dy) if array is not None}

    @property
    def input_gradients(self) -> Arrays:
        """The gradients that left, by the names of the inputs."""
        names = list(self.inputs)
        if isinstance(self.dx, dict):
            return {name: d for name, d in walk_dict(self.dx) if name in names and d is not None}
        found = [array for _, array in walk("dx", self.dx)]
        if len(found) != len(names):  # then integers and masks have no place in it
            names = [name for name, array in self.inputs.items() if array.dtype.kind == "f"]
        return {name: d for name, d in zip(names, found, strict=False) if d is not None}


@dataclass(frozen=True)
class Nudge:
    """A small change of one number that a layer is given."""

    path: str
    name: str
    index: tuple[int, ...]
    distance: float


def record(model: Layer, prefix: str = "", keep: Container[str] = ()) -> dict[str, Call]:
    """Let a model's layers write down their calls into a dict, which fills up as the model runs.

    It changes the layers' methods, so the model is a copy that nobody else uses. The layers whose paths are in `keep`
    are copied before their forward.
    """
    calls: dict[str, Call] = {}
    for path, layer in list(model.named_layers()):
        where = f"{prefix}.{path}" if prefix and path else prefix or path
        vars(layer)["forward"] = _forward(calls, where, layer, where in keep)
        for name in ("backward", "accumulate_grad"):
            vars(layer)[name] = _backward(calls, where, getattr(layer, name))
    return calls


def move(layer: Layer, nudge: Nudge) -> None:
    """Let a layer be given a number that is moved a little; it is a copy that nobody else uses."""
    original = layer.forward
    signature = inspect.signature(original)

    def forward(*inputs: Any, **named: Any) -> Any:
        given = changed(
            signature.bind(*inputs, **named), lambda name, array: _moved(array, nudge) if name == nudge.name else array
        )
        return original(*given.args, **given.kwargs)

    vars(layer)["forward"] = forward


def _forward(calls: dict[str, Call], path: str, layer: Layer, keep: bool) -> Callable[..., Any]:
    original = layer.forward
    signature = inspect.signature(original)

    def forward(*inputs: Any, **named: Any) -> Any:
        try:
            given = signature.bind(*inputs, **named)
        except TypeError:  # the layer itself says what is wrong
            return original(*inputs, **named)
        count = calls[path].count + 1 if path in calls else 1
        calls.pop(path, None)
        calls[path] = call = Call(path, layer, changed(given, lambda _, array: array.copy()), count=count)
        call.before = unrecorded(layer) if keep else None
        y = original(*given.args, **given.kwargs)
        call.y = _copied(y)
        return y

    return forward


def _backward(calls: dict[str, Call], path: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def backward(*gradients: Any, **named: Any) -> Any:
        call = calls.get(path)
        if call is None or call.went_back:  # accumulate_grad may call backward; a layer that runs twice goes back twice
            return original(*gradients, **named)
        call.went_back = True
        call.dy = _copied(gradients[0]) if gradients else None
        dx = original(*gradients, **named)
        call.dx = _copied(dx)
        return dx

    return backward


def unrecorded(layer: Layer) -> Layer:
    """Return a copy of a layer with its own methods."""
    copied = copy.deepcopy(layer)
    for _, inner in copied.named_layers():
        for name in ("forward", "backward", "accumulate_grad"):
            vars(inner).pop(name, None)
    return copied


def _moved(array: NDArray[Any], nudge: Nudge) -> NDArray[Any]:
    array = array.copy()
    array[nudge.index] += nudge.distance
    return array


def _copied(value: Any) -> Any:
    return _mapped("", value, lambda _, array: array.copy())


def named_arrays(given: inspect.BoundArguments) -> Iterator[tuple[str, Any]]:
    """Walk the arrays among the arguments of a call, with their names."""
    found: list[tuple[str, Any]] = []
    changed(given, lambda name, array: found.append((name, array)) or array)  # type: ignore[func-returns-value]
    return iter(found)


def changed(given: inspect.BoundArguments, function: Callable[[str, Any], Any]) -> inspect.BoundArguments:
    """Return arguments with what a function makes of the name and the values of each array."""
    result = given.signature.bind(*given.args, **given.kwargs)
    for name, value in given.arguments.items():
        kind = given.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            names = ["x"] if len(value) == 1 else [f"x_{i + 1}" for i in range(len(value))]
            new: Any = tuple(_mapped(one, item, function) for one, item in zip(names, value, strict=True))
        elif kind is inspect.Parameter.VAR_KEYWORD:
            new = {key: _mapped(key, item, function) for key, item in value.items()}
        else:
            new = _mapped(name, value, function)
        result.arguments[name] = new
    return result


def _mapped(name: str, value: Any, function: Callable[[str, Any], Any]) -> Any:
    if isinstance(value, np.ndarray):
        return function(name, value)
    if type(value) in (tuple, list):
        return type(value)(_mapped(f"{name}[{i}]", item, function) for i, item in enumerate(value))
    if isinstance(value, dict):
        return {key: _mapped(f'{name}["{key}"]', item, function) for key, item in value.items()}
    return value


def walk(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Walk the arrays, numbers and Nones of a value, with their names."""
    if type(value) in (tuple, list):
        for i, item in enumerate(value):
            yield from walk(f"{name}[{i}]", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from walk(f'{name}["{key}"]', item)
    else:
        yield name, value


def walk_dict(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Walk the arrays of a dict, whose keys are their names."""
    for key, item in value.items():
        yield from walk(key, item)
