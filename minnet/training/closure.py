"""A Closure gives an optimizer the loss of one batch at several points of a step."""

from collections.abc import Callable
from typing import Any

from numpy.random import Generator

from minnet.core.layer import Layer
from minnet.losses import Loss
from minnet.optimizers import Optimizer
from minnet.training.parallel import ParallelSteps
from minnet.training.state import TrainingState


class Closure:
    """What a Trainer does with a batch, except the update, as often as an optimizer asks for it.

    Every call begins with the random numbers and the Buffers of the first. So a Dropout draws the same mask, without
    which the loss would be another function at each point, and running statistics move once a step.
    """

    def __init__(self, learn: Callable[[], float], state: TrainingState, owners: list[tuple[Layer, Loss]]) -> None:
        self._learn, self._state = learn, state
        self._calls = 0
        layers = [layer for pair in owners for owner in pair for _, layer in owner.named_layers()]
        found = {id(value): value for layer in layers for value in vars(layer).values() if isinstance(value, Generator)}
        self._generators = [(generator.bit_generator, generator.bit_generator.state) for generator in found.values()]
        self._buffers = [(buffer, buffer.data.copy()) for _, buffer in owners[0][0].named_buffers()]

    def __call__(self) -> float:
        """Return the loss at the weights of now, and leave the gradient in the Parameters."""
        if self._calls:
            for bits, before in self._generators:
                bits.state = before
            for buffer, values in self._buffers:
                buffer.data[...] = values
        value = self._learn()
        self._calls += 1
        if self._calls == 1:
            self._prediction = self._state.prediction
        self._state.prediction = self._prediction  # the one before the update, as of any step
        return value


class ClosureSteps:
    """Learn from batches with an optimizer that needs a closure.

    `learn` is what does a step without one: it ends with ``optimizer.step()``, which does nothing inside a closure.
    `trained` returns the Trainer's model, loss and optimizer, because a callback may replace one.
    """

    def __init__(
        self,
        learn: Callable[..., float],
        trained: Callable[[], tuple[Layer, Loss, Optimizer]],
        state: TrainingState,
        parallel: ParallelSteps,
    ) -> None:
        self._learn, self._trained, self._state, self._parallel = learn, trained, state, parallel

    def __call__(self, *batch: Any) -> float:
        """Learn from a batch, and return its loss before the step."""
        model, loss, optimizer = self._trained()
        if not optimizer.needs_closure:
            return self._learn(*batch)
        owners = [(model, loss), *self._parallel.copies]
        step: Any = optimizer.step
        value: float = step(Closure(lambda: self._learn(*batch), self._state, owners))
        return value
