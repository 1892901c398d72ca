"""Adamax is Adam with the largest of the past gradients in the place of their mean square."""

from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.optimizers.base import Optimizer, Parameters, average
from minnet.optimizers.option import Option, pair_of_betas


class Adamax(Optimizer):
    """Adamax: p ← p − lr · m̂ / u, with Adam's m̂, and u ← max(β₂ u, |g| + ε).

    Adam divides by √v, the root of an average of squares. With powers s in place of squares, (average of |g|ˢ)^(1/s)
    tends to u for s → ∞: the largest |g| so far, which fades by β₂ a step. u needs no correction, because a maximum
    that begins at 0 is not too small.

    D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, section 7.1.

    Parameters
    ----------
    parameters, lr, weight_decay, decay_biases
        See `Optimizer`, also for the errors.
    betas, eps
        See `Adam`.
    """

    betas, eps = pair_of_betas(), Option(low=0)
    fading = ("mean",)

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        decay_biases: bool = True,
    ) -> None:
        super().__init__(parameters, lr, weight_decay, decay_biases, betas=betas, eps=eps)

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Change the values of Parameter i in place."""
        (beta1, beta2), t = group["betas"], self.state["step"][i]
        m, u, scratch = self.buffer("mean", i), self.buffer("largest", i), self.scratch(i)
        average(m, beta1, g, scratch)
        np.abs(g, out=scratch)
        scratch += group["eps"]
        u *= beta2
        np.maximum(u, scratch, out=u)
        np.divide(m, u, out=scratch)
        scratch *= group["lr"] / (1 - beta1**t)
        p -= scratch
