"""An optimizer is a way to step downhill: it turns each Parameter's gradient into its next values."""

import math
from collections.abc import Iterable

import numpy as np

from minnet.arrays import Array
from minnet.parameter import Parameter


class Optimizer:
    """The base of every optimizer: it knows Parameters, and nothing of layers.

    Parameters
    ----------
    parameters
        What to train: ``model.parameters()``. The optimizer keeps the Parameters, in this order.
    lr
        The learning rate; it may be changed between steps, as schedules do.

    Raises
    ------
    TypeError, ValueError
        If there is no Parameter, something else, or one twice; if lr is not a finite number > 0.
    """

    def __init__(self, parameters: Iterable[Parameter], lr: float) -> None:
        name = type(self).__name__
        if not isinstance(parameters, Iterable):
            raise TypeError(f"{name} expected Parameters, got {type(parameters).__name__}: pass model.parameters()")
        self.parameters = list(parameters)
        for parameter in self.parameters:
            if not isinstance(parameter, Parameter):
                raise TypeError(f"{name} expected Parameters, got {type(parameter).__name__}: pass model.parameters()")
        if not self.parameters:
            raise ValueError(f"{name} got no Parameters: has the model a layer with weights, such as Linear?")
        if len({id(parameter) for parameter in self.parameters}) < len(self.parameters):
            raise ValueError(f"{name} got a Parameter twice, which would be updated twice a step: list it once")
        self.lr = _number(name, "lr", lr)
        if self.lr == 0:
            raise ValueError(f"{name} needs lr > 0, got {lr}")

    def zero_grad(self) -> None:
        """Set every gradient to zero: backward adds, so each step starts from nothing."""
        for parameter in self.parameters:
            parameter.grad.fill(0)

    def step(self) -> None:
        """Update every trainable Parameter, in place, from its gradient."""
        raise NotImplementedError(f"{type(self).__name__} has no step: define step(self)")


class SGD(Optimizer):
    """Stochastic gradient descent: p ← p − lr · g, where g = dL/dp.

    With weight decay λ, g ← g + λ p first. With momentum μ, a velocity per Parameter takes the
    gradient's place: v ← μ v + g, then p ← p − lr · v; with Nesterov's variant p ← p − lr · (g + μ v).
    The first velocity is the first gradient. All as in PyTorch.

    I. Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.

    Parameters
    ----------
    parameters, lr
        See `Optimizer`.
    momentum
        μ, 0 <= μ < 1.
    nesterov
        Look ahead along the velocity; needs momentum.
    weight_decay
        λ >= 0, the strength of the penalty λ/2 · ‖p‖².
    decay_biases
        False spares every Parameter of fewer than two axes: biases, and the scales of norms.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Examples
    --------
    >>> p = Parameter([1.0])
    >>> p.grad += 0.5
    >>> SGD([p], lr=0.1).step()
    >>> p.data
    array([0.95], dtype=float32)
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        decay_biases: bool = True,
    ) -> None:
        super().__init__(parameters, lr)
        self.momentum = _number("SGD", "momentum", momentum)
        self.weight_decay = _number("SGD", "weight_decay", weight_decay)
        if self.momentum >= 1:
            raise ValueError(f"SGD needs momentum < 1, the share of the last velocity that is kept, got {momentum}")
        if nesterov and not momentum:
            raise ValueError("SGD with nesterov=True needs a momentum, such as momentum=0.9")
        self.nesterov = nesterov
        self.decay_biases = decay_biases
        self.velocities: list[Array] = []  # made at the first step with momentum
        self._scratch = [np.empty_like(p.data) for p in self.parameters]

    def step(self) -> None:
        """Update every trainable Parameter, in place, from its gradient."""
        if self.momentum and not self.velocities:
            self.velocities = [np.zeros_like(p.data) for p in self.parameters]
        for i, parameter in enumerate(self.parameters):
            if not parameter.trainable:
                continue
            p, g, step = parameter.data, parameter.grad, self._scratch_like(i)
            if self.weight_decay and (self.decay_biases or p.ndim > 1):
                np.multiply(p, self.weight_decay, out=step)
                step += g
                g = step
            if self.momentum:
                v = self.velocities[i]
                v *= self.momentum
                v += g
                if self.nesterov:
                    np.multiply(g, self.lr, out=step)
                    p -= step
                    np.multiply(v, self.lr * self.momentum, out=step)
                    p -= step
                    continue
                g = v
            np.multiply(g, self.lr, out=step)
            p -= step

    def _scratch_like(self, i: int) -> Array:
        """Return a work array for Parameter i, allocated once, or anew if the model's dtype was changed."""
        data = self.parameters[i].data
        if self._scratch[i].dtype != data.dtype:
            self._scratch[i] = np.empty_like(data)
            if self.velocities:
                self.velocities[i] = self.velocities[i].astype(data.dtype)
        return self._scratch[i]


def _number(owner: str, name: str, value: float) -> float:
    """Return a finite number >= 0, or say which argument is not one."""
    if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
        raise TypeError(f"{owner} expected {name} to be a number, got {type(value).__name__}")
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{owner} needs a finite {name} >= 0, got {value}")
    return float(value)
