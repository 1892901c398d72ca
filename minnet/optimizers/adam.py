"""Adam divides a running average of the gradient by the gradient's typical size, so each number moves by about lr."""

import math
from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.optimizers.base import Optimizer, Parameters, average
from minnet.optimizers.option import Flag, Option, pair_of_betas


class Adam(Optimizer):
    """Adam: p ← p − lr · m̂ / (√v̂ + ε), with running averages m of the gradient and v of its square.

    In step t: m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) g². Both averages begin at 0 and are too small at
    first; m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) correct that. With `amsgrad`, the formula uses the largest v so
    far. t counts the steps in which the Parameter was trained.

    D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
    S. J. Reddi et al., "On the convergence of Adam and beyond", ICLR 2018 (`amsgrad`).

    Parameters
    ----------
    parameters, lr, weight_decay, decay_biases, decoupled_weight_decay
        See `Optimizer`, also for the errors.
    betas
        (β₁, β₂), 0 <= β < 1.
    eps
        ε >= 0.
    amsgrad
        Whether to use the largest v so far.

    Examples
    --------
    The first step has the length lr, however large the gradient is:

    >>> from minnet import Parameter
    >>> p = Parameter([1.0, 1.0])
    >>> p.grad += [0.001, -1000]
    >>> Adam([p], lr=0.1).step()
    >>> p.data.round(4)
    array([0.9, 1.1], dtype=float32)
    """

    betas, eps, amsgrad = pair_of_betas(), Option(low=0), Flag()
    fading, squares = ("mean",), ("square",)

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        decay_biases: bool = True,
        decoupled_weight_decay: bool = False,
    ) -> None:
        super().__init__(
            parameters, lr, weight_decay, decay_biases, decoupled_weight_decay, betas=betas, eps=eps, amsgrad=amsgrad
        )

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Change the values of Parameter i in place."""
        (beta1, beta2), t = group["betas"], self.state["step"][i]
        m, v, scratch = self.buffer("mean", i), self.buffer("square", i), self.scratch(i)
        average(m, beta1, g, scratch)
        average(v, beta2, np.square(g, out=scratch), scratch)
        if group["amsgrad"]:
            largest = self.buffer("largest_square", i)
            v = np.maximum(largest, v, out=largest)
        # Both corrections are numbers, which can stand before the arrays (section 2 of the paper):
        # m̂ / (√v̂ + ε) = m / (√v + ε c) · c / (1 − β₁ᵗ), where c = √(1 − β₂ᵗ).
        c = math.sqrt(1 - beta2**t)
        np.sqrt(v, out=scratch)
        scratch += group["eps"] * c
        np.divide(m, scratch, out=scratch)
        scratch *= group["lr"] * c / (1 - beta1**t)
        p -= scratch


class AdamW(Adam):
    """Adam with decoupled weight decay: p ← (1 − lr · λ) p, then p ← p − lr · m̂ / (√v̂ + ε).

    Adam with a penalty divides the penalty's gradient λ p by √v̂, so numbers with large gradients hardly decay.
    With AdamW, all numbers decay at the same rate.

    I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.

    Parameters
    ----------
    parameters, lr, betas, eps, weight_decay, amsgrad, decay_biases
        See `Adam`, also for the errors.
    """

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        decay_biases: bool = True,
    ) -> None:
        super().__init__(
            parameters, lr, betas, eps, weight_decay, amsgrad, decay_biases=decay_biases, decoupled_weight_decay=True
        )


class NAdam(Optimizer):
    """Adam with Nesterov's momentum: p ← p − lr · (a g + b m) / (√v̂ + ε).

    m, v and v̂ are Adam's. In step t, a = (1 − μₜ) / (1 − μ₁…μₜ) is the weight of the gradient, and
    b = μₜ₊₁ / (1 − μ₁…μₜ₊₁) that of its average. The momentum grows: μₜ = β₁ (1 − 0.96^(ψ t) / 2).

    T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016.

    Parameters
    ----------
    parameters, lr, weight_decay, decay_biases, decoupled_weight_decay
        See `Optimizer`, also for the errors.
    betas, eps
        See `Adam`.
    momentum_decay
        ψ >= 0, how fast μ grows from β₁/2 to β₁.
    """

    betas, eps, momentum_decay = pair_of_betas(), Option(low=0), Option(low=0)
    fading, squares = ("mean",), ("square",)

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        decay_biases: bool = True,
    ) -> None:
        decay = weight_decay, decay_biases, decoupled_weight_decay
        super().__init__(parameters, lr, *decay, betas=betas, eps=eps, momentum_decay=momentum_decay)
        self.state["momentum_product"] = [1.0] * len(self.parameters)  # μ₁…μₜ

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Change the values of Parameter i in place."""
        (beta1, beta2), t = group["betas"], self.state["step"][i]
        m, v, scratch = self.buffer("mean", i), self.buffer("square", i), self.scratch(i)
        mu, mu_next = (beta1 * (1 - 0.96 ** (s * group["momentum_decay"]) / 2) for s in (t, t + 1))
        product = self.state["momentum_product"][i] = self.state["momentum_product"][i] * mu
        average(m, beta1, g, scratch)
        average(v, beta2, np.square(g, out=scratch), scratch)
        # As in Adam: 1 / (√v̂ + ε) = c / (√v + ε c), where c = √(1 − β₂ᵗ).
        c = math.sqrt(1 - beta2**t)
        root = np.sqrt(v, out=self.scratch(i, "root"))
        root += group["eps"] * c
        np.divide(g, root, out=scratch)
        scratch *= group["lr"] * c * (1 - mu) / (1 - product)
        p -= scratch
        np.divide(m, root, out=scratch)
        scratch *= group["lr"] * c * mu_next / (1 - product * mu_next)
        p -= scratch
