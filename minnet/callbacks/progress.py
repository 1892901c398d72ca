"""A progress bar and a running accuracy show how training goes while it runs."""

import time
from contextlib import suppress
from typing import Any

from minnet.callbacks.base import Callback, Training
from minnet.core.console import is_terminal
from minnet.core.rows import RUNNING_ACCURACY, Row
from minnet.core.state import State
from minnet.metrics import RunningAccuracy


class RunningScore(Callback):
    """Add the column ``running_accuracy``: each training sample is counted before the step that learns from it.

    Parameters
    ----------
    decay
        See `minnet.metrics.RunningAccuracy`.
    """

    every_step = False

    def __init__(self, decay: float = 0.999) -> None:
        self.running = RunningAccuracy(decay)

    def on_fit_start(self, trainer: Training) -> None:
        """Begin at 0, without the labels that the loss ignores."""
        self.running = self.running.fresh(trainer.loss)

    def on_step_end(self, trainer: Training) -> None:
        """Count the step's predictions, which were made before its update."""
        self.running.update(trainer.prediction, trainer.target)

    def on_row(self, trainer: Training, row: Row) -> None:
        """Add the score to the row."""
        row[RUNNING_ACCURACY] = self.running.score


class Progress(Callback):
    """A progress bar on the terminal, with the loss; silent where stderr is not a terminal.

    Parameters
    ----------
    total
        The number of steps of the run; None if it is not known.
    """

    SECONDS = 0.2  # between two refreshes
    every_step = False

    def __init__(self, total: int | None) -> None:
        self.total = total
        self._bar: Any = None

    def on_fit_start(self, trainer: Training) -> None:
        """Draw the bar."""
        self._start, self._next, self._bar = trainer.step, 0.0, None
        if is_terminal():
            from tqdm import tqdm  # 20 ms that only training needs

            with suppress(OSError, ValueError):
                self._bar = tqdm(total=self.total, unit="step", mininterval=0, dynamic_ncols=True)

    def on_step_end(self, trainer: Training) -> None:
        """Move the bar, five times a second at most."""
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + self.SECONDS
            self._draw(trainer)

    def on_fit_end(self, trainer: Training) -> None:
        """Show the last step, and close the bar."""
        self._draw(trainer)
        if self._bar is not None:
            with suppress(OSError, ValueError):
                self._bar.close()

    def state_dict(self) -> State:
        """Return nothing, because a resumed run draws a bar of its own."""
        return {}

    def _draw(self, trainer: Training) -> None:
        """Draw the bar anew; a terminal that is gone ends the bar, and not the run."""
        if self._bar is not None:
            try:
                self._bar.set_postfix_str(f"loss {trainer.last_loss:.4f}", refresh=False)
                self._bar.update(trainer.step - self._start - self._bar.n)
            except (OSError, ValueError):
                self._bar.disable, self._bar = True, None
