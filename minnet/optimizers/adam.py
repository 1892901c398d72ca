"""Adam is the optimizer whose step is the gradient's mean, divided by its size: a step of about lr for every number."""

import math
from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.optimizers.base import Optimizer, Option, Parameters


class Adam(Optimizer):
    """Adam: p ← p − lr · m̂ / (√v̂ + ε), with running averages m of the gradient and v of its square.

    In step t: m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) g². Both begin at 0, which m̂ = m / (1 − β₁ᵗ) and
    v̂ = v / (1 − β₂ᵗ) make up for. With `amsgrad`, the largest v so far takes v's place. t counts the steps
    in which the Parameter was trained.

    D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
    S. J. Reddi et al., "On the convergence of Adam and beyond", ICLR 2018 (`amsgrad`).

    Parameters
    ----------
    parameters, lr, weight_decay, decay_biases, decoupled_weight_decay
        See `Optimizer`.
    betas
        (β₁, β₂), 0 <= β < 1.
    eps
        ε >= 0.
    amsgrad
        Whether v never shrinks.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Examples
    --------
    The first step is of length lr, whatever the gradient's size:

    >>> from minnet import Parameter
    >>> p = Parameter([1.0, 1.0])
    >>> p.grad += [0.001, -1000]
    >>> Adam([p], lr=0.1).step()
    >>> p.data.round(4)
    array([0.9, 1.1], dtype=float32)
    """

    betas, eps, amsgrad = Option(), Option(), Option()
    weight_decay, decay_biases, decoupled_weight_decay = Option(), Option(), Option()

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
            parameters,
            lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            decay_biases=decay_biases,
            decoupled_weight_decay=decoupled_weight_decay,
        )

    def check(self, options: dict[str, Any]) -> None:
        """Check the options of a group."""
        super().check(options)
        check_betas(self, options)
        self.number(options, "eps")

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Give a Parameter its next values."""
        (beta1, beta2), t = group["betas"], self.state["step"][i]
        m, v, work = self.kept("mean", i), self.kept("square", i), self.work(i)
        m *= beta1
        m += np.multiply(g, 1 - beta1, out=work)
        v *= beta2
        np.square(g, out=work)
        v += np.multiply(work, 1 - beta2, out=work)
        if group["amsgrad"]:
            largest = self.kept("largest_square", i)
            v = np.maximum(largest, v, out=largest)
        # m̂ / (√v̂ + ε) with the two corrections taken out of the arrays (section 2 of the paper):
        # = m / (√v + ε c) · c / (1 − β₁ᵗ), where c = √(1 − β₂ᵗ).
        c = math.sqrt(1 - beta2**t)
        np.sqrt(v, out=work)
        work += group["eps"] * c
        np.divide(m, work, out=work)
        work *= group["lr"] * c / (1 - beta1**t)
        p -= work


class AdamW(Adam):
    """Adam with decoupled weight decay: p ← (1 − lr · λ) p, then p ← p − lr · m̂ / (√v̂ + ε).

    With Adam, a penalty's gradient λ p would be divided by √v̂ like all of g: numbers with large gradients
    would hardly decay. Here all decay at the same rate.

    I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.

    Parameters
    ----------
    parameters, lr, betas, eps, weight_decay, amsgrad, decay_biases
        See `Adam`.

    Raises
    ------
    ValueError
        If a number is out of its range.
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
            parameters,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            decay_biases=decay_biases,
            decoupled_weight_decay=True,
        )


class NAdam(Optimizer):
    """Adam with Nesterov's look ahead: p ← p − lr · (a g + b m) / (√v̂ + ε).

    m, v and v̂ are Adam's. In step t, a = (1 − μₜ) / (1 − μ₁…μₜ) weighs the gradient, and
    b = μₜ₊₁ / (1 − μ₁…μₜ₊₁) its average, with a momentum that grows: μₜ = β₁ (1 − 0.96^(ψ t) / 2).

    T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016.

    Parameters
    ----------
    parameters, lr, weight_decay, decay_biases, decoupled_weight_decay
        See `Optimizer`.
    betas, eps
        See `Adam`.
    momentum_decay
        ψ >= 0, how fast μ grows from β₁/2 to β₁.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    betas, eps, momentum_decay = Option(), Option(), Option()
    weight_decay, decay_biases, decoupled_weight_decay = Option(), Option(), Option()

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
        super().__init__(
            parameters,
            lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            momentum_decay=momentum_decay,
            decay_biases=decay_biases,
            decoupled_weight_decay=decoupled_weight_decay,
        )
        self.state["momentum_product"] = [1.0] * len(self.parameters)  # μ₁…μₜ

    def check(self, options: dict[str, Any]) -> None:
        """Check the options of a group."""
        super().check(options)
        check_betas(self, options)
        self.number(options, "eps")
        self.number(options, "momentum_decay")

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Give a Parameter its next values."""
        (beta1, beta2), t = group["betas"], self.state["step"][i]
        m, v, work = self.kept("mean", i), self.kept("square", i), self.work(i)
        mu, mu_next = (beta1 * (1 - 0.96 ** (s * group["momentum_decay"]) / 2) for s in (t, t + 1))
        product = self.state["momentum_product"][i] = self.state["momentum_product"][i] * mu
        m *= beta1
        m += np.multiply(g, 1 - beta1, out=work)
        v *= beta2
        np.square(g, out=work)
        v += np.multiply(work, 1 - beta2, out=work)
        # As in Adam: 1 / (√v̂ + ε) = c / (√v + ε c), where c = √(1 − β₂ᵗ).
        c = math.sqrt(1 - beta2**t)
        root = np.sqrt(v, out=self.work(i, "root"))
        root += group["eps"] * c
        np.divide(g, root, out=work)
        work *= group["lr"] * c * (1 - mu) / (1 - product)
        p -= work
        np.divide(m, root, out=work)
        work *= group["lr"] * c * mu_next / (1 - product * mu_next)
        p -= work


def check_betas(owner: Optimizer, options: dict[str, Any]) -> None:
    """Check that betas are two numbers below 1.

    Raises
    ------
    TypeError, ValueError
        If they are not.
    """
    betas = options["betas"]
    if not isinstance(betas, (tuple, list)) or len(betas) != 2:
        raise TypeError(f"{type(owner).__name__} expected betas to be a pair (β₁, β₂), got {betas!r}")
    options["betas"] = tuple(betas)
    owner.number(options, "betas", below=1)
