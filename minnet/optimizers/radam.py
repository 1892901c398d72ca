"""RAdam is Adam whose first steps, from too few squares to divide by, are steps of momentum."""

import math
from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.optimizers.base import Optimizer, Parameters, average
from minnet.optimizers.option import Option, pair_of_betas


class RAdam(Optimizer):
    """Rectified Adam: p ← p − lr · m̂ · r √(1 − β₂ᵗ) / (√v + ε), and p ← p − lr · m̂ as long as ρₜ <= 5.

    m, m̂ and v are Adam's. v is an average over about ρₜ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ) squares, and ρ∞ = 2 / (1 − β₂) − 1.
    At first these are few, and the variance of 1 / √v̂ is large: infinite for ρₜ <= 4. Later, the factor
    r = √((ρₜ − 4)(ρₜ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρₜ)) brings it to its limit, so that Adam needs no warm-up. With
    β₂ = 0.999, the first 5 steps are those of momentum alone.

    L. Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020, algorithm 2. PyTorch, like
    this class, begins at ρₜ > 5 (the paper: at 4), and adds ε to the root of v (not of v̂).

    Parameters
    ----------
    parameters, lr, weight_decay, decay_biases, decoupled_weight_decay
        See `Optimizer`, also for the errors.
    betas, eps
        See `Adam`.
    """

    betas, eps = pair_of_betas(), Option(low=0)
    fading, squares = ("mean",), ("square",)

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        decay_biases: bool = True,
    ) -> None:
        super().__init__(parameters, lr, weight_decay, decay_biases, decoupled_weight_decay, betas=betas, eps=eps)

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Change the values of Parameter i in place."""
        (beta1, beta2), t = group["betas"], self.state["step"][i]
        m, v, scratch = self.buffer("mean", i), self.buffer("square", i), self.scratch(i)
        average(m, beta1, g, scratch)
        average(v, beta2, np.square(g, out=scratch), scratch)
        lr, unseen = group["lr"] / (1 - beta1**t), 1 - beta2**t
        limit = 2 / (1 - beta2) - 1
        rho = limit - 2 * t * beta2**t / unseen
        if rho <= 5:
            p -= np.multiply(m, lr, out=scratch)
            return
        r = math.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
        np.sqrt(v, out=scratch)
        scratch += group["eps"]
        np.divide(m, scratch, out=scratch)
        scratch *= lr * r * math.sqrt(unseen)
        p -= scratch
