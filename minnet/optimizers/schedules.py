"""A schedule is a function ``(base_lr, t) -> lr``: the learning rate after t epochs, or t steps.

``mn.callbacks.LearningRate(mn.schedules.StepLR(10))`` applies a schedule; t counts from 0, and any such function will
do. The schedules below have PyTorch's names and values. Each group of Parameters has its own base_lr: the learning
rate that it had before any schedule.

`minnet.callbacks.ReduceLROnPlateau` is a callback and not a schedule, because it needs a metric.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from minnet.core.checks import check_number
from minnet.core.described import shown
from minnet.optimizers.cycles import CyclicLR as CyclicLR
from minnet.optimizers.cycles import OneCycleLR as OneCycleLR
from minnet.optimizers.cycles import check_length, cosine

Schedule = Callable[[float, int], float]

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "PolynomialLR",
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
        check_length(self, "step_size")

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
        check_length(self, "total_iters")
        check_number("LinearLR", "start_factor", self.start_factor, above=0, high=1)
        check_number("LinearLR", "end_factor", self.end_factor, 0, 1)

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        share = min(t / self.total_iters, 1)
        return base_lr * (self.start_factor + (self.end_factor - self.start_factor) * share)


@dataclass(frozen=True)
class ConstantLR:
    """lr(t) = lr₀ · factor until `total_iters`, and then lr₀."""

    __repr__ = shown
    factor: float = 1 / 3
    total_iters: int = 5

    def __post_init__(self) -> None:
        check_length(self, "total_iters")
        check_number("ConstantLR", "factor", self.factor, 0, 1)

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        return base_lr * self.factor if t < self.total_iters else base_lr


@dataclass(frozen=True)
class PolynomialLR:
    """lr(t) = lr₀ · (1 − t / total_iters)ᵖ with the power p, and 0 from `total_iters` on."""

    __repr__ = shown
    total_iters: int = 5
    power: float = 1.0

    def __post_init__(self) -> None:
        check_length(self, "total_iters")
        check_number("PolynomialLR", "power", self.power, 0)

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        return base_lr * float((1 - min(t / self.total_iters, 1)) ** self.power)


@dataclass(frozen=True)
class CosineAnnealingLR:
    """lr(t) = eta_min + (lr₀ − eta_min) · (1 + cos(π t / T_max)) / 2: half a cosine down, in T_max.

    It is `CosineAnnealingWarmRestarts` without the restarts; the source is there.
    """

    __repr__ = shown
    T_max: int
    eta_min: float = 0.0

    def __post_init__(self) -> None:
        check_length(self, "T_max")

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        return cosine(base_lr, self.eta_min, t / self.T_max)


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
        check_length(self, "T_0")
        check_length(self, "T_mult")

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        t, length = (t % self.T_0, self.T_0) if self.T_mult == 1 else (t, self.T_0)
        while t >= length:
            t, length = t - length, length * self.T_mult
        return cosine(base_lr, self.eta_min, t / length)


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
        check_length(self, "warmup")
        if self.T_max <= self.warmup:
            raise ValueError(f"WarmupCosineLR needs T_max > warmup, got {self.T_max} and {self.warmup}")
        up = LinearLR(self.start_factor, total_iters=self.warmup)
        down = CosineAnnealingLR(self.T_max - self.warmup, self.eta_min)
        object.__setattr__(self, "_parts", SequentialLR((up, down), (self.warmup,)))

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t."""
        return self._parts(base_lr, t)
