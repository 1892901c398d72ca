"""A mirror is built from the description of a layer: objects of the same kinds, with the same arrays.

It is kept equal to the layer, and its arrays stay the same objects as long as those of the layer do.
"""

import json
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from minnet.core.buffer import Buffer
from minnet.core.layer import TRANSIENT
from minnet.core.layers import Layers
from minnet.core.parameter import Parameter
from minnet.core.state import BIT_GENERATORS
from minnet.grading.remote.described import FLAGS
from minnet.grading.remote.wire import MOST_BYTES, ChannelError

_COLLECTIONS: dict[str, Callable[[Any], Any]] = {"tuple": tuple, "deque": deque, "set": set, "frozenset": frozenset}
_GENERATORS = {name: getattr(np.random, name) for name in BIT_GENERATORS}


class Thing:
    """An object of a class that only the other process knows."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        return f"<{self.kind}>"


class Text:
    """A value of which only its text is known."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class Mirror:
    """What is known of one layer.

    Parameters
    ----------
    new_layer
        Makes the layer that stands for one of the other process, of its node in the description.
    """

    def __init__(self, new_layer: Callable[[dict[str, Any]], Any]) -> None:
        self._new_layer = new_layer
        self._objects: dict[int, Any] = {}
        self._places: dict[int, tuple[Any, str]] = {}  # number of an array → (what holds it, as which attribute)
        self._known: dict[int, Any] = {}  # number of an array → copy of it as the other process has it
        self._flags: dict[int, list[bool]] = {}
        self._states: dict[int, str] = {}
        self._layers: dict[int, Any] = {}
        self._arrays: dict[int, Any] = {}

    def update(self, news: dict[str, Any]) -> Any:
        """Take over the news of the other process, and return the layer."""
        arrays = {int(number): array for number, array in news["arrays"].items()}
        if news["tree"] is not None:
            self._places, self._layers = {}, {}
            self._seen: dict[int, Any] = {}
            self._new = arrays
            self.layer = self._build(json.loads(news["tree"]))
        for number, values in arrays.items():
            array = self.array(number)
            if array.shape != values.shape or array.dtype != values.dtype:
                raise ChannelError("an array has changed its form")
            array[...] = values
            self._known[number] = values
        self._forget()
        return self.layer

    def _forget(self) -> None:
        """Forget what the layer no longer holds, so that this process cannot be filled."""
        self._known = {number: self._known[number] for number in self._places}
        if sum(array.nbytes for array in self._known.values()) > MOST_BYTES:
            raise ChannelError(f"arrays of more than {MOST_BYTES:,} bytes")
        for kept in (self._objects, self._flags, self._states, self._arrays):
            for number in [number for number in kept if number not in self._seen]:
                del kept[number]

    def array(self, number: int) -> Any:
        """Return the array of a number, as its holder has it now: an optimizer may have moved it."""
        holder, name = self._places[number]
        return holder if name == "" else getattr(holder, name)

    def changes(self) -> dict[str, Any]:
        """Return what was changed here and is to be changed in the layer; the other process knows it from now on."""
        changed: dict[str, Any] = {"arrays": {}, "flags": {}, "generators": {}}
        for number in self._places:
            array, known = self.array(number), self._known[number]
            if array.shape != known.shape or array.dtype != known.dtype:
                raise ChannelError("an array has changed its form")
            if not np.array_equal(array, known, equal_nan=True):
                self._known[number] = changed["arrays"][str(number)] = array.copy()
        for number, layer in self._layers.items():
            flags = [bool(getattr(layer, name)) for name in FLAGS]
            if flags != self._flags[number]:
                self._flags[number] = changed["flags"][str(number)] = flags
        for number, state in self._states.items():
            now = _state(self._objects[number])
            if now != state:
                self._states[number] = changed["generators"][str(number)] = now
        return changed

    def layers(self) -> dict[int, Any]:
        """Return the layers by their numbers, outermost first."""
        return self._layers

    # One function a kind of node; each returns the object that was made before for its number, if there is one.

    def _build(self, node: dict[str, Any]) -> Any:
        kind = node["kind"]
        if kind == "value":
            return node["value"]
        if kind in ("text", "code"):
            return Text(str(node["text"])) if kind == "text" else _code(str(node["text"]))
        if kind == "again":
            return self._seen.get(node["number"], Text("..."))
        if kind in ("Parameter", "Buffer", "Generator", "array"):
            made = self._of_numbers(kind, node)
        elif kind == "Layer":
            return self._of_layer(node)
        elif kind == "dict":
            made = self._seen[node["number"]] = {}
            made.update({key: self._build(item) for key, item in node["items"]})
        elif kind == "object":
            made = self._seen[node["number"]] = Thing(str(node["text"]))
            vars(made).update({name: self._build(item) for name, item in node["items"].items()})
        else:
            made = self._of_items(kind, node)
        self._seen[node["number"]] = made
        return made

    def _of_items(self, kind: str, node: dict[str, Any]) -> Any:
        items: list[Any] = []
        if kind == "list":
            self._seen[node["number"]] = items  # before what is in it, which may be the list itself
        items += [self._build(item) for item in node["items"]]
        if node.get("names") is not None:
            return Layers(items, node["names"])
        return items if kind == "list" else _COLLECTIONS[kind](items)

    def _of_layer(self, node: dict[str, Any]) -> Any:
        number = node["number"]
        layer = self._objects.get(number) or self._new_layer(node)
        self._objects[number] = self._seen[number] = self._layers[number] = layer
        inside = {str(name): self._build(item) for name, item in node["items"].items()}
        own, kind = vars(layer), type(layer)
        for name in [name for name in inside if name == "_asked" or callable(getattr(kind, name, None))]:
            del inside[name]  # self.forward = ..., self.words = ...: here, the methods ask the other process
        for name in [
            name for name in own if name not in {*inside, *TRANSIENT, "forward"}
        ]:  # forward: a patch of the checks
            del own[name]
        own.update(inside)
        self._flags[number] = [bool(flag) for flag in node["flags"]]
        for name, flag in zip(FLAGS, self._flags[number], strict=True):
            setattr(layer, name, flag)
        return layer

    def _of_numbers(self, kind: str, node: dict[str, Any]) -> Any:
        number = node["number"]
        if kind == "Generator":
            made = self._objects.get(number) or _generator(node["state"])
            made.bit_generator.state = _state_of(node["state"])
            self._states[number] = _state(made)
        elif kind == "array":
            made = self._own(number, number)
            self._places[number] = (made, "")
        else:
            made = self._of_layer_array(kind, node)
        self._objects[number] = made
        return made

    def _of_layer_array(self, kind: str, node: dict[str, Any]) -> Any:
        """Return a Parameter or a Buffer; if the layer's has another array than before, it gets another one, too."""
        number, numbers = node["number"], node["arrays"]
        made: Any = self._objects.get(number)
        if made is None:
            dtype = self._new[numbers[0]].dtype
            made = (
                Parameter(self._new[numbers[0]], dtype) if kind == "Parameter" else Buffer(self._new[numbers[0]], dtype)
            )
            self._arrays[number] = numbers
        for i, (name, attribute) in enumerate((("data", "_data"), ("grad", "_grad"))[: len(numbers)]):
            if self._arrays[number][i] != numbers[i]:
                setattr(made, attribute, self._own(numbers[i], None))
            self._places[numbers[i]] = (made, name)
        self._arrays[number] = numbers
        if kind == "Parameter":
            made.trainable = bool(node["trainable"])
        return made

    def _own(self, number: int, known_as: int | None) -> Any:
        """Return the array of a number: that of before, or a new one."""
        if known_as is not None and (before := self._objects.get(known_as)) is not None:
            return before
        return np.array(self._new[number])


def _code(name: str) -> Callable[[], None]:
    def function() -> None:
        """Stand for a function or class of the other process."""

    function.__qualname__ = name
    return function


def _generator(state: dict[str, Any]) -> np.random.Generator:
    return np.random.Generator(_GENERATORS[state["bit_generator"]]())


def _state_of(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _state_of(value) for key, value in state.items()}
    return np.array(state[1], np.uint64 if len(state[1]) < 600 else np.uint32) if isinstance(state, list) else state


def _state(generator: np.random.Generator) -> str:
    """Return the state as a text, in the form in which the other process sends it."""

    def plain(state: Any) -> Any:
        if isinstance(state, dict):
            return {key: plain(value) for key, value in state.items()}
        return ["array", state.tolist()] if isinstance(state, np.ndarray) else state

    return json.dumps(plain(generator.bit_generator.state))
