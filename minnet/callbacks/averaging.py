"""EMA averages the weights over the last steps; the average often predicts better than the last step's weights."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np

from minnet.callbacks.base import Callback, Training
from minnet.core.arrays import Array
from minnet.core.checks import check_number
from minnet.core.forms import are_like
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.core.state import State, update_in_place
from minnet.optimizers import Optimizer


class EMA(Callback):
    """The exponential moving average of the weights: a ← decay · a + (1 − decay) · p after each step.

    The average begins with the weights after the first step. Only trainable Parameters are averaged; frozen ones
    and Buffers (running statistics) keep their own values. Training does not use the average. `averaged` puts it into
    the model for a while::

        ema = mn.callbacks.EMA(0.99)
        trainer.fit(loader, epochs=10, callbacks=[ema])
        with ema.averaged():
            trainer.evaluate((X_test, y_test))     # the model computes with the average; it may be saved
        trainer.evaluate((X_test, y_test))         # the model has its training weights again

    Each `fit` begins a new average. In a loop of one's own, call ``ema.update(optimizer.parameters)`` after each step.

    B. Polyak and A. Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control and
    Optimization 30, 1992, average with equal weights. This average is that of PyTorch's `AveragedModel`.

    Parameters
    ----------
    decay
        0 <= decay < 1; the average covers about the last 1 / (1 − decay) steps.

    Attributes
    ----------
    parameters : list of Parameter
        The optimizer's Parameters at the first step, which are averaged.
    average : list of ndarray
        The averages, in that order.

    Raises
    ------
    ValueError
        If decay is out of its range; if `update` is given other Parameters than before.
    RuntimeError
        If there is no average yet; if `update` is called while the average is in the model.
    """

    def __init__(self, decay: float = 0.999) -> None:
        self.decay = check_number("EMA", "decay", decay, 0, below=1)
        self.parameters: list[Parameter] = []
        self.average: list[Array] = []
        self._scratch: list[Array] = []
        self._inside = False

    def update(self, parameters: Iterable[Parameter]) -> None:
        """Add the weights of the last step to the average."""
        given = list(parameters)
        if not self.average:
            self.parameters = given
            self.average = [p.data.copy() for p in given]
            self._scratch = [np.empty_like(a) for a in self.average]
            return
        if given != self.parameters:
            raise ValueError("EMA averages the Parameters of its first step, got others: make an EMA for each model")
        if self._inside:
            raise RuntimeError("EMA cannot be updated inside averaged(): train outside the with block")
        for i, parameter in enumerate(given):
            if parameter.trainable:
                p = self._values(i, parameter)
                a, scratch = self.average[i], self._scratch[i]
                np.subtract(p, a, out=scratch)
                scratch *= 1 - self.decay
                a += scratch

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the average into the model; at the end of the block, restore the training weights bit for bit."""
        if not self.average:
            raise RuntimeError("EMA has no average yet: train first, with fit(..., callbacks=[ema])")
        if self._inside:
            raise RuntimeError("EMA's average is in the model already: averaged() was called inside averaged()")
        swapped = [i for i, parameter in enumerate(self.parameters) if parameter.trainable]
        self._swap(swapped)
        self._inside, held = True, (self.parameters, self.average, self._scratch)
        try:
            yield
        finally:
            self.parameters, self.average, self._scratch = held  # a fit in the block has begun without them
            self._swap(swapped)
            self._inside = False

    def on_fit_start(self, trainer: Training) -> None:
        """Note the Parameters, which an average from a checkpoint belongs to."""
        if self._inside:
            raise RuntimeError("EMA cannot train inside averaged(): call fit outside of the with block")
        self.parameters = self.parameters or list(trainer.optimizer.parameters)

    def state_dict(self) -> State:
        """Return the averages."""
        return {"average": self.average}

    def check_state(self, state: State, model: Layer, optimizer: Optimizer) -> None:
        """Check that the averages are of the optimizer's Parameters."""
        if state["average"] and not are_like(state["average"], (p.data for p in optimizer.parameters)):
            raise ValueError("the averages are not of the optimizer's Parameters")

    def load_state_dict(self, state: State) -> None:
        """Restore the averages."""
        self.average = update_in_place(self.average, state["average"])
        self._scratch = [np.empty_like(a) for a in self.average]

    def on_step_end(self, trainer: Training) -> None:
        """Add the weights of the last step to the average."""
        self.update(trainer.optimizer.parameters)

    def _swap(self, which: list[int]) -> None:
        """Exchange average and weights, in place."""
        for i in which:
            p = self._values(i, self.parameters[i])
            p[...], self.average[i][...] = self.average[i].copy(), p.copy()

    def _values(self, i: int, parameter: Parameter) -> Array:
        """Return a Parameter's values; first convert its average if `model.astype` changed their dtype."""
        p = parameter.data
        if p.dtype != self.average[i].dtype:
            self.average[i] = self.average[i].astype(p.dtype)
            self._scratch[i] = np.empty_like(p)
        return p
