"""Evidence about a wrong gradient: what backward says, what was measured, and runs that tell more."""

import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.inspection.layer_checks import Trial

MOST_NUMBERS = 120  # of the input and of the output, for a matrix of all derivatives


@dataclass
class Evidence:
    """A gradient that is wrong.

    Attributes
    ----------
    trial
        The layer with its inputs, its dy, and the results of a run.
    name
        Of the input or the Parameter.
    is_input
        Whether it is dL/dx.
    claimed, right
        What backward says, and what finite differences say; `right` has NaN where it was not measured.
    """

    trial: Trial
    name: str
    is_input: bool
    claimed: Array
    right: Array

    @property
    def known(self) -> Any:
        """Which elements were measured."""
        return ~np.isnan(self.right)

    @property
    def whole(self) -> bool:
        """Whether all elements were measured."""
        return bool(self.known.all())

    @cached_property
    def place(self) -> int:
        """The number of the input: that of the gradient, or the first that is varied."""
        numbers = {name: i for i, name in self.trial.varied.items()}
        return numbers.get(self.name, next(iter(numbers.values()), 0))

    @cached_property
    def x(self) -> Array:
        """The input."""
        x: Array = self.trial.inputs[self.place]
        return x

    @property
    def y(self) -> Any:
        """The output."""
        return self.trial.clean.y

    @property
    def dy(self) -> Array:
        """The gradient that arrives."""
        return self.trial.dy

    @cached_property
    def weights(self) -> dict[str, Array]:
        """The values of the Parameters."""
        return {name: p.data for name, p in self.trial.new().named_parameters()}

    @cached_property
    def by_element(self) -> bool:
        """Whether x and y have one shape, as those of an activation."""
        return self.is_input and not self.trial.is_loss and np.shape(self.y) == self.x.shape == self.claimed.shape

    def claimed_for(self, dy: Array) -> Array:
        """Return what backward says for another dy."""
        trial, layer = self.trial, self.trial.new()
        run = trial.run(layer, trial.inputs, dy)
        dx: Array = run.dx[list(trial.varied).index(self.place)] if self.is_input else run.grads[self.name]
        return np.asarray(dx, np.float64)

    def moves(self, dy: Array) -> bool:
        """Whether the sum of dy · y changes with the Parameter."""
        trial, layer = self.trial, self.trial.new()
        before = trial.forward(layer, trial.inputs)
        moved = trial.new()
        data = dict(moved.named_parameters())[self.name].data
        data += 1e-3 * np.cos(np.arange(data.size)).reshape(data.shape)
        return bool(abs((dy * (trial.forward(moved, trial.inputs) - before)).sum()) > 1e-12)

    def output_for(self, x: Array) -> Array:
        """Return what forward says for another x."""
        inputs = [*self.trial.inputs]
        inputs[self.place] = x
        return np.asarray(self.trial.forward(self.trial.new(), inputs), np.float64)

    @cached_property
    def derivatives(self) -> tuple[Array, Array] | None:
        """The derivatives dy/dx that backward uses, and those that are measured, as matrices (y.size, x.size)."""
        if not self.is_input or self.trial.is_loss or max(self.dy.size, self.x.size) > MOST_NUMBERS or not self.x.size:
            return None
        used = [self.claimed_for(unit).reshape(-1) for unit in units(self.dy.shape)]
        h = 1e-5
        moved = [self.output_for(self.x + h * u) - self.output_for(self.x - h * u) for u in units(self.x.shape)]
        return np.array(used), np.array([m.reshape(-1) for m in moved]).T / (2 * h)

    def numbers(self) -> dict[str, float]:
        """Return the numbers that the layer keeps as attributes, such as ``{"p": 0.5}``."""
        kept = vars(copy.copy(self.trial.layer))
        return {k: float(v) for k, v in kept.items() if isinstance(v, float | int) and not isinstance(v, bool)}


def units(shape: tuple[int, ...]) -> list[Array]:
    """Return the arrays of a shape that are 1 in one place, and 0 elsewhere."""
    size = int(np.prod(shape))
    return [np.reshape(row, shape) for row in np.eye(size)]


def alike(a: Any, b: Any) -> bool:
    """Whether two arrays are equal to the precision of finite differences."""
    return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=1e-5, atol=1e-7))
