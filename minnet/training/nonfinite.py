"""A guard looks at the numbers of each training step, and stops it before one that is none becomes a weight."""

import math
from typing import TYPE_CHECKING

import numpy as np

from minnet.core.arrays import Array, not_finite
from minnet.core.parameter import Parameter
from minnet.errors import NonFiniteError
from minnet.optimizers.base import RISKY, keeps_finite

if TYPE_CHECKING:
    from minnet.training.trainer import Trainer


class Guard:
    """Check the loss, the gradients and the weights of every step.

    A product of an array with itself says whether all its numbers are finite. Thus a gradient's norm must be finite,
    with its square in the gradient's own dtype: beyond (1.8e19 in float32) any optimizer that squares it fails; and
    below, minnet's optimizers keep weights finite in a step of ordinary length. In a longer one, the weights are
    copied first, so that they can be put back, and checked; so they are after each step of any other optimizer.

    Parameters
    ----------
    trainer
        Whose steps.

    Attributes
    ----------
    updated : bool
        Whether the step has changed the weights.
    """

    def __init__(self, trainer: "Trainer") -> None:
        self._optimizer = trainer.optimizer
        self._names = {id(p): name for name, p in trainer.model.named_parameters()}
        self._parameters = trainer.optimizer.parameters
        # What `forward` itself changes: running statistics, which have one axis at most. (Frozen weights have more.)
        self._statistics = [p for p in trainer.model.parameters() if not p.trainable and p.data.ndim < 2]
        self._trusted = keeps_finite(trainer.optimizer)
        self._copies: list[tuple[Parameter, Array]] = []
        self._kept: list[tuple[Parameter, Array]] = []
        self.updated = False

    def before_step(self) -> None:
        """Remember what a bad batch would spoil."""
        self._kept, self.updated = [], False
        if self._statistics:
            self._copies = [(p, p.data.copy()) for p in self._statistics]

    def before_update(self) -> None:
        """Check the gradients.

        Raises
        ------
        NonFiniteError
            If one holds NaN or infinity, or is too large to go on with.
        """
        largest = 0.0
        for parameter in self._parameters:
            if not parameter.trainable:
                continue
            g = parameter.read_grad().ravel()  # a view
            square = float(g.dot(g))
            if not square < math.inf:
                raise NonFiniteError(f"the gradient of {self._name(parameter)} {_what_of(g)}")
            if square > largest:
                largest = square
        lr = self._optimizer.lr
        if not lr * lr * max(largest, 1.0) <= RISKY**2:  # for NaN, too
            self._kept = [(p, p.data.copy()) for p in self._parameters if p.trainable]
        self.updated = True

    def after_update(self, loss: float) -> None:
        """Check the weights and the loss.

        Raises
        ------
        NonFiniteError
            If one of them is NaN or infinite.
        """
        if not math.isfinite(loss):
            raise NonFiniteError(f"the loss is {loss}")
        if self._trusted and not self._kept:
            return
        for parameter in self._parameters:
            p = parameter.data.ravel()
            if parameter.trainable and not p.dot(p) < math.inf and not np.isfinite(p).all():
                raise NonFiniteError(f"the update made {self._name(parameter)} hold {not_finite(p)}")

    def undo(self) -> None:
        """Put back what was remembered."""
        for parameter, before in (*self._copies, *self._kept):
            parameter.data = before
        self.updated = self.updated and not self._kept

    def _name(self, parameter: Parameter) -> str:
        return self._names.get(id(parameter), "a Parameter that is not in the model")


def _what_of(g: Array) -> str:
    if np.isfinite(g).all():
        return f"is too large (up to {np.abs(g).max():.1e}): its square leaves the range of {g.dtype}"
    return f"holds {not_finite(g)}"
