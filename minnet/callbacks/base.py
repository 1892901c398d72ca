"""A callback is something to do while a Trainer trains: at each step, each epoch, each row of history."""

from typing import TYPE_CHECKING

from minnet.core.rows import Row
from minnet.core.state import State, attributes, set_attributes

if TYPE_CHECKING:
    from minnet.training.trainer import Trainer


class Callback:
    """The base of every callback: override the moments you need.

    Each is given the trainer, with its ``model``, ``optimizer``, ``history``, ``step`` and ``epoch``
    (how many are finished), ``last_loss``, ``prediction`` and ``target`` of the last step;
    ``trainer.stop()`` ends the run after the current step.
    """

    @property
    def every_step(self) -> bool:
        """Whether `on_step_end` has to be called after every single step.

        A class with ``every_step = False`` lets ``Trainer(compiled=True)`` do several at once, and finds the
        predictions of all of them in ``prediction``.
        """
        return True

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

    def state_dict(self) -> State:
        """Return what a checkpoint is to keep: here, every attribute that is plain data (see `minnet.core.state`).

        Override both methods for what is remembered elsewhere, such as in an object or a file.
        """
        return attributes(self)

    def load_state_dict(self, state: State) -> None:
        """Put back what `state_dict` returned; it is called after `on_fit_start`, in a run that is resumed."""
        set_attributes(self, state)


def looks_at_every_step(callback: Callback) -> bool:
    """Whether a callback's `on_step_end` has to be called after every single step.

    A class that inherits ``every_step = False``, and has another `on_step_end`, has not thought of it.
    """
    for kind in type(callback).__mro__:
        if "every_step" in vars(kind):
            return callback.every_step
        if "on_step_end" in vars(kind):
            break
    return True
