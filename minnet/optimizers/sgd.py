"""SGD steps against the gradient, or, with momentum, against a decaying sum of the gradients so far."""

from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.optimizers.base import Optimizer, Parameters
from minnet.optimizers.option import Flag, Option, share


class SGD(Optimizer):
    """Stochastic gradient descent: p ← p − lr · g, where g = dL/dp.

    With weight decay λ, g ← g + λ p first. With momentum μ, each Parameter has a velocity v ← μ v + g, and
    p ← p − lr · v; with Nesterov's variant, p ← p − lr · (g + μ v). With dampening τ, v ← μ v + (1 − τ) g. The
    first velocity is the first gradient. All of this is as in PyTorch.

    I. Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.

    Parameters
    ----------
    parameters, lr, weight_decay, decay_biases
        See `Optimizer`, also for the errors.
    momentum
        μ, 0 <= μ < 1.
    nesterov
        Whether to use Nesterov's variant, which needs momentum and no dampening.
    dampening
        τ, 0 <= τ <= 1.

    Examples
    --------
    >>> from minnet import Parameter
    >>> p = Parameter([1.0])
    >>> p.grad += 0.5
    >>> SGD([p], lr=0.1).step()
    >>> p.data
    array([0.95], dtype=float32)
    """

    momentum, nesterov, dampening = share(), Flag(), Option(low=0, high=1)
    fading = ("velocity",)

    def __init__(
        self,
        parameters: Parameters,
        lr: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        decay_biases: bool = True,
        *,
        dampening: float = 0.0,
    ) -> None:
        super().__init__(
            parameters, lr, weight_decay, decay_biases, momentum=momentum, nesterov=nesterov, dampening=dampening
        )

    def check(self, options: dict[str, Any]) -> None:
        """Check the options of a group."""
        super().check(options)
        if options["nesterov"] and not (options["momentum"] and not options["dampening"]):
            raise ValueError("SGD with nesterov=True needs a momentum, such as momentum=0.9, and no dampening")

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Change the values of Parameter i in place."""
        lr, momentum, scratch = group["lr"], group["momentum"], self.scratch(i)
        if momentum:
            first = "velocity" not in self.state or self.state["velocity"][i] is None
            v = self.buffer("velocity", i)
            v *= momentum
            v += g if first or not group["dampening"] else np.multiply(g, 1 - group["dampening"], out=scratch)
            if group["nesterov"]:
                p -= np.multiply(g, lr, out=scratch)
                p -= np.multiply(v, lr * momentum, out=scratch)
                return
            g = v
        p -= np.multiply(g, lr, out=scratch)
