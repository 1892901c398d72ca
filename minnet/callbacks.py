"""A callback is something to do while a Trainer trains: at each step, each epoch, each row of history."""

import time
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from minnet.arrays import Array
from minnet.history import Row
from minnet.metrics import RunningAccuracy
from minnet.schedules import Schedule

if TYPE_CHECKING:
    from minnet.trainer import Trainer


class Callback:
    """The base of every callback: override the moments you need.

    Each is given the trainer, with its ``model``, ``optimizer``, ``history``, ``step`` and ``epoch``
    (how many are finished), ``last_loss``, ``prediction`` and ``target`` of the last step;
    ``trainer.stop()`` ends the run after the current step.
    """

    def on_fit_start(self, trainer: "Trainer") -> None:
        """Before the first step of a `fit`."""

    def on_gradients(self, trainer: "Trainer") -> None:
        """After backward and before the optimizer's step: the gradients may be changed here."""

    def on_step_end(self, trainer: "Trainer") -> None:
        """After each step."""

    def on_epoch_end(self, trainer: "Trainer") -> None:
        """After each pass over the loader."""

    def on_row(self, trainer: "Trainer", row: Row) -> None:
        """After an evaluation: `row` was just added to the history, and may be added to."""

    def on_fit_end(self, trainer: "Trainer") -> None:
        """After the last step, also if the run was interrupted or an error ended it."""


class LearningRate(Callback):
    """Set the optimizer's learning rate by a schedule.

    Parameters
    ----------
    schedule
        One of `minnet.schedules`, or any function ``(base_lr, t) -> lr``. `base_lr` is the
        optimizer's learning rate when the first `fit` begins.
    per
        What t counts: "epoch" or "step".

    Raises
    ------
    ValueError
        If `per` is neither.
    """

    def __init__(self, schedule: Schedule, per: Literal["epoch", "step"] = "epoch") -> None:
        if per not in ("epoch", "step"):
            raise ValueError(f'LearningRate counts per="epoch" or per="step", got {per!r}')
        self.schedule = schedule
        self.per = per
        self.base_lr: float | None = None

    def on_fit_start(self, trainer: "Trainer") -> None:
        """Remember the first learning rate, and set that of the coming step."""
        if self.base_lr is None:
            self.base_lr = trainer.optimizer.lr
        self._set(trainer)

    def on_step_end(self, trainer: "Trainer") -> None:
        """Set the next step's learning rate."""
        if self.per == "step":
            self._set(trainer)

    def on_epoch_end(self, trainer: "Trainer") -> None:
        """Set the next epoch's learning rate."""
        if self.per == "epoch":
            self._set(trainer)

    def _set(self, trainer: "Trainer") -> None:
        assert self.base_lr is not None
        trainer.optimizer.lr = self.schedule(self.base_lr, trainer.step if self.per == "step" else trainer.epoch)


class EarlyStopping(Callback):
    """Stop when a column of the history no longer improves, and put the best weights back.

    The weights of the best row are restored when the run ends, early or not; after Ctrl-C or an
    error the model stays as of its last step.

    L. Prechelt, "Early stopping – but when?", in Neural Networks: Tricks of the Trade, 1998.

    Parameters
    ----------
    monitor
        The column, such as "validation_loss". A loss is to fall; anything else is to rise.
    patience
        How many rows without improvement are waited for, at least 1.
    min_delta
        How much counts as an improvement.

    Attributes
    ----------
    best : float or None
        The best value so far.
    best_step : int
        The step it was seen at.

    Raises
    ------
    ValueError
        If patience is below 1 or min_delta is negative; in training, if a row lacks the column.
    """

    def __init__(self, monitor: str, patience: int = 5, min_delta: float = 0.0) -> None:
        if patience < 1 or min_delta < 0:
            raise ValueError(f"EarlyStopping needs patience >= 1 and min_delta >= 0, got {patience} and {min_delta}")
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta
        self.best: float | None = None
        self.best_step = 0
        self.waited = 0
        self._weights: list[Array] = []

    def on_row(self, trainer: "Trainer", row: Row) -> None:
        """Compare the row with the best."""
        if self.monitor not in row:
            raise ValueError(
                f"EarlyStopping monitors {self.monitor!r}, but a row has only {', '.join(row)}: "
                'pass fit(..., evaluate={"validation": (X, y)}) and monitor="validation_loss"'
            )
        value, sign = row[self.monitor], 1 if self.monitor.endswith("loss") else -1
        if value == value and (self.best is None or sign * value < sign * self.best - self.min_delta):  # not NaN
            self.best, self.best_step, self.waited = value, trainer.step, 0
            self._weights = [parameter.data.copy() for parameter in trainer.model.parameters()]
            return
        self.waited += 1
        if self.waited >= self.patience:
            trainer.stop()

    def on_fit_end(self, trainer: "Trainer") -> None:
        """Put the best weights back."""
        if self._weights and not trainer.interrupted:
            for parameter, weights in zip(trainer.model.parameters(), self._weights, strict=True):
                parameter.data[...] = weights


class ClipGradNorm(Callback):
    """Scale all gradients down together if their common norm exceeds `max_norm`.

    g ← g · min(1, max_norm / ‖g‖₂), the norm taken over all trainable Parameters: the direction
    stays. R. Pascanu et al., "On the difficulty of training recurrent neural networks", ICML 2013,
    section 3.2.

    Raises
    ------
    ValueError
        If max_norm is not positive.
    """

    def __init__(self, max_norm: float) -> None:
        if not max_norm > 0:
            raise ValueError(f"ClipGradNorm needs max_norm > 0, got {max_norm}")
        self.max_norm = max_norm

    def on_gradients(self, trainer: "Trainer") -> None:
        """Clip the gradients."""
        gradients = [p.grad for p in trainer.optimizer.parameters if p.trainable]
        # In float64, where the square of a float32 cannot overflow.
        norm = sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients) ** 0.5
        if norm > self.max_norm:
            for gradient in gradients:
                gradient *= self.max_norm / norm


class ClipGradValue(Callback):
    """Clip every element of every gradient to ±max_value.

    Raises
    ------
    ValueError
        If max_value is not positive.
    """

    def __init__(self, max_value: float) -> None:
        if not max_value > 0:
            raise ValueError(f"ClipGradValue needs max_value > 0, got {max_value}")
        self.max_value = max_value

    def on_gradients(self, trainer: "Trainer") -> None:
        """Clip the gradients."""
        for parameter in trainer.optimizer.parameters:
            np.clip(parameter.grad, -self.max_value, self.max_value, out=parameter.grad)


class RunningScore(Callback):
    """Add the column ``running_accuracy``: that of the training samples, each counted before the step it causes.

    Parameters
    ----------
    decay
        See `minnet.metrics.RunningAccuracy`.
    """

    def __init__(self, decay: float = 0.999) -> None:
        self.running = RunningAccuracy(decay)

    def on_step_end(self, trainer: "Trainer") -> None:
        """Count the last step's predictions, which were made before its update."""
        self.running.update(trainer.prediction, trainer.target)

    def on_row(self, trainer: "Trainer", row: Row) -> None:
        """Note the score."""
        row["running_accuracy"] = self.running.score


class Progress(Callback):
    """A progress bar on the terminal, with the loss; silent where stderr is not a terminal.

    Parameters
    ----------
    total
        How many steps are to come.
    """

    SECONDS = 0.2  # between two refreshes

    def __init__(self, total: int | None) -> None:
        self.total = total
        self._bar: Any = None

    def on_fit_start(self, trainer: "Trainer") -> None:
        """Draw the bar."""
        from tqdm import tqdm  # 20 ms that only training needs

        self._bar = tqdm(total=self.total, unit="step", disable=None, mininterval=0, dynamic_ncols=True)
        self._start, self._next = trainer.step, 0.0

    def on_step_end(self, trainer: "Trainer") -> None:
        """Move the bar, five times a second at most."""
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + self.SECONDS
            self._draw(trainer)

    def on_fit_end(self, trainer: "Trainer") -> None:
        """Leave the bar at where the run ended."""
        if self._bar is not None:
            self._draw(trainer)
            self._bar.close()

    def _draw(self, trainer: "Trainer") -> None:
        self._bar.set_postfix_str(f"loss {trainer.last_loss:.4f}", refresh=False)
        self._bar.update(trainer.step - self._start - self._bar.n)
