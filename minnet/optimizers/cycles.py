"""Schedules that go up and down, in one cycle or in many; and what all schedules share."""

import math
from dataclasses import dataclass
from typing import Literal

from minnet.core.checks import check_choice, check_number
from minnet.core.described import shown

MODES = ("triangular", "triangular2", "exp_range")


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
        check_length(self, "total_steps")
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
        return cosine(start, stop, share) if self.anneal_strategy == "cos" else start + (stop - start) * share


@dataclass(frozen=True)
class CyclicLR:
    """The rate rises from base_lr to max_lr in `step_size_up`, falls back in `step_size_down`, and so on.

    With the mode "triangular2", each peak is half as far above base_lr as the one before; with "exp_range", gammaᵗ
    times as far as the first would be. As in PyTorch, the optimizer's own learning rate does not matter. The momentum
    does not change: PyTorch's ``cycle_momentum=False``. Use it with ``LearningRate(..., per="step")``.

    L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017.
    """

    __repr__ = shown
    base_lr: float
    max_lr: float
    step_size_up: int = 2000
    step_size_down: int | None = None
    mode: Literal["triangular", "triangular2", "exp_range"] = "triangular"
    gamma: float = 1.0

    def __post_init__(self) -> None:
        check_length(self, "step_size_up")
        if self.step_size_down is not None:
            check_length(self, "step_size_down")
        check_number("CyclicLR", "base_lr", self.base_lr, 0)
        check_number("CyclicLR", "max_lr", self.max_lr, self.base_lr, why="base_lr is the lowest")
        check_choice("CyclicLR", "mode", self.mode, MODES)
        check_number("CyclicLR", "gamma", self.gamma, above=0, high=1)

    def __call__(self, base_lr: float, t: int) -> float:
        """Return the learning rate at time t; `base_lr` is not used, because the schedule has its own."""
        up, down = self.step_size_up, self.step_size_down or self.step_size_up
        cycle, t_in = divmod(t, up + down)
        height = t_in / up if t_in <= up else (up + down - t_in) / down
        scale = {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": float(self.gamma**t)}[self.mode]
        return self.base_lr + (self.max_lr - self.base_lr) * height * scale


def cosine(start: float, stop: float, share: float) -> float:
    """Go from start to stop along half a cosine."""
    return stop + (start - stop) * (1 + math.cos(math.pi * share)) / 2


def check_length(schedule: object, name: str) -> None:
    """Check an attribute that is a length of time: a number, at least 1."""
    why = "it is a factor" if name == "T_mult" else "it is a number of epochs, or of steps"
    check_number(type(schedule).__name__, name, getattr(schedule, name), 1, why=why)
