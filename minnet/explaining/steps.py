"""The steps of an explanation: what each layer was given and returned, with letters, notes, and slopes beside it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.checks import named
from minnet.core.parameter import Parameter
from minnet.explaining.experiment import LOSS, Experiment, Run, Slope, is_loss, shown
from minnet.explaining.explanation import Index, Quantity, Step
from minnet.explaining.formula import formula_of
from minnet.explaining.letters import Letters, Shape
from minnet.explaining.notes import corner_note, notes_of
from minnet.explaining.recording import Call, walk
from minnet.layers import Sequential

FEW = 12  # numbers of an array of which all slopes are measured; of a larger one, those of the LARGEST gradients
LARGEST = 4
UNSTEADY = (
    "The model computes another L each time it is run, so no slopes are measured: draw random numbers from a Generator "
    "of the layer's own, self.rng = np.random.default_rng(rng)."
)


class Steps:
    """Makes the steps of one run of an experiment."""

    def __init__(self, experiment: Experiment, run: Run, samples: int | None) -> None:
        self.experiment, self.run, self.samples = experiment, run, samples
        self.steady = experiment.value() == run.value  # else slopes mean nothing
        self._letters: dict[str, Letters] = {}

    def of_model(self) -> tuple[Step, ...]:
        """Return the steps of the model's layers; a Sequential that is the whole model is none."""
        return tuple(
            self._step(call)
            for path, call in self.run.calls.items()
            if not is_loss(path) and not (path == "" and type(call.layer) is Sequential)
        )

    def of_loss(self) -> Step:
        """Return the step of the loss."""
        return self._step(self.run.calls[LOSS])

    def of_inputs(self) -> tuple[Quantity, ...]:
        """Return what the model is given, with the letters of the first layer, if the model is a chain."""
        inputs = self._inputs(self.run.calls[""], [])
        first = next((call for call in self.run.calls.values() if type(call.layer) is not Sequential), None)
        named = self._inputs(first, []) if first else ()
        same = [q.values.shape for q in inputs] == [q.values.shape for q in named]
        return tuple(replace(q, letters=n.letters) for q, n in zip(inputs, named, strict=True)) if same else inputs

    def _step(self, call: Call) -> Step:
        corners: list[str] = []
        inputs, outputs = self._inputs(call, corners), self._outputs(call)
        parameters = self._parameters(call, corners)
        notes = notes_of(call, self.experiment)
        notes += _missing(call, inputs)
        if not self.steady:
            notes.append(UNSTEADY)
        return Step(
            path=shown(call.path),
            depth=sum(1 for path in self._shown() if path != call.path and _is_inside(call.path, path)),
            description=call.layer.describe(),
            formula=formula_of(call.layer),
            inputs=inputs,
            outputs=outputs,
            parameters=parameters,
            notes=(*notes, *corners),
            inside=any(path != call.path and _is_inside(path, call.path) for path in self.run.calls),
        )

    def _shown(self) -> list[str]:
        return [path for path, call in self.run.calls.items() if path or type(call.layer) is not Sequential]

    def _letters_of(self, call: Call) -> Letters:
        return self._letters.setdefault(call.path, Letters(call.layer, self.samples))

    def _inputs(self, call: Call, corners: list[str]) -> tuple[Quantity, ...]:
        letters, found = self._letters_of(call), []
        gradients = input_gradients(call)
        shape = np.shape(next(iter(call.outputs.values()), ()))
        for i, (name, values) in enumerate(call.inputs.items()):
            gradient = _fitting(gradients.get(name), values)
            is_target = is_loss(call.path) and i > 0 and name not in gradients
            named = letters.of_target(values) if is_target else letters.of_input(values, shape)
            measure = partial(self.experiment.slope_of_input, call.path, name)
            slopes = self._measured(gradient if call.count == 1 else None, measure)
            found.append(_quantity(name, named, values, gradient, slopes, corners))
        return tuple(found)

    def _outputs(self, call: Call) -> tuple[Quantity, ...]:
        letters, gradients = self._letters_of(call), call.output_gradients
        outputs = {name: np.asarray(y) for name, y in call.outputs.items()}
        if is_loss(call.path):
            return tuple(Quantity("L", (), y, None, {}) for y in outputs.values())
        return tuple(Quantity(name, letters.of_output(y), y, gradients.get(name), {}) for name, y in outputs.items())

    def _parameters(self, call: Call, corners: list[str]) -> tuple[Quantity, ...]:
        letters, found = self._letters_of(call), []
        for path, name, array in self.experiment.arrays():
            if path != call.path:
                continue
            values = array.data.copy()
            gradient = array.grad.copy() if isinstance(array, Parameter) else None
            slopes = self._measured(gradient, partial(self.experiment.slope_of_parameter, array.data))
            found.append(_quantity(name, letters.of_others(values), values, gradient, slopes, corners))
        return tuple(found)

    def _measured(
        self, gradient: NDArray[Any] | None, measure: Callable[[Index, float], Slope | None]
    ) -> dict[Index, Slope]:
        """Return the slopes at some entries of an array."""
        if gradient is None or not self.steady:
            return {}
        return {index: slope for index in _places(gradient) if (slope := measure(index, float(gradient[index])))}


def _missing(call: Call, inputs: tuple[Quantity, ...]) -> list[str]:
    """Return a note on what backward returned, if it is no gradient of an input."""
    if is_loss(call.path) or not call.went_back:
        return []
    got = "nothing (is return missing?)" if call.dx is None else named(call.dx)
    if isinstance(call.dx, np.ndarray):
        got = f"an array of shape {call.dx.shape}"
    return [
        f"WRONG: backward returned {got}, and there is no dL/d{quantity.name} in it, which is an array of "
        f"the shape of {quantity.name}, {quantity.values.shape}."
        for quantity in inputs
        if quantity.gradient is None and quantity.values.dtype.kind == "f"
    ]


def _quantity(
    name: str,
    letters: Shape,
    values: NDArray[Any],
    gradient: NDArray[Any] | None,
    slopes: dict[Index, Slope],
    notes: list[str],
) -> Quantity:
    """Return an array with its slopes; `notes` gets one on the first corner."""
    corners = tuple(index for index, slope in slopes.items() if slope.corner)
    if corners and not notes:
        notes.append(corner_note(f"{name}{list(corners[0])}"))
    return Quantity(name, letters, values, gradient, {at: slope.value for at, slope in slopes.items()}, corners)


def input_gradients(call: Call) -> dict[str, NDArray[Any]]:
    """Return the gradients that left a layer, or a loss, by the names of its inputs."""
    if is_loss(call.path):
        first = next(iter(call.given.arguments))
        return {name: d for name, d in walk(first, call.dx) if d is not None}
    return call.input_gradients


def _places(gradient: NDArray[Any]) -> list[Index]:
    """Return the places where slopes are measured: all of a small array, the largest gradients of a large one."""
    order = np.arange(gradient.size)
    if gradient.size > FEW:
        order = np.argsort(-np.abs(gradient), axis=None, kind="stable")[:LARGEST]
    return [tuple(map(int, np.unravel_index(int(i), gradient.shape))) for i in order]


def _fitting(gradient: Any, values: NDArray[Any]) -> NDArray[Any] | None:
    return gradient if isinstance(gradient, np.ndarray) and gradient.shape == values.shape else None


def _is_inside(path: str, outer: str) -> bool:
    return not is_loss(path) if outer == "" else path.startswith(f"{outer}.")
