"""RMSprop, Adagrad and Adadelta divide each number's gradient by the typical size of its past gradients."""

from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.optimizers.base import Optimizer, Parameters, average
from minnet.optimizers.option import Flag, Option, share


class RMSprop(Optimizer):
    """RMSprop: p ← p − lr · g / (√v + ε), with a running average v ← α v + (1 − α) g².

    With `centered`, the gradient's variance v − m² replaces v, where m ← α m + (1 − α) g. Its digits would cancel
    where gradients hardly change, so it is an average of its own: s ← α s + α (1 − α) (g − m)², with the m from
    before the step. (Put v = s + m² into v's update, and m's.) With momentum μ, there is a velocity
    u ← μ u + g / (√v + ε), and p ← p − lr · u.

    T. Tieleman and G. Hinton, "Neural networks for machine learning", Coursera 2012, lecture 6.5.
    A. Graves, "Generating sequences with recurrent neural networks", arXiv:1308.0850, 2013, eq. 38–45 (`centered`).

    Parameters
    ----------
    parameters, lr, weight_decay, decay_biases
        See `Optimizer`, also for the errors.
    alpha
        α, 0 <= α < 1.
    eps
        ε >= 0.
    momentum
        μ, 0 <= μ < 1.
    centered
        Divide by the standard deviation.
    """

    alpha, eps, momentum, centered = share(), Option(low=0), share(), Flag()
    fading, squares = ("mean", "velocity"), ("square", "variance")

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
            parameters, lr, weight_decay, decay_biases, alpha=alpha, eps=eps, momentum=momentum, centered=centered
        )

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Change the values of Parameter i in place."""
        alpha, momentum = group["alpha"], group["momentum"]
        scratch = self.scratch(i)
        if group["centered"]:
            v, m = self.buffer("variance", i), self.buffer("mean", i)
            change = np.subtract(g, m, out=self.scratch(i, "change"))
            v *= alpha
            v += np.multiply(np.square(change, out=scratch), alpha * (1 - alpha), out=scratch)
            m += np.multiply(change, 1 - alpha, out=scratch)
        else:
            v = self.buffer("square", i)
            average(v, alpha, np.square(g, out=scratch), scratch)
        np.sqrt(v, out=scratch)
        scratch += group["eps"]
        np.divide(g, scratch, out=scratch)
        if momentum:
            u = self.buffer("velocity", i)
            u *= momentum
            u += scratch
            p -= np.multiply(u, group["lr"], out=scratch)
        else:
            scratch *= group["lr"]
            p -= scratch


class Adagrad(Optimizer):
    """Adagrad: p ← p − lrₜ · g / (√s + ε), where s ← s + g² is the sum of the squares of all gradients so far.

    In step t, lrₜ = lr / (1 + (t − 1) · lr_decay).

    J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", JMLR 12, 2011.

    Parameters
    ----------
    parameters, lr, weight_decay, decay_biases
        See `Optimizer`, also for the errors.
    lr_decay
        How fast the learning rate falls, >= 0.
    initial_accumulator_value
        The value of s before the first step, >= 0.
    eps
        ε >= 0.
    """

    lr_decay, initial_accumulator_value, eps = Option(low=0), Option(low=0), Option(low=0)
    squares = ("sum",)

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
            weight_decay,
            decay_biases,
            lr_decay=lr_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
        )

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Change the values of Parameter i in place."""
        t, scratch = self.state["step"][i], self.scratch(i)
        s = self.buffer("sum", i, group["initial_accumulator_value"])
        s += np.square(g, out=scratch)
        np.sqrt(s, out=scratch)
        scratch += group["eps"]
        np.divide(g, scratch, out=scratch)
        scratch *= group["lr"] / (1 + (t - 1) * group["lr_decay"])
        p -= scratch


class Adadelta(Optimizer):
    """Adadelta: p ← p − lr · d with d = √(u + ε) / √(v + ε) · g, the typical step divided by the typical gradient.

    v ← ρ v + (1 − ρ) g² is a running average of the gradients' squares, and u ← ρ u + (1 − ρ) d² of the steps'.
    d has the unit of p, whatever unit the loss has, so lr = 1 is a sensible default.

    M. D. Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701, 2012, algorithm 1.

    Parameters
    ----------
    parameters, lr, weight_decay, decay_biases
        See `Optimizer`, also for the errors.
    rho
        ρ, 0 <= ρ < 1.
    eps
        ε > 0: with ε = 0, the first step would be 0, and so would every other.
    """

    rho, eps = share(), Option(above=0, why="the first step is proportional to its root")
    squares = ("square", "square_step")

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
        super().__init__(parameters, lr, weight_decay, decay_biases, rho=rho, eps=eps)

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Change the values of Parameter i in place."""
        rho, eps = group["rho"], group["eps"]
        v, u, scratch = self.buffer("square", i), self.buffer("square_step", i), self.scratch(i)
        average(v, rho, np.square(g, out=scratch), scratch)
        d = np.add(u, eps, out=self.scratch(i, "d"))
        d /= np.add(v, eps, out=scratch)
        np.sqrt(d, out=d)
        d *= g
        average(u, rho, np.square(d, out=scratch), scratch)
        d *= group["lr"]
        p -= d
