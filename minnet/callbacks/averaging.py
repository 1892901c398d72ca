"""An average of the weights over the last steps is calmer than the weights of the last one, and often better."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np

from minnet.callbacks.base import Callback, Training
from minnet.core.arrays import Array
from minnet.core.parameter import Parameter
from minnet.core.state import State, update_in_place


class EMA(Callback):
    """The exponential moving average of the weights: a ← decay · a + (1 − decay) · p after each step.

    The first average is the weights after the first step. Only trainable Parameters are averaged: all others,
    such as running statistics, are the same with the average as without. The model itself trains on as if
    nothing was averaged; to use the average, put it in its place for a while::

        ema = mn.callbacks.EMA(0.99)
        trainer.fit(loader, epochs=10, callbacks=[ema])
        with ema.averaged():
            trainer.evaluate((X_test, y_test))     # the model computes with the average, and may be saved
        trainer.evaluate((X_test, y_test))         # the training weights are back

    In a loop of one's own, call ``ema.update(optimizer.parameters)`` after each step.

    B. Polyak and A. Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control and
    Optimization 30, 1992, average with equal weights; exponential ones as in PyTorch's AveragedModel.

    Parameters
    ----------
    decay
        0 <= decay < 1: the average looks back over about 1 / (1 − decay) steps.

    Attributes
    ----------
    parameters : list of Parameter
        What is averaged: the optimizer's Parameters, since the first step.
    average : list of ndarray
        The averages, in that order.

    Raises
    ------
    ValueError
        If decay is out of its range; if updated with other Parameters than before.
    RuntimeError
        If there is no average yet; if updated while the average is in the model.
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"EMA needs 0 <= decay < 1, got {decay}")
        self.decay = decay
        self.parameters: list[Parameter] = []
        self.average: list[Array] = []
        self._work: list[Array] = []
        self._inside = False

    def update(self, parameters: Iterable[Parameter]) -> None:
        """Take the weights of the last step into the average."""
        given = parameters if isinstance(parameters, list) else list(parameters)
        if not self.average:
            self.parameters = list(given)
            self.average = [p.data.copy() for p in given]
            self._work = [np.empty_like(p.data) for p in given]
            return
        if len(given) != len(self.parameters) or any(a is not b for a, b in zip(given, self.parameters, strict=True)):
            raise ValueError("EMA averages the Parameters of its first step, got others: make an EMA for each model")
        if self._inside:
            raise RuntimeError("EMA cannot go on inside averaged(), where the model holds the average: leave it first")
        for i, parameter in enumerate(given):
            if parameter.trainable:
                p = self._follow(i, parameter)
                a, work = self.average[i], self._work[i]
                np.subtract(p, a, out=work)
                work *= 1 - self.decay
                a += work

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the average into the model; afterwards the training weights are back, bit for bit."""
        if not self.average:
            raise RuntimeError("EMA has no average yet: it begins with the first step of fit(..., callbacks=[ema])")
        if self._inside:
            raise RuntimeError("EMA's average is in the model already: averaged() inside averaged()")
        swapped = [i for i, parameter in enumerate(self.parameters) if parameter.trainable]
        self._swap(swapped)
        self._inside = True
        try:
            yield
        finally:
            self._swap(swapped)
            self._inside = False

    def on_fit_start(self, trainer: Training) -> None:
        """See what is to be averaged: an average that comes out of a checkpoint is of the same Parameters."""
        self.parameters = self.parameters or list(trainer.optimizer.parameters)

    def state_dict(self) -> State:
        """Return the averages."""
        return {"average": self.average}

    def load_state_dict(self, state: State) -> None:
        """Go on from averages."""
        self.average = update_in_place(self.average, state["average"])
        self._work = [np.empty_like(a) for a in self.average]

    def on_step_end(self, trainer: Training) -> None:
        """Take the weights of the last step into the average."""
        self.update(trainer.optimizer.parameters)

    def _swap(self, which: list[int]) -> None:
        """Exchange average and weights, in place."""
        for i in which:
            p = self._follow(i, self.parameters[i])
            np.copyto(self._work[i], p)
            np.copyto(p, self.average[i])
            np.copyto(self.average[i], self._work[i])

    def _follow(self, i: int, parameter: Parameter) -> Array:
        """Return the Parameter's values; convert its average if the model's dtype was changed."""
        p = parameter.data
        if p.dtype != self.average[i].dtype:
            self.average[i] = self.average[i].astype(p.dtype)
            self._work[i] = np.empty_like(p)
        return p
