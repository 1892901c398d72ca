"""Two callbacks change the learning rate: one by a schedule, one when a metric no longer improves."""

from typing import Literal

from minnet.callbacks.base import Callback, Training
from minnet.core.checks import check_choice, check_int, check_number
from minnet.core.rows import MODES, Mode, Row, improves, mode_of, monitored
from minnet.optimizers.schedules import Schedule


class LearningRate(Callback):
    """Set the optimizer's learning rate by a schedule.

    Parameters
    ----------
    schedule
        One of `minnet.optimizers.schedules`, or any function ``(base_lr, t) -> lr``, where `base_lr` is the
        optimizer's learning rate at the start of the first `fit`. Groups of Parameters keep their ratio to it.
    per
        What t counts: "epoch" or "step".

    Raises
    ------
    TypeError, ValueError
        If the schedule is not a function; if `per` is neither.
    """

    def __init__(self, schedule: Schedule, per: Literal["epoch", "step"] = "epoch") -> None:
        if not callable(schedule):
            raise TypeError(
                f"LearningRate expected schedule to be a function (base_lr, t) -> lr, got {type(schedule).__name__}: "
                "pass one of mn.schedules, such as mn.schedules.StepLR(10); give a fixed lr to the optimizer"
            )
        self.schedule = schedule
        self.per = check_choice("LearningRate", "per", per, ("epoch", "step"))
        self.base_lr: float | None = None

    @property
    def every_step(self) -> bool:
        """Whether the rate changes from step to step."""
        return self.per == "step"

    def on_fit_start(self, trainer: Training) -> None:
        """Note the first learning rate, and set that of the next step."""
        if self.base_lr is None:
            self.base_lr = trainer.optimizer.lr
        self._set(trainer)

    def on_step_end(self, trainer: Training) -> None:
        """Set the next step's learning rate."""
        if self.per == "step":
            self._set(trainer)

    def on_epoch_end(self, trainer: Training) -> None:
        """Set the next epoch's learning rate."""
        if self.per == "epoch":
            self._set(trainer)

    def _set(self, trainer: Training) -> None:
        assert self.base_lr is not None
        trainer.optimizer.lr = self.schedule(self.base_lr, trainer.step if self.per == "step" else trainer.epoch)


class ReduceLROnPlateau(Callback):
    """Lower the learning rate when a column of the history no longer improves: lr ← max(factor · lr, min_lr).

    It works as in PyTorch, with a row of the history in place of an epoch: it acts after more than `patience` rows
    in a row that did not improve on the best value, and then counts from 0 again. Do not combine it with
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
        The lowest learning rate. It bounds ``optimizer.lr``; groups of Parameters keep their ratio to that.
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
            old = trainer.optimizer.lr
            new = max(old * self.factor, self.min_lr)
            if old - new > self.eps:
                trainer.optimizer.lr = new
