"""A schedule says how the learning rate changes over time: a function of the first one and of time.

``mn.callbacks.LearningRate(mn.schedules.StepLR(10))`` applies one. Any function
``(base_lr, t) -> lr`` is a schedule, where t counts epochs (or steps) from 0. Those below are named
as in PyTorch, and have its values.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

Schedule = Callable[[float, int], float]


@dataclass(frozen=True)
class StepLR:
    """lr(t) = lr₀ · gamma^⌊t / step_size⌋: a drop every `step_size`."""

    step_size: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        if self.step_size < 1:
            raise ValueError(f"StepLR needs step_size >= 1, got {self.step_size}")

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        return base_lr * float(self.gamma ** (t // self.step_size))


@dataclass(frozen=True)
class ExponentialLR:
    """lr(t) = lr₀ · gammaᵗ."""

    gamma: float

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        return base_lr * float(self.gamma**t)


@dataclass(frozen=True)
class CosineAnnealingLR:
    """lr(t) = eta_min + (lr₀ − eta_min) · (1 + cos(π t / T_max)) / 2: half a cosine down, in T_max.

    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017,
    eq. 5, without the restarts.
    """

    T_max: int
    eta_min: float = 0.0

    def __post_init__(self) -> None:
        if self.T_max < 1:
            raise ValueError(f"CosineAnnealingLR needs T_max >= 1, got {self.T_max}")

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        return self.eta_min + (base_lr - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2
