"""A schedule is a function ``(base_lr, t) -> lr``: the learning rate after t epochs, or t steps.

``mn.callbacks.LearningRate(mn.schedules.StepLR(10))`` applies a schedule; t counts from 0, and any such function will
do. The schedules below have PyTorch's names and values. Each group of Parameters has its own base_lr: the learning
rate that it had before any schedule.

`minnet.callbacks.ReduceLROnPlateau` is a callback and not a schedule, because it needs a metric.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from minnet.core.checks import check_choice, check_number
from minnet.core.described import shown

Schedule = Callable[[float, int], float]

__all__ = [
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "Schedule",
    "SequentialLR",
    "StepLR",
    "WarmupCosineLR",
]


@dataclass(frozen=True)
class StepLR:
    """lr(t) = lr₀ · gamma^⌊t / step_size⌋: the rate is multiplied by gamma after every `step_size`."""

    __repr__ = shown
    step_size: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        _check_length(self, "step_size")

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        return base_lr * float(self.gamma ** (t // self.step_size))


@dataclass(frozen=True)
class MultiStepLR:
    """lr(t) = lr₀ · gammaᵏ, where k counts the `milestones` at or before t."""

    __repr__ = shown
    milestones: Sequence[int]
    gamma: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "milestones", tuple(sorted(self.milestones)))

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        return base_lr * float(self.gamma ** bisect_right(self.milestones, t))


@dataclass(frozen=True)
class ExponentialLR:
    """lr(t) = lr₀ · gammaᵗ."""

    __repr__ = shown
    gamma: float

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        return base_lr * float(self.gamma**t)


@dataclass(frozen=True)
class LinearLR:
    """A warm-up: lr(t) = lr₀ · f, where f goes from `start_factor` to `end_factor` in `total_iters`, and stays there.

    P. Goyal et al., "Accurate, large minibatch SGD", arXiv:1706.02677, 2017, section 2.2.
    """

    __repr__ = shown
    start_factor: float = 1 / 3
    end_factor: float = 1.0
    total_iters: int = 5

    def __post_init__(self) -> None:
        _check_length(self, "total_iters")
        check_number("LinearLR", "start_factor", self.start_factor, above=0, high=1)
        check_number("LinearLR", "end_factor", self.end_factor, 0, 1)

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        share = min(t / self.total_iters, 1)
        return base_lr * (self.start_factor + (self.end_factor - self.start_factor) * share)


@dataclass(frozen=True)
class CosineAnnealingLR:
    """lr(t) = eta_min + (lr₀ − eta_min) · (1 + cos(π t / T_max)) / 2: half a cosine down, in T_max.

    It is `CosineAnnealingWarmRestarts` without the restarts; the source is there.
    """

    __repr__ = shown
    T_max: int
    eta_min: float = 0.0

    def __post_init__(self) -> None:
        _check_length(self, "T_max")

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        return _cosine(base_lr, self.eta_min, t / self.T_max)


@dataclass(frozen=True)
class CosineAnnealingWarmRestarts:
    """`CosineAnnealingLR`, repeated: the first time in T_0, then in T_0 · T_mult, then in T_0 · T_mult², ….

    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, eq. 5.
    """

    __repr__ = shown
    T_0: int
    T_mult: int = 1
    eta_min: float = 0.0

    def __post_init__(self) -> None:
        _check_length(self, "T_0")
        _check_length(self, "T_mult")

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        t, length = (t % self.T_0, self.T_0) if self.T_mult == 1 else (t, self.T_0)
        while t >= length:
            t, length = t - length, length * self.T_mult
        return _cosine(base_lr, self.eta_min, t / length)


@dataclass(frozen=True)
class SequentialLR:
    """One schedule after another: the first until milestones[0], the second until milestones[1], ….

    Each schedule counts t from its own beginning, and is given the same lr₀.
    """

    __repr__ = shown
    schedules: Sequence[Schedule]
    milestones: Sequence[int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "schedules", tuple(self.schedules))
        object.__setattr__(self, "milestones", tuple(self.milestones))
        if len(self.schedules) != len(self.milestones) + 1:
            raise ValueError(
                "SequentialLR needs one milestone fewer than schedules, "
                f"got {len(self.milestones)} and {len(self.schedules)}"
            )
        if any(b <= a for a, b in zip((0, *self.milestones), self.milestones, strict=False)):
            raise ValueError(f"SequentialLR needs milestones that rise from above 0, got {self.milestones}")

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        i = bisect_right(self.milestones, t)
        return self.schedules[i](base_lr, t - (0, *self.milestones)[i])


@dataclass(frozen=True)
class WarmupCosineLR:
    """LinearLR from `start_factor` up to lr₀ at `warmup`, then CosineAnnealingLR down to eta_min at T_max.

    It is short for ``SequentialLR([LinearLR(...), CosineAnnealingLR(...)], [warmup])``.
    """

    __repr__ = shown
    warmup: int
    T_max: int
    start_factor: float = 1 / 3
    eta_min: float = 0.0
    _parts: SequentialLR = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_length(self, "warmup")
        if self.T_max <= self.warmup:
            raise ValueError(f"WarmupCosineLR needs T_max > warmup, got {self.T_max} and {self.warmup}")
        up = LinearLR(self.start_factor, total_iters=self.warmup)
        down = CosineAnnealingLR(self.T_max - self.warmup, self.eta_min)
        object.__setattr__(self, "_parts", SequentialLR((up, down), (self.warmup,)))

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        return self._parts(base_lr, t)


@dataclass(frozen=True)
class OneCycleLR:
    """The rate rises from max_lr / div_factor to max_lr in the share pct_start of all steps, then falls to the end.

    At the last step, total_steps − 1, and after it, the rate is max_lr / (div_factor · final_div_factor). With
    `three_phase`, the rate falls to its first value in as many steps as it rose, and then to the end. Use it with
    ``LearningRate(..., per="step")``. As in PyTorch, the optimizer's own learning rate does not matter: all groups
    have this one. The momentum does not change: PyTorch's ``cycle_momentum=False``.

    L. N. Smith and N. Topin, "Super-convergence: very fast training of neural networks using large learning rates",
    arXiv:1708.07120, 2017.
    """

    __repr__ = shown
    max_lr: float
    total_steps: int
    pct_start: float = 0.3
    anneal_strategy: Literal["cos", "linear"] = "cos"
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    three_phase: bool = False

    def __post_init__(self) -> None:
        _check_length(self, "total_steps")
        check_number("OneCycleLR", "pct_start", self.pct_start, 0, 1, why="it is a share of the steps")
        check_choice("OneCycleLR", "anneal_strategy", self.anneal_strategy, ("cos", "linear"))

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t; `base_lr` is not used."""
        first = self.max_lr / self.div_factor
        last = first / self.final_div_factor
        up, end = self.pct_start * self.total_steps - 1, self.total_steps - 1
        phases = [(up, first, self.max_lr), (end, self.max_lr, last)]  # until when, from, to
        if self.three_phase:
            phases[1:] = [(2 * up, self.max_lr, first), (end, first, last)]
        t, begin = min(t, end), 0.0
        while t > phases[0][0]:
            begin = phases.pop(0)[0]
        until, start, stop = phases[0]
        share = (t - begin) / (until - begin) if until > begin else 1.0
        return _cosine(start, stop, share) if self.anneal_strategy == "cos" else start + (stop - start) * share


def _cosine(start: float, stop: float, share: float) -> float:
    """Go from start to stop along half a cosine."""
    return stop + (start - stop) * (1 + math.cos(math.pi * share)) / 2


def _check_length(schedule: object, name: str) -> None:
    why = "it is a factor" if name == "T_mult" else "it is a number of epochs, or of steps"
    check_number(type(schedule).__name__, name, getattr(schedule, name), 1, why=why)
