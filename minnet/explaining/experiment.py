"""An Experiment is a model, a loss and an example, which can be run again and again from the same start."""

import copy
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.layer import Layer, every_array
from minnet.core.parameter import Parameter
from minnet.core.trees import call
from minnet.explaining.recording import Call, Nudge, move, record

LOSS = "<loss>"  # where the path of the loss begins, and those of its own layers; no attribute has such a name
STEPS = (1e-5, 1e-6, 1e-7, 1e-8)  # of finite differences: a probability of 1e-6 cannot be made smaller by more
FINEST = 1e-7  # the shortest step for another look at a slope: with a shorter one, rounding is too large


@dataclass
class Run:
    """What one forward and backward left."""

    value: float
    calls: dict[str, Call]


@dataclass(frozen=True)
class Slope:
    """The slope of L along one number, and whether L has a corner there, so that the two sides differ."""

    value: float
    corner: bool


class Experiment:
    """Copies of a model and a loss in float64, which record in either mode, and an example.

    Each run has copies of its own, in which the Generators and Buffers are as they were; the Parameters are shared.
    """

    def __init__(self, model: Layer, loss: Layer, x: Any, y: Any) -> None:
        self.x, self.y = x, y
        self.model, self.loss = copy.deepcopy((model, loss))  # together, because they may share a Parameter
        for part in (self.model, self.loss):
            part.astype(np.float64)
            for _, layer in part.named_layers():
                layer.recording = True
        self.middle = float("nan")  # L, once it was run
        self._parameters = list({id(a): a for _, _, a in self.arrays() if isinstance(a, Parameter)}.values())

    def arrays(self) -> Iterator[tuple[str, str, Any]]:
        """Walk the Parameters and Buffers as (path of the layer, name there, array); a shared one in each place."""
        for prefix, part in (("", self.model), (LOSS, self.loss)):
            for path, _, name, array in every_array(part):
                inner = path.removesuffix(name).removesuffix(".")
                yield f"{prefix}.{inner}" if prefix and inner else prefix or inner, name, array

    def run(self, keep: Container[str] = ()) -> Run:
        """Run forward and backward; the Parameters' gradients are then those of this step.

        The layers with paths in `keep` are copied before they are run.
        """
        model, loss = self._copies()
        calls = record(model, "", keep)
        of_loss = record(loss, LOSS, keep)
        value = float(loss.forward(call(model.forward, self.x), self.y))
        for parameter in self._parameters:
            parameter.grad[...] = 0
        model.backward(loss.backward())
        self.middle = value
        return Run(value, calls | of_loss)

    def value(self, nudge: Nudge | None = None) -> float:
        """Run forward and return L, with a number moved a little by `nudge`."""
        model, loss = self._copies()
        if nudge:
            part, path = (loss, nudge.path.removeprefix(LOSS)[1:]) if is_loss(nudge.path) else (model, nudge.path)
            move(next(layer for there, layer in part.named_layers() if there == path), nudge)
        return float(loss.forward(call(model.forward, self.x), self.y))

    def _copies(self) -> Any:
        """Return copies of the model and the loss, which share the Parameters."""
        return copy.deepcopy((self.model, self.loss), {id(array): array for array in self._parameters})

    def slope_of_input(self, path: str, name: str, index: tuple[int, ...], claimed: float) -> Slope | None:
        """Return the slope of L along one number that a layer is given; None if it cannot be moved.

        `claimed` is what backward says that it is.
        """
        return slope(lambda distance: self.value(Nudge(path, name, index, distance)), self.middle, claimed)

    def slope_of_parameter(self, values: NDArray[Any], index: tuple[int, ...], claimed: float) -> Slope | None:
        """Return the slope of L along one number of a Parameter's data, which backward says is `claimed`."""
        start = values[index]

        def value_at(distance: float) -> float:
            values[index] = start + distance
            try:
                return self.value()
            finally:
                values[index] = start

        return slope(value_at, self.middle, claimed)


def agree(gradient: float, measured: float, allowed: float = 0.0) -> bool:
    """Whether a gradient and a slope by finite differences are the same, but for rounding."""
    return abs(float(gradient) - measured) <= 1e-9 + allowed + 1e-4 * abs(measured)  # never of NaN


def slope(value_at: Callable[[float], float], middle: float, claimed: float) -> Slope | None:
    """Return the slope at distance 0 by central differences; None if no step stays where the function is defined.

    `middle` is the value at 0. A function may bend much within a step, as behind a batch norm of almost equal numbers.
    So where the slope is not the `claimed` one, shorter steps are tried; if none agrees, the first counts.
    """
    first: Slope | None = None
    for step in STEPS:
        if first and step < FINEST:
            break
        with suppress(ValueError, ArithmeticError):
            left, right = value_at(-step), value_at(step)
            found = Slope((right - left) / (2 * step), _has_corner(value_at, step, left, middle, right))
            if found.corner or agree(claimed, found.value):
                return found
            first = first or found
    return first


def _has_corner(value_at: Callable[[float], float], step: float, left: float, middle: float, right: float) -> bool:
    """Whether the slopes on the two sides differ by as much at a shorter distance: curvature would differ by less."""
    bend = abs(left - 2 * middle + right) / step
    if bend <= 1e-3 * abs(right - left) / step + 1e-6 * max(abs(middle), 1.0):
        return False
    near = abs(value_at(-step / 10) - 2 * middle + value_at(step / 10)) / (step / 10)
    return near > bend / 2


def is_loss(path: str) -> bool:
    """Whether a path is that of the loss, or of a layer inside it."""
    return path == LOSS or path.startswith(f"{LOSS}.")


def shown(path: str) -> str:
    """Return a path as users read it."""
    return path.replace(LOSS, "loss", 1)
