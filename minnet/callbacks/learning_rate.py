"""The learning rate may follow a schedule, or a metric that no longer improves."""

import math
from typing import Literal

from minnet.callbacks.base import Callback, Training
from minnet.core.rows import Row, monitored
from minnet.optimizers.schedules import Schedule


class LearningRate(Callback):
    """Set the optimizer's learning rate by a schedule.

    Parameters
    ----------
    schedule
        One of `minnet.optimizers.schedules`, or any function ``(base_lr, t) -> lr``. `base_lr` is the
        optimizer's learning rate when the first `fit` begins. Groups of Parameters keep their ratio to it.
    per
        What t counts: "epoch" or "step".

    Raises
    ------
    TypeError, ValueError
        If the schedule is no function; if `per` is neither.
    """

    def __init__(self, schedule: Schedule, per: Literal["epoch", "step"] = "epoch") -> None:
        if per not in ("epoch", "step"):
            raise ValueError(f'LearningRate counts per="epoch" or per="step", got {per!r}')
        if not callable(schedule):
            raise TypeError(
                f"LearningRate expected schedule to be a function (base_lr, t) -> lr, got {type(schedule).__name__}: "
                "pass one of mn.schedules, such as mn.schedules.StepLR(10); a fixed lr is the optimizer's"
            )
        self.schedule = schedule
        self.per = per
        self.base_lr: float | None = None

    @property
    def every_step(self) -> bool:
        """Whether the rate changes from step to step."""
        return self.per == "step"

    def on_fit_start(self, trainer: Training) -> None:
        """Remember the first learning rate, and set that of the coming step."""
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

    As in PyTorch, with a row of the history for an epoch: after more than `patience` rows in a row that did
    not improve on the best one, counting begins anew. Do not combine it with `LearningRate`, which would
    undo it.

    Parameters
    ----------
    monitor
        The column, such as "validation_loss".
    mode
        "min" for what is to fall, "max" for what is to rise. By default, a loss is to fall and anything
        else to rise.
    factor
        What the learning rate is multiplied by, 0 < factor < 1.
    patience
        How many rows without improvement are put up with.
    threshold, threshold_mode
        How much counts as an improvement: below best · (1 − threshold) with "rel", below best − threshold
        with "abs"; above best · (1 + threshold) and best + threshold for what is to rise.
    cooldown
        How many rows after a reduction do not count as bad.
    min_lr
        Where to end. It bounds ``optimizer.lr``, from which groups of Parameters keep their ratio.
    eps
        A reduction by less than that is not made.

    Attributes
    ----------
    best : float
        The best value so far.
    bad_rows, cooldown_left : int
        How many rows were without improvement, and how many are still not to be counted.

    Raises
    ------
    ValueError
        If a mode is unknown or a number out of its range; in training, if a row lacks the column.
    """

    def __init__(
        self,
        monitor: str,
        mode: Literal["min", "max"] | None = None,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if mode not in ("min", "max", None) or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                'ReduceLROnPlateau knows mode="min" and "max", threshold_mode="rel" and "abs", '
                f"got {mode!r} and {threshold_mode!r}"
            )
        if not 0 < factor < 1:
            raise ValueError(f"ReduceLROnPlateau needs 0 < factor < 1, got {factor}")
        if min(patience, threshold, cooldown, min_lr, eps) < 0:
            raise ValueError("ReduceLROnPlateau needs patience, threshold, cooldown, min_lr and eps >= 0")
        self.monitor = monitor
        self.mode = mode or ("min" if monitor.endswith("loss") else "max")
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.eps = eps
        self.best = math.inf if self.mode == "min" else -math.inf
        self.bad_rows = 0
        self.cooldown_left = 0

    def on_row(self, trainer: Training, row: Row) -> None:
        """Compare the row with the best, and lower the learning rate if it is time."""
        value = monitored(self, self.monitor, row)
        if self._improves(value):
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

    def _improves(self, value: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "rel":
            better = self.best * (1 + sign * self.threshold)
        else:
            better = self.best + sign * self.threshold
        return sign * value > sign * better
