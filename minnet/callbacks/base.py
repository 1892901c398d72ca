"""A callback is something to do while a Trainer trains: at each step, each epoch, each row of history."""

from typing import TYPE_CHECKING

from minnet.history import Row

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


def monitored(callback: Callback, monitor: str, row: Row) -> float:
    """Return the column of a row that a callback watches.

    Raises
    ------
    ValueError
        If the row lacks it.
    """
    if monitor not in row:
        raise ValueError(
            f"{type(callback).__name__} monitors {monitor!r}, but a row has only {', '.join(row)}: "
            'pass fit(..., evaluate={"validation": (X, y)}) and monitor="validation_loss"'
        )
    return row[monitor]
