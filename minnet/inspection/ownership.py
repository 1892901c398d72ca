"""Ownership says which arrays and layers a layer finds as its own, so that they are trained, converted and saved."""

from collections import deque
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from minnet.core.buffer import LayerArray
from minnet.core.layer import TRANSIENT, Layer
from minnet.inspection.layer_checks import Trial
from minnet.losses import Loss

CODE = (type, FunctionType, BuiltinFunctionType, MethodType, ModuleType)  # no Parameters are looked for in these


def arrays_found(trial: Trial) -> None:
    """Every array of floats, and every Parameter, is found as the layer's own."""
    if hidden := not_found(trial.layer):
        trial.fail(hidden)
    if not trial.backward_works:
        return
    layer = trial.new()
    trial.forward(layer, trial.inputs)
    before = _numbers(layer)
    trial.backward(layer, trial.dy)
    for name, number in _numbers(layer).items():
        if before.get(name, number) != number:
            trial.fail(
                f"backward changes self.{name}, a plain number, which no optimizer finds. What the layer learns must "
                "be a Parameter, self.w = mn.Parameter(...), also if it is one number: backward adds to self.w.grad"
            )


def _numbers(layer: Layer) -> dict[str, float]:
    return {name: value for name, value in vars(layer).items() if isinstance(value, float)}


def not_found(layer: Layer) -> str | None:
    """Say what a layer holds but does not own: a plain array of floats, or a Parameter inside another object."""
    owned = {id(array) for _, array in layer.named_arrays()} | {id(inner) for _, inner in layer.named_layers()}
    seen: set[int] = set()
    for path, inner in layer.named_layers():
        for name, value in vars(inner).items():
            if name in TRANSIENT:
                continue
            for place, found in _inside(f"self.{path}.{name}" if path else f"self.{name}", value, seen):
                if isinstance(found, LayerArray | Layer):
                    if id(found) not in owned:
                        return (
                            f"{place} is a {type(found).__name__} that is not found, because the object around it is "
                            "no Layer: keep it as an attribute of a layer, or in a list or dict of one"
                        )
                elif not isinstance(inner, Loss):  # a loss has constants, such as weights of classes; no model has it
                    return (
                        f"{place} is an array, not a Parameter or a Buffer: it is not trained, not converted by "
                        "astype, and not saved. Make it mn.Parameter(...) if it is learned, mn.Buffer(...) if it is "
                        "not; what forward keeps for backward belongs in self.cache"
                    )
    return None


def _inside(path: str, value: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Yield the Parameters, Buffers and Layers in a value, and its arrays of floats that are in no other object."""
    if isinstance(value, LayerArray | Layer) or (isinstance(value, np.ndarray) and value.dtype.kind == "f"):
        yield path, value
        return
    if isinstance(value, CODE) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _inside(f"{path}[{key!r}]", item, seen)
    elif isinstance(value, list | tuple | deque) or (isinstance(value, np.ndarray) and value.dtype == object):
        for i, item in enumerate(value):
            yield from _inside(f"{path}[{i}]", item, seen)
    elif hasattr(value, "__dict__"):
        for name, item in vars(value).items():
            for place, found in _inside(f"{path}.{name}", item, seen):
                if isinstance(found, LayerArray | Layer):
                    yield place, found
