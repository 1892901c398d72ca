"""Ownership says which arrays and layers a layer finds as its own, so that they are trained, converted and saved."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from minnet.core.buffer import LayerArray
from minnet.core.layer import TRANSIENT, Layer
from minnet.losses import Loss


def not_found(layer: Layer) -> str | None:
    """Say what a layer holds but does not own: a plain array of floats, or a Parameter inside another object."""
    owned = {id(array) for _, array in layer.named_arrays()} | {id(inner) for _, inner in layer.named_layers()}
    for path, inner in layer.named_layers():
        for name, value in vars(inner).items():
            if name in TRANSIENT:
                continue
            where = ".".join(("self", *path.split("."), name)) if path else f"self.{name}"
            for place, found in _inside(where, value, {id(inner)}):
                if isinstance(found, np.ndarray):
                    if isinstance(inner, Loss):  # its weights of classes are constants, which belong to no model
                        continue
                    return (
                        f"{place} is an array, not a Parameter or a Buffer: it is not trained, not converted by "
                        "astype, and not saved. Make it mn.Parameter(...) if it is learned, mn.Buffer(...) if it is "
                        "not; what forward keeps for backward belongs in self.cache"
                    )
                if id(found) not in owned:
                    return (
                        f"{place} is a {type(found).__name__} that is not found, because the object around it is no "
                        "Layer: keep it as an attribute of a layer, or in a list or dict of one"
                    )
    return None


def _inside(path: str, value: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Yield the Parameters, Buffers and Layers in a value, and its arrays of floats that are in no other object."""
    if isinstance(value, (LayerArray, Layer)) or (isinstance(value, np.ndarray) and value.dtype.kind == "f"):
        yield path, value
    elif id(value) in seen or isinstance(value, type) or callable(value):
        return
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _inside(f"{path}[{key!r}]", item, seen | {id(value)})
    elif isinstance(value, (list, tuple, set, frozenset)) or (isinstance(value, np.ndarray) and value.dtype == object):
        for i, item in enumerate(value):
            yield from _inside(f"{path}[{i}]", item, seen | {id(value)})
    elif hasattr(value, "__dict__"):
        for name, item in vars(value).items():
            for place, found in _inside(f"{path}.{name}", item, seen | {id(value)}):
                if not isinstance(found, np.ndarray):
                    yield place, found
