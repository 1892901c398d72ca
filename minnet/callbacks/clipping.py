"""Clipping is to keep numbers within bounds: those of gradients, and the norms of weights."""

import numpy as np

from minnet.callbacks.base import Callback, Training


class ClipGradNorm(Callback):
    """Scale all gradients down together if their common norm exceeds `max_norm`.

    g ← g · min(1, max_norm / ‖g‖₂), the norm taken over all trainable Parameters: the direction
    stays. R. Pascanu et al., "On the difficulty of training recurrent neural networks", ICML 2013,
    section 3.2.

    Raises
    ------
    ValueError
        If max_norm is not positive.
    """

    def __init__(self, max_norm: float) -> None:
        if not max_norm > 0:
            raise ValueError(f"ClipGradNorm needs max_norm > 0, got {max_norm}")
        self.max_norm = max_norm

    def on_gradients(self, trainer: Training) -> None:
        """Clip the gradients."""
        gradients = [p.grad for p in trainer.optimizer.parameters if p.trainable]
        # In float64, where the square of a float32 cannot overflow.
        norm = sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients) ** 0.5
        if norm > self.max_norm:
            for gradient in gradients:
                gradient *= self.max_norm / norm


class ClipGradValue(Callback):
    """Clip every element of every gradient to ±max_value.

    Raises
    ------
    ValueError
        If max_value is not positive.
    """

    def __init__(self, max_value: float) -> None:
        if not max_value > 0:
            raise ValueError(f"ClipGradValue needs max_value > 0, got {max_value}")
        self.max_value = max_value

    def on_gradients(self, trainer: Training) -> None:
        """Clip the gradients."""
        for parameter in trainer.optimizer.parameters:
            np.clip(parameter.grad, -self.max_value, self.max_value, out=parameter.grad)


class MaxNorm(Callback):
    """After each step, scale every column of weights down to a norm of `max_norm`, if it is above.

    w ← w · min(1, max_norm / ‖w‖₂), where a column w is all that leads into one unit: of a weight
    (in, out, kernel...), the elements with one index `out`. Parameters of fewer than two axes (biases, the
    scales of norms) stay as they are, and so do frozen ones. Weights cannot run away, then, however large
    the learning rate is. (An ``Embedding``'s columns are not its vectors; keep it out of such a model.)

    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15,
    2014, section 5.1.

    Raises
    ------
    ValueError
        If max_norm is not positive.
    """

    def __init__(self, max_norm: float) -> None:
        if not max_norm > 0:
            raise ValueError(f"MaxNorm needs max_norm > 0, got {max_norm}")
        self.max_norm = max_norm

    def on_step_end(self, trainer: Training) -> None:
        """Scale the columns that are too long."""
        for parameter in trainer.optimizer.parameters:
            p = parameter.data
            if parameter.trainable and p.ndim > 1:
                squares = np.einsum("io...,io...->o...", p, p)  # (out, kernel...)
                norms = np.sqrt(squares.sum(axis=tuple(range(1, squares.ndim)), keepdims=True))  # (out, 1...)
                if (norms > self.max_norm).any():
                    p *= self.max_norm / np.maximum(norms, self.max_norm)
