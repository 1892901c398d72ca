"""Clipping keeps gradients, or the norms of weights, within bounds."""

import math

import numpy as np

from minnet.callbacks.base import Callback, Training
from minnet.core.arrays import Array
from minnet.core.checks import check_number


class ClipGradNorm(Callback):
    """Scale all gradients by one factor if their common norm exceeds `max_norm`.

    g ← g · min(1, max_norm / ‖g‖₂), with the norm over all trainable Parameters. The direction does not change.
    R. Pascanu et al., "On the difficulty of training recurrent neural networks", ICML 2013, section 3.2.

    Raises
    ------
    TypeError, ValueError
        If max_norm is not a finite number above 0.
    """

    def __init__(self, max_norm: float) -> None:
        self.max_norm = check_number("ClipGradNorm", "max_norm", max_norm, above=0)

    def on_gradients(self, trainer: Training) -> None:
        """Clip the gradients."""
        gradients = [p.grad for p in trainer.optimizer.parameters if p.trainable]
        # In float64, because the square of a float32 may overflow.
        norm, unit = sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients) ** 0.5, 1.0
        if norm == math.inf:  # so may that of a float64: in units of the largest number it does not
            unit = max(float(np.abs(g).max(initial=0)) for g in gradients)
            norm = sum(float(np.square(g / unit).sum()) for g in gradients) ** 0.5
        if norm > self.max_norm / unit:
            for gradient in gradients:
                gradient *= self.max_norm / unit / norm


class ClipGradValue(Callback):
    """Clip every element of every gradient to ±max_value.

    Raises
    ------
    TypeError, ValueError
        If max_value is not a finite number above 0.
    """

    def __init__(self, max_value: float) -> None:
        self.max_value = check_number("ClipGradValue", "max_value", max_value, above=0)

    def on_gradients(self, trainer: Training) -> None:
        """Clip the gradients."""
        for parameter in trainer.optimizer.parameters:
            np.clip(parameter.grad, -self.max_value, self.max_value, out=parameter.grad)


class MaxNorm(Callback):
    """After each step, scale every column of weights whose norm exceeds `max_norm` down to that norm.

    w ← w · min(1, max_norm / ‖w‖₂), where a column w holds all weights of one output: in a weight
    (in, out, kernel...), the elements with one index `out`. Parameters of fewer than two axes (biases, the scales
    of norms) and frozen Parameters do not change. Weights then stay bounded, however large the learning rate is.
    Do not use it with an ``Embedding``, whose vectors are rows.

    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15,
    2014, section 5.1.

    Raises
    ------
    TypeError, ValueError
        If max_norm is not a finite number above 0.
    """

    def __init__(self, max_norm: float) -> None:
        self.max_norm = check_number("MaxNorm", "max_norm", max_norm, above=0)

    def on_step_end(self, trainer: Training) -> None:
        """Scale the columns that are too long."""
        for parameter in trainer.optimizer.parameters:
            p = parameter.data
            if parameter.trainable and p.ndim > 1:
                norms, bound = _norms(p), self.max_norm
                if np.isinf(norms).any():  # a square has left the range: in units of the largest number it does not
                    unit = np.abs(p).max()
                    norms, bound = _norms(p / unit), self.max_norm / unit
                if (norms > bound).any():
                    p *= bound / np.maximum(norms, bound)


def _norms(p: Array) -> Array:
    """Return the norm of each column of weights, (out, 1...)."""
    squares = np.einsum("io...,io...->o...", p, p)  # (out, kernel...)
    norms: Array = np.sqrt(squares.sum(axis=tuple(range(1, squares.ndim)), keepdims=True))
    return norms
