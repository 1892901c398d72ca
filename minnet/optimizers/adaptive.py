"""Adaptive optimizers divide each number's gradient by its size so far: RMSprop, Adagrad, Adadelta."""

from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.optimizers.base import Optimizer, Option, Parameters


class RMSprop(Optimizer):
    """RMSprop: p ← p − lr · g / (√v + ε), with a running average v ← α v + (1 − α) g².

    `centered` takes the gradient's variance for its square: v − m², where m ← α m + (1 − α) g. With
    momentum μ, a velocity u ← μ u + g / (√v + ε), and p ← p − lr · u.

    T. Tieleman and G. Hinton, "Neural networks for machine learning", Coursera 2012, lecture 6.5.
    A. Graves, "Generating sequences with recurrent neural networks", arXiv:1308.0850, 2013, eq. 38–45 (`centered`).

    Parameters
    ----------
    parameters, lr, weight_decay, decay_biases
        See `Optimizer`.
    alpha
        α, 0 <= α < 1.
    eps
        ε >= 0.
    momentum
        μ, 0 <= μ < 1.
    centered
        Divide by the standard deviation.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    alpha, eps, momentum, centered = Option(), Option(), Option(), Option()
    weight_decay, decay_biases = Option(), Option()

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        decay_biases: bool = True,
    ) -> None:
        super().__init__(
            parameters,
            lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
            decay_biases=decay_biases,
        )

    def check(self, options: dict[str, Any]) -> None:
        """Check the options of a group."""
        super().check(options)
        self.number(options, "alpha", below=1)
        self.number(options, "momentum", below=1)
        self.number(options, "eps")

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Give a Parameter its next values."""
        alpha, momentum = group["alpha"], group["momentum"]
        v, work = self.kept("square", i), self.work(i)
        v *= alpha
        np.square(g, out=work)
        v += np.multiply(work, 1 - alpha, out=work)
        if group["centered"]:
            m = self.kept("mean", i)
            m *= alpha
            m += np.multiply(g, 1 - alpha, out=work)
            np.subtract(v, np.square(m, out=work), out=work)
            np.maximum(work, 0, out=work)  # a gradient that stays the same: rounding may take its variance below 0
            np.sqrt(work, out=work)
        else:
            np.sqrt(v, out=work)
        work += group["eps"]
        np.divide(g, work, out=work)
        if momentum:
            u = self.kept("velocity", i)
            u *= momentum
            u += work
            p -= np.multiply(u, group["lr"], out=work)
        else:
            work *= group["lr"]
            p -= work


class Adagrad(Optimizer):
    """Adagrad: p ← p − lrₜ · g / (√s + ε), where s ← s + g² sums the squares of all gradients so far.

    In step t, lrₜ = lr / (1 + (t − 1) · lr_decay).

    J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", JMLR 12, 2011.

    Parameters
    ----------
    parameters, lr, weight_decay, decay_biases
        See `Optimizer`.
    lr_decay
        How fast the learning rate falls, >= 0.
    initial_accumulator_value
        The first s, >= 0.
    eps
        ε >= 0.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    lr_decay, initial_accumulator_value, eps = Option(), Option(), Option()
    weight_decay, decay_biases = Option(), Option()

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        decay_biases: bool = True,
    ) -> None:
        super().__init__(
            parameters,
            lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
            decay_biases=decay_biases,
        )

    def check(self, options: dict[str, Any]) -> None:
        """Check the options of a group."""
        super().check(options)
        for name in ("lr_decay", "initial_accumulator_value", "eps"):
            self.number(options, name)

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Give a Parameter its next values."""
        t, work = self.state["step"][i], self.work(i)
        s = self.kept("sum", i, group["initial_accumulator_value"])
        s += np.square(g, out=work)
        np.sqrt(s, out=work)
        work += group["eps"]
        np.divide(g, work, out=work)
        work *= group["lr"] / (1 + (t - 1) * group["lr_decay"])
        p -= work


class Adadelta(Optimizer):
    """Adadelta: p ← p − lr · d, where d = √(u + ε) / √(v + ε) · g, the typical step over the typical gradient.

    v ← ρ v + (1 − ρ) g² averages the gradients' squares, and u ← ρ u + (1 − ρ) d² those of the steps: d has
    the unit of p, whatever that of the loss, so lr = 1.

    M. D. Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701, 2012, algorithm 1.

    Parameters
    ----------
    parameters, lr, weight_decay, decay_biases
        See `Optimizer`.
    rho
        ρ, 0 <= ρ < 1.
    eps
        ε > 0: with 0, there would be no first step.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    rho, eps = Option(), Option()
    weight_decay, decay_biases = Option(), Option()

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        decay_biases: bool = True,
    ) -> None:
        super().__init__(parameters, lr, rho=rho, eps=eps, weight_decay=weight_decay, decay_biases=decay_biases)

    def check(self, options: dict[str, Any]) -> None:
        """Check the options of a group."""
        super().check(options)
        self.number(options, "rho", below=1)
        self.number(options, "eps")
        if options["eps"] == 0:
            raise ValueError("Adadelta needs eps > 0, got 0: the first step is proportional to its root")

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Give a Parameter its next values."""
        rho, eps = group["rho"], group["eps"]
        v, u, work = self.kept("square", i), self.kept("square_step", i), self.work(i)
        v *= rho
        np.square(g, out=work)
        v += np.multiply(work, 1 - rho, out=work)
        d = np.add(u, eps, out=self.work(i, "d"))
        d /= np.add(v, eps, out=work)
        np.sqrt(d, out=d)
        d *= g
        u *= rho
        np.square(d, out=work)
        u += np.multiply(work, 1 - rho, out=work)
        d *= group["lr"]
        p -= d
