"""Two callbacks change the learning rate: one by a schedule, one when a metric no longer improves."""

import math
from typing import Literal

from minnet.callbacks.base import Callback, Training
from minnet.core.checks import check_choice, check_int, check_number
from minnet.core.console import warn
from minnet.core.forms import is_number
from minnet.core.layer import Layer
from minnet.core.rows import MODES, Mode, Row, check_best, improves, mode_of, monitored
from minnet.core.state import State
from minnet.errors import TrainingWarning
from minnet.optimizers import Optimizer
from minnet.optimizers.schedules import Schedule


class LearningRate(Callback):
    """Set the learning rate of each group of Parameters by a schedule.

    A `fit` begins at t = 0, with the learning rates that the groups have then. Where a schedule has set them and
    nobody since, it begins with those from before that schedule: so a second `fit` repeats the schedule of the first.
    After a `fit`, the groups keep the rates that it ended with.

    Parameters
    ----------
    schedule
        One of `minnet.optimizers.schedules`, or any function ``(base_lr, t) -> lr``, where `base_lr` is a group's
        learning rate at the start.
    per
        What t counts: "epoch" or "step" of this `fit`.

    Raises
    ------
    TypeError, ValueError
        If the schedule is not a function; if `per` is neither; in training, if a rate is not a number >= 0.

    Warns
    -----
    TrainingWarning
        At the end of a `fit` in which the rate never moved, because t counts epochs and there was not a second one;
        if the schedule gives one learning rate to groups that have their own.
    """

    def __init__(self, schedule: Schedule, per: Literal["epoch", "step"] = "epoch") -> None:
        if not callable(schedule):
            raise TypeError(
                f"LearningRate expected schedule to be a function (base_lr, t) -> lr, got {type(schedule).__name__}: "
                "pass one of mn.schedules, such as mn.schedules.StepLR(10); give a fixed lr to the optimizer"
            )
        self.schedule = schedule
        self.per = check_choice("LearningRate", "per", per, ("epoch", "step"))
        self.base_lrs: list[float] = []
        self.start = 0

    @property
    def every_step(self) -> bool:
        """Whether the rate changes from step to step."""
        return self.per == "step"

    def on_fit_start(self, trainer: Training) -> None:
        """Note where the run begins, and set the learning rates of the first step."""
        self.base_lrs, self.start = trainer.optimizer.initial_lrs, self._now(trainer)
        self._set(trainer)
        self._warn_of_one_rate(trainer)

    def check_state(self, state: State, model: Layer, optimizer: Optimizer) -> None:
        """Check that there is a learning rate for each group."""
        rates = state["base_lrs"]
        if len(rates) != len(optimizer.param_groups) or not all(is_number(lr) and 0 <= lr < math.inf for lr in rates):
            raise ValueError("there is not a learning rate for each group")

    def on_step_end(self, trainer: Training) -> None:
        """Set the next step's learning rates."""
        if self.per == "step":
            self._set(trainer)

    def on_epoch_end(self, trainer: Training) -> None:
        """Set the next epoch's learning rates."""
        if self.per == "epoch":
            self._set(trainer)

    def on_fit_end(self, trainer: Training) -> None:
        """Warn if the schedule never moved."""
        epochs = trainer.epoch - self.start
        if self.per == "epoch" and epochs <= 1 and not (trainer.interrupted or trainer.stopped):
            end = "with its first" if epochs else "before the end of the first"
            warn(
                'the learning rate never moved: LearningRate(..., per="epoch") sets it after each epoch, and this fit '
                f'ended {end}. Pass per="step" and a schedule in steps; or call fit once, with all epochs',
                TrainingWarning,
                stacklevel=5,  # the line that called fit
            )

    def _now(self, trainer: Training) -> int:
        return trainer.step if self.per == "step" else trainer.epoch

    def _set(self, trainer: Training) -> None:
        t, rates = self._now(trainer) - self.start, []
        for base_lr in self.base_lrs:
            rate = self.schedule(base_lr, t)
            if not (type(rate) is float and 0 <= rate < math.inf):
                rate = check_number("LearningRate", f"the rate that its schedule returns at t = {t}", rate, 0)
            rates.append(rate)
        trainer.optimizer.set_lrs(rates, self.base_lrs)

    def _warn_of_one_rate(self, trainer: Training) -> None:
        """Warn if groups with learning rates of their own get the same one."""
        rates = {group["lr"] for group in trainer.optimizer.param_groups}
        if len(rates) == 1 and len(set(self.base_lrs)) > 1 and rates != {0.0}:
            own = ", ".join(f"{base_lr:g}" for base_lr in self.base_lrs)
            warn(
                f"LearningRate's schedule gives all groups of Parameters the same learning rate, {rates.pop():g}, "
                f"although they have rates of their own, {own}: to keep these, pass a schedule that uses base_lr, such "
                "as lambda base_lr, t: base_lr * factor(t)",
                TrainingWarning,
                stacklevel=7,  # the line that called fit
            )


class ReduceLROnPlateau(Callback):
    """Lower each group's learning rate when a column of the history no longer improves: lr ← max(factor · lr, min_lr).

    It works as in PyTorch, with a row of the history in place of an epoch: it acts after more than `patience` rows
    in a row that did not improve on the best value, and then counts from 0 again. It cannot be combined with
    `LearningRate`, which would set the rate anew.

    Parameters
    ----------
    monitor
        The column, such as "validation_loss".
    mode
        "min" if the column is better when it is lower, "max" if when it is higher. By default, "min" for a loss, and
        what a metric says itself (its attribute ``better``).
    factor
        The learning rate is multiplied by it, 0 < factor < 1.
    patience
        The number of rows without improvement that change nothing, >= 0.
    threshold, threshold_mode
        What counts as an improvement: a change by more than threshold · |best| with "rel", by more than threshold
        with "abs".
    cooldown
        The number of rows after a reduction that are not counted, >= 0.
    min_lr
        The lowest learning rate of a group; one that is lower already stays as it is.
    eps
        A reduction of the learning rate by less than eps is not made.

    Attributes
    ----------
    best : float or None
        The best value so far.
    bad_rows, cooldown_left : int
        How many rows in a row were without improvement, and how many rows of the cooldown are left.

    Raises
    ------
    ValueError
        If a mode is unknown or a number out of its range; in training, if a row lacks the column, or neither `mode` nor
        the metric says in which direction it improves.
    """

    def __init__(
        self,
        monitor: str,
        mode: Mode | None = None,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        owner = "ReduceLROnPlateau"
        self.monitor = monitor
        self.mode: Mode | None = check_choice(owner, "mode", mode, MODES)
        self.factor = check_number(owner, "factor", factor, above=0, below=1)
        self.patience = check_int(owner, "patience", patience, 0, why="it counts rows")
        self.threshold = check_number(owner, "threshold", threshold, 0)
        self.threshold_mode = check_choice(owner, "threshold_mode", threshold_mode, ("rel", "abs"))
        self.cooldown = check_int(owner, "cooldown", cooldown, 0, why="it counts rows")
        self.min_lr = check_number(owner, "min_lr", min_lr, 0)
        self.eps = check_number(owner, "eps", eps, 0)
        self.best: float | None = None
        self.bad_rows = 0
        self.cooldown_left = 0
        self._mode: Mode = mode or "min"  # found out when a fit begins

    def on_fit_start(self, trainer: Training) -> None:
        """Find out in which direction the column improves."""
        self._mode = mode_of(self, self.monitor, self.mode, trainer.metrics)

    def on_row(self, trainer: Training, row: Row) -> None:
        """Compare the row with the best value, and lower the learning rate after too many bad rows."""
        value = monitored(self, self.monitor, row)
        if improves(value, self.best, self._mode, self.threshold, self.threshold_mode == "rel"):
            self.best, self.bad_rows = value, 0
        else:
            self.bad_rows += 1
        if self.cooldown_left:
            self.cooldown_left, self.bad_rows = self.cooldown_left - 1, 0
        if self.bad_rows > self.patience:
            self.cooldown_left, self.bad_rows = self.cooldown, 0
            for group in trainer.optimizer.param_groups:
                new = max(group["lr"] * self.factor, self.min_lr)
                if group["lr"] - new > self.eps:
                    group["lr"] = new

    def check_state(self, state: State, model: Layer, optimizer: Optimizer) -> None:
        """Check the best value."""
        check_best(state["best"], state["_mode"])
