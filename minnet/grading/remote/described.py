"""A layer, described for another process: what it holds, by kinds and numbers, and its arrays by the same numbers.

`minnet.grading.remote.mirror` builds the like of the layer from it. So the checks there see which arrays are
Parameters, which objects are shared, what changed, and what is no Parameter though it should be one.
"""

from collections import deque
from typing import Any

import numpy as np

from minnet.core.buffer import Buffer, LayerArray
from minnet.core.layer import TRANSIENT, Layer
from minnet.core.layers import Layers
from minnet.core.parameter import Parameter
from minnet.core.state import BIT_GENERATORS
from minnet.grading.remote.wire import CODES
from minnet.inspection.ownership import CODE
from minnet.losses import Loss

FLAGS = ("training", "recording", "frozen_statistics")
KINDS = {list: "list", tuple: "tuple", deque: "deque", set: "set", frozenset: "frozenset"}
_DEEPEST = 20
_LONGEST = 200  # characters of the text of a value that is described by its text


class Description:
    """Describe one layer after the other call, and find out what changed in between.

    Attributes
    ----------
    arrays : dict of int → array
        The arrays that belong to the layer, by the numbers that stand for them in its description.
    objects : dict of int → object
        All that have a number; they are kept until the next description, so that no new one has the number of another.
    """

    def __init__(self) -> None:
        self.objects: dict[int, Any] = {}
        self.arrays: dict[int, Any] = {}
        self.layers: list[Layer] = []

    def of(self, layer: Layer) -> Any:
        """Return the description of a layer, of which JSON can be made."""
        self.arrays, self.layers, self._seen = {}, [], set[int]()
        before, self.objects = self.objects, {}
        try:
            return self._node(layer, 0)
        except BaseException:
            self.objects = before  # the other process knows no other description
            raise

    def _number(self, value: Any) -> int:
        self.objects[id(value)] = value
        return id(value)

    def _array(self, value: Any) -> int:
        self.arrays[id(value)] = value
        return self._number(value)

    def _node(self, value: Any, depth: int) -> Any:
        if isinstance(value, bool | int | float | str) or value is None:
            return {"kind": "value", "value": _short(value)}
        if depth > _DEEPEST:
            return {"kind": "text", "text": "..."}
        if isinstance(value, LayerArray | np.ndarray | np.random.Generator) and _is_known(value):
            return self._of_numbers(value)
        if isinstance(value, CODE):
            return {"kind": "code", "text": getattr(value, "__qualname__", "")[:_LONGEST]}
        if id(value) in self._seen:
            return {"kind": "again", "number": id(value)}
        self._seen.add(self._number(value))
        if isinstance(value, Layer):
            return self._of_layer(value, depth)
        if isinstance(value, dict):
            pairs = [[_key(key), self._node(item, depth + 1)] for key, item in value.items()]
            return {"kind": "dict", "number": id(value), "items": pairs}
        for kind, name in KINDS.items():
            if isinstance(value, kind):
                names = list(value.names) if isinstance(value, Layers) else None
                items = [self._node(item, depth + 1) for item in value]
                return {"kind": name, "number": id(value), "items": items, "names": names}
        if hasattr(value, "__dict__"):
            inside = {str(name): self._node(item, depth + 1) for name, item in vars(value).items()}
            return {"kind": "object", "number": id(value), "text": type(value).__name__, "items": inside}
        return {"kind": "text", "text": repr(value)[:_LONGEST]}

    def _of_numbers(self, value: Any) -> Any:
        if isinstance(value, Parameter):
            numbers = self._array(value.data), self._array(value.grad)
            flags = {"trainable": bool(value.trainable)}
            return {"kind": "Parameter", "number": self._number(value), "arrays": numbers, **flags}
        if isinstance(value, Buffer):
            return {"kind": "Buffer", "number": self._number(value), "arrays": [self._array(value.data)]}
        if isinstance(value, np.random.Generator):
            return {"kind": "Generator", "number": self._number(value), "state": _plain(value.bit_generator.state)}
        if value.dtype == object:
            return {"kind": "list", "number": self._number(value), "items": [self._node(v, 1) for v in value.flat]}
        return {"kind": "array", "number": self._array(value)}

    def _of_layer(self, layer: Layer, depth: int) -> Any:
        self.layers.append(layer)
        inside = {n: self._node(v, depth + 1) for n, v in vars(layer).items() if n not in {*TRANSIENT, *FLAGS}}
        return {
            "kind": "Layer",
            "number": id(layer),
            "class": type(layer).__name__[:_LONGEST],
            "is_loss": isinstance(layer, Loss),
            "described": layer.describe()[:_LONGEST],
            "flags": [bool(getattr(layer, flag)) for flag in FLAGS],
            "items": inside,
        }


def _is_known(value: Any) -> bool:
    """Whether the other process can hold the like of an array or a Generator."""
    if isinstance(value, np.random.Generator):
        return type(value.bit_generator).__name__ in BIT_GENERATORS
    return isinstance(value, LayerArray) or value.dtype == object or value.dtype.str[1:] in CODES


def _short(value: Any) -> Any:
    """Return a plain value, or something in its place if it is long: a number of a million digits, a whole book."""
    if isinstance(value, str):
        return value[:_LONGEST]
    return hash(value) if isinstance(value, int) and value.bit_length() > _LONGEST else value


def _key(key: Any) -> Any:
    return key if isinstance(key, str | int) else repr(key)[:_LONGEST]


def _plain(state: Any) -> Any:
    """Return the state of a Generator in plain values; numbers as texts, because they have up to 128 bits."""
    if isinstance(state, dict):
        return {key: _plain(value) for key, value in state.items()}
    return ["array", state.tolist()] if isinstance(state, np.ndarray) else state
