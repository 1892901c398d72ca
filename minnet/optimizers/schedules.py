"""A schedule says how the learning rate changes over time: a function of the first one and of time.

``mn.callbacks.LearningRate(mn.schedules.StepLR(10))`` applies one. Any function
``(base_lr, t) -> lr`` is a schedule, where t counts epochs (or steps) from 0. Those below are named
as in PyTorch, and have its values. With groups of Parameters, it is ``optimizer.lr`` that a schedule
sets, and each group keeps its ratio to it.

What needs a metric to decide is a callback: `minnet.callbacks.ReduceLROnPlateau`.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Schedule = Callable[[float, int], float]


@dataclass(frozen=True)
class StepLR:
    """lr(t) = lr₀ · gamma^⌊t / step_size⌋: a drop every `step_size`."""

    step_size: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        _at_least_1(self, "step_size")

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        return base_lr * float(self.gamma ** (t // self.step_size))


@dataclass(frozen=True)
class MultiStepLR:
    """lr(t) = lr₀ · gammaᵏ, where k of the `milestones` are at or before t: a drop at each."""

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

    gamma: float

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        return base_lr * float(self.gamma**t)


@dataclass(frozen=True)
class LinearLR:
    """lr(t) = lr₀ · f, where f goes from `start_factor` to `end_factor` in `total_iters`, and stays: a warm-up.

    P. Goyal et al., "Accurate, large minibatch SGD", arXiv:1706.02677, 2017, section 2.2.
    """

    start_factor: float = 1 / 3
    end_factor: float = 1.0
    total_iters: int = 5

    def __post_init__(self) -> None:
        _at_least_1(self, "total_iters")
        if not 0 < self.start_factor <= 1 or not 0 <= self.end_factor <= 1:
            raise ValueError(
                "LinearLR needs 0 < start_factor <= 1 and 0 <= end_factor <= 1, "
                f"got {self.start_factor} and {self.end_factor}"
            )

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        share = min(t / self.total_iters, 1)
        return base_lr * (self.start_factor + (self.end_factor - self.start_factor) * share)


@dataclass(frozen=True)
class CosineAnnealingLR:
    """lr(t) = eta_min + (lr₀ − eta_min) · (1 + cos(π t / T_max)) / 2: half a cosine down, in T_max.

    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017,
    eq. 5, without the restarts.
    """

    T_max: int
    eta_min: float = 0.0

    def __post_init__(self) -> None:
        _at_least_1(self, "T_max")

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        return _cosine(base_lr, self.eta_min, t / self.T_max)


@dataclass(frozen=True)
class CosineAnnealingWarmRestarts:
    """CosineAnnealingLR again and again: first in T_0, then in T_0 · T_mult, T_0 · T_mult², ….

    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, eq. 5.
    """

    T_0: int
    T_mult: int = 1
    eta_min: float = 0.0

    def __post_init__(self) -> None:
        _at_least_1(self, "T_0")
        _at_least_1(self, "T_mult")

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        t, length = (t % self.T_0, self.T_0) if self.T_mult == 1 else (t, self.T_0)
        while t >= length:
            t, length = t - length, length * self.T_mult
        return _cosine(base_lr, self.eta_min, t / length)


@dataclass(frozen=True)
class SequentialLR:
    """One schedule after another: the first until milestones[0], the second until milestones[1], ….

    Each counts time from its own beginning, and begins from lr₀.
    """

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

    PyTorch's ``SequentialLR([LinearLR(...), CosineAnnealingLR(...)], [warmup])`` in one word.
    """

    warmup: int
    T_max: int
    start_factor: float = 1 / 3
    eta_min: float = 0.0
    _parts: SequentialLR = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _at_least_1(self, "warmup")
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
    """From max_lr / div_factor up to max_lr in pct_start of all steps, then down to far below, once.

    The end is max_lr / (div_factor · final_div_factor), reached at the last step, total_steps − 1, and kept.
    With `three_phase`, the way down stops at the first learning rate after as many steps as the way up
    took, and goes on from there. To be used with ``LearningRate(..., per="step")``. The optimizer's own
    learning rate does not matter (as in PyTorch), except for the groups' ratio to it. Its momentum is left
    as it is: PyTorch's ``cycle_momentum=False``.

    L. N. Smith and N. Topin, "Super-convergence: very fast training of neural networks using large
    learning rates", arXiv:1708.07120, 2017.
    """

    max_lr: float
    total_steps: int
    pct_start: float = 0.3
    anneal_strategy: Literal["cos", "linear"] = "cos"
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    three_phase: bool = False

    def __post_init__(self) -> None:
        _at_least_1(self, "total_steps")
        if not 0 <= self.pct_start <= 1:
            raise ValueError(f"OneCycleLR needs pct_start between 0 and 1, a share of the steps, got {self.pct_start}")
        if self.anneal_strategy not in ("cos", "linear"):
            raise ValueError(f'OneCycleLR knows anneal_strategy="cos" and "linear", got {self.anneal_strategy!r}')

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


def _at_least_1(schedule: object, name: str) -> None:
    value = getattr(schedule, name)
    if value < 1:
        what = "a factor" if name == "T_mult" else "so many epochs, or steps"
        raise ValueError(f"{type(schedule).__name__} needs {name} >= 1, got {value}: it is {what}")
