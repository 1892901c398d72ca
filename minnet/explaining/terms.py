"""The terms of a gradient: L depends on a number by each output of the layer that uses it."""

import copy
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.layer import Layer
from minnet.explaining.experiment import shown
from minnet.explaining.explanation import Index, Term
from minnet.explaining.recording import Call, changed, walk

MOST = 2000  # terms; an example with more is not small
TOGETHER = 4  # outputs: of so few, each is looked at


@dataclass(frozen=True)
class Entry:
    """One number that a layer uses: of an input of its, or of its own Parameter."""

    name: str  # "weight", "x"
    index: Index
    is_input: bool


class Replay:
    """A call of a layer that is done again and again: its backward says how one output depends on one number.

    Parameters
    ----------
    call
        What the layer was given.
    layer
        The layer, as it was before its forward.
    entry
        The number.
    """

    def __init__(self, call: Call, layer: Layer, entry: Entry) -> None:
        self.layer, self.entry = layer, entry
        self._call = Call(call.path, layer, call.given)
        self._known: dict[tuple[str, Index], float] = {}
        self.y = self._copy().forward(*call.given.args, **call.given.kwargs)

    def _copy(self) -> Layer:
        """Return a copy that shares the Parameters, which may be large."""
        return copy.deepcopy(self.layer, {id(parameter): parameter for parameter in self.layer.parameters()})

    def derivative(self, dy: dict[str, NDArray[Any]]) -> float:
        """Return Σ dy · ∂y/∂(the entry), for dy by the names of the outputs."""
        parameters = dict(self.layer.named_parameters())
        for parameter in parameters.values():
            parameter.grad[...] = 0
        layer = self._copy()  # anew, because nobody says that backward can be called twice
        layer.forward(*self._call.given.args, **self._call.given.kwargs)
        dx = layer.backward(_as_tree("y", self.y, dy))
        if not self.entry.is_input:
            return float(parameters[self.entry.name].grad[self.entry.index])
        self._call.dx = dx
        gradients = self._call.input_gradients
        return float(gradients[self.entry.name][self.entry.index]) if self.entry.name in gradients else 0.0

    def of_one(self, output: str, index: Index) -> float:
        """Return ∂y_j/∂(the entry) for one number of one output."""
        if (output, index) not in self._known:
            self._known[output, index] = self.derivative(self._only(output, [index], lambda _: 1.0))
        return self._known[output, index]

    def dependent(self, output: str, places: list[Index]) -> list[Index]:
        """Return those of the places of an output that depend on the entry.

        A random sum of all of them is 0 only if none does. Otherwise each half is looked at.
        """
        if len(places) <= TOGETHER:
            return [index for index in places if self.of_one(output, index) != 0]
        draw = np.random.default_rng(0).normal
        if self.derivative(self._only(output, places, lambda _: float(draw()))) == 0:
            return []
        half = len(places) // 2
        found = self.dependent(output, places[:half])
        if len(found) > MOST:
            return found
        return found + self.dependent(output, places[half:])

    def named(self, value: float) -> str:
        """Return the name of the number that has this value, in an input or a Parameter; "" if none, or several do."""
        found = []
        arrays = [*self._call.inputs.items(), *((name, p.data) for name, p in self.layer.named_parameters())]
        for name, array in arrays:
            if array.dtype.kind == "f":
                found += [f"{name}{list(map(int, at))}" for at in np.argwhere(array == value)]
        return found[0] if len(found) == 1 else ""

    def _only(self, output: str, places: list[Index], number: Callable[[Index], float]) -> dict[str, NDArray[Any]]:
        dy = {name: np.zeros_like(array) for name, array in walk("y", self.y)}
        for index in places:
            dy[output][index] = number(index)
        return dy


def terms_of(call: Call, entry: Entry) -> tuple[Term, ...]:
    """Return the terms of the gradient of one number that a layer uses, the largest first.

    The call is that of the step, with the dy that arrived, and a copy of the layer before its forward.
    """
    assert call.before is not None
    replay = Replay(call, call.before, entry)
    other = _with_other_numbers(call, call.before, entry)
    terms = list(_terms(call, replay, other, replay))
    if not any(term.value for term in terms) and other is not None:
        terms = list(_terms(call, replay, other, other))  # that are 0 for these numbers
    return tuple(sorted(terms, key=lambda term: -abs(term.value)))


def _terms(call: Call, replay: Replay, other: Replay | None, looked_at: Replay) -> Iterator[Term]:
    count = 0
    for output, dy in call.output_gradients.items():
        places = [tuple(map(int, at)) for at in np.argwhere(dy if looked_at is replay else np.ones_like(dy))]
        found = looked_at.dependent(output, places)
        count += len(found)
        if count > MOST:
            raise ValueError(
                f"explain: the gradient of {looked_at.entry.name}{list(looked_at.entry.index)} has more than {MOST:,} "
                f"terms, one for each number of the output {output} {dy.shape} of {call.layer.describe()} that depends "
                "on it: pass fewer samples, such as x[:1] and y[:1]"
            )
        for index in found:
            name = _name(other, output, index)
            yield Term(shown(call.path), f"{output}{list(index)}", float(dy[index]), replay.of_one(output, index), name)


def _name(other: Replay | None, output: str, index: Index) -> str:
    """Return which number ∂y_j/∂(the entry) is, whatever the numbers are."""
    return "" if other is None else other.named(other.of_one(output, index))


def _with_other_numbers(call: Call, layer: Layer, entry: Entry) -> Replay | None:
    """Return a replay with random numbers, which differ from each other; None if the layer refuses such numbers.

    A pixel of 0.5 may be one of many. If the derivative is the random number that stands in its place here, it is that
    pixel.
    """
    rng = np.random.default_rng(0)

    def random(_: str, array: NDArray[Any]) -> NDArray[Any]:
        return rng.normal(size=array.shape) if array.dtype.kind == "f" else array

    with suppress(Exception):
        own = copy.deepcopy(layer)
        for parameter in own.parameters():
            parameter.data[...] = rng.normal(size=parameter.data.shape)
        return Replay(Call(call.path, own, changed(call.given, random)), own, entry)
    return None


def _as_tree(name: str, form: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return arrays in the form of an output."""
    if type(form) in (tuple, list):
        return type(form)(_as_tree(f"{name}[{i}]", item, arrays) for i, item in enumerate(form))
    if isinstance(form, dict):
        return {key: _as_tree(f'{name}["{key}"]', item, arrays) for key, item in form.items()}
    return arrays[name]
