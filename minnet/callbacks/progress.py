"""A progress bar and a running accuracy show how training goes while it runs."""

import time
from contextlib import suppress
from typing import Any, Literal

import numpy as np

from minnet.callbacks.base import Callback, Training, job_of
from minnet.callbacks.printed_rows import PrintedRows
from minnet.core.console import is_notebook, is_terminal
from minnet.core.rows import RUNNING_ACCURACY, Row
from minnet.core.state import State
from minnet.core.trees import first
from minnet.metrics import RunningAccuracy


def shown_by(progress: bool | Literal["rows"], total: int | None) -> list[Callback]:
    """Return the callbacks that show a run of `total` steps (None: not known), as `fit` is told by its `progress`.

    Raises ValueError if `progress` is none of True, False and "rows".
    """
    if isinstance(progress, int | np.bool_):
        return [Progress(total)] if progress else []
    if isinstance(progress, str) and progress == "rows":
        return [PrintedRows()]
    raise ValueError(
        "fit expected progress=True (a bar, on a terminal and in a notebook), False (nothing), or "
        f'"rows" (a printed line for each row of the history), got {progress!r}'
    )


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
        if trainer.loss.several:
            raise TypeError(
                f"RunningScore counts one output, but the loss is of several, {trainer.loss.describe()}: "
                'leave it out, and pass fit(..., evaluate={"test": (X, y)}), which reports the accuracy of each'
            )
        self.running = self.running.fresh(trainer.loss)

    def on_step_end(self, trainer: Training) -> None:
        """Count the step's predictions, which were made before its update, those of all ranks in their order."""
        mpi = job_of(trainer)
        if mpi is None:
            self.running.update(trainer.prediction, trainer.target)
            return
        own = self.running.fresh()
        if len(first(trainer.target)):
            own.update(trainer.prediction, trainer.target)
        for part in mpi.gather(own):
            self.running.merge(part)

    def on_row(self, trainer: Training, row: Row) -> None:
        """Add the score to the row."""
        row[RUNNING_ACCURACY] = self.running.score


class Progress(Callback):
    """A progress bar with the loss, on a terminal or in a notebook; silent elsewhere, such as in a file or a pipe.

    In a notebook it is a widget where ipywidgets is installed (the extra "jupyter"), and text without.

    Parameters
    ----------
    total
        The number of steps of the run; None if it is not known.
    """

    rank_zero_only = True
    SECONDS = 0.2  # between two refreshes
    every_step = False

    def __init__(self, total: int | None) -> None:
        self.total = total
        self._bar: Any = None

    def on_fit_start(self, trainer: Training) -> None:
        """Draw the bar."""
        self._start, self._next, self._bar = trainer.step, 0.0, None
        if bar := _bar_class():
            with suppress(OSError, ValueError):
                self._bar = bar(total=self.total, unit="step", mininterval=0, dynamic_ncols=True)

    def on_step_end(self, trainer: Training) -> None:
        """Move the bar, five times a second at most."""
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + self.SECONDS
            self._draw(trainer)

    def on_fit_end(self, trainer: Training) -> None:
        """Show the last step, and close the bar; a run that a callback has stopped is complete."""
        self._draw(trainer)
        if self._bar is not None:
            if trainer.stopped:
                self._bar.total = self._bar.n  # or else a notebook shows it in red, as after an error
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


def _bar_class() -> Any:
    """Return tqdm's class for where this runs, or None where no one sees a bar.

    ``tqdm.auto`` chooses among the same two, but warns in a notebook without ipywidgets.
    """
    if is_notebook():
        from tqdm import notebook, std  # 20 ms that only training needs

        return notebook.tqdm if getattr(notebook, "IProgress", None) else std.tqdm
    if is_terminal():
        from tqdm.std import tqdm

        return tqdm
    return None
