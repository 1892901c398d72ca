"""A callback is something to do while a Trainer trains: at each step, each epoch, each row of the history."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Concatenate, Protocol

from minnet.core.described import shown
from minnet.core.layer import Layer
from minnet.core.rows import Row
from minnet.core.state import State, attributes, set_attributes
from minnet.losses import Loss
from minnet.optimizers import Optimizer


class Training(Protocol):
    """What a callback is given: a `Trainer`, described by those of its attributes that a callback uses."""

    model: Layer
    loss: Loss
    optimizer: Optimizer
    step: int  #: how many steps were finished
    epoch: int  #: how many epochs were finished
    last_loss: float  #: the loss of the last step
    prediction: Any  #: the prediction of the last step, made before its update
    target: Any  #: the target of the last step
    stopped: bool  #: whether a callback has ended the run
    interrupted: bool  #: whether Ctrl-C or an error has

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Name → the metric that evaluations report."""

    @property
    def history(self) -> list[Row]:
        """The rows so far."""

    def predict(self, X: Any) -> Any:
        """Return the model's outputs for samples, in eval mode."""

    def stop(self) -> None:
        """End the run after the current step."""


Hooks = dict[str, list[Callable[Concatenate[Training, ...], None]]]


class Callback:
    """The base of every callback: override the moments you need.

    Each method is given the Trainer, with its ``model``, ``optimizer``, ``history``, ``step`` and ``epoch``
    (how many are finished), and ``last_loss``, ``prediction`` and ``target`` of the last step;
    ``trainer.stop()`` ends the run after the current step.

    Each `fit` uses a callback as if it were new, so one object serves any number of fits, one after the other. What a
    fit changed stays readable, and the next fit undoes it: see `minnet.core.renewal.Renewal`. Numbers, arrays, lists
    and dicts are undone, and so are callbacks inside a callback. Begin anew in `on_fit_start` what your callback keeps
    in objects of other classes. What you change between two fits stays.

    In a job of several ranks (`minnet.MPI`), a callback is called on every rank. The weights, the gradients in
    `on_gradients`, ``last_loss`` and the rows are the same on all of them, so callbacks that go by these decide alike;
    ``trainer.stop()`` on one rank stops all. ``prediction`` and ``target`` are those of this rank's part of the batch,
    which may have no samples. A callback that changes weights, gradients or rows must do so on every rank.

    Attributes
    ----------
    rank_zero_only : bool
        True in the class of a callback that writes or shows something: in a job, it is called on rank 0 only.
    """

    __repr__ = shown
    rank_zero_only = False

    @property
    def every_step(self) -> bool:
        """Whether `on_step_end` has to be called after every single step.

        A class with ``every_step = False`` lets ``Trainer(compiled=True)`` do several at once, and finds the
        predictions of all of them in ``prediction``.
        """
        return True

    def on_fit_start(self, trainer: Training) -> None:
        """Before the first step of a `fit`."""

    def on_gradients(self, trainer: Training) -> None:
        """After backward and before the optimizer's step: the gradients may be changed here."""

    def on_step_end(self, trainer: Training) -> None:
        """After each step."""

    def on_epoch_end(self, trainer: Training) -> None:
        """After each pass over the loader."""

    def on_row(self, trainer: Training, row: Row) -> None:
        """After an evaluation: `row` was just added to the history, and may be added to."""

    def on_fit_end(self, trainer: Training) -> None:
        """After the last step, also if the run was interrupted or an error ended it.

        It is called if `on_fit_start` returned, whatever other callbacks did. The error that ended the run is raised;
        an error here becomes a note on it.
        """

    def state_dict(self) -> State:
        """Return what a checkpoint is to keep: here, every attribute that is plain data (see `minnet.core.state`).

        The plain data in objects that the attributes hold are kept, too. If data are elsewhere, such as in a file,
        override this and `load_state_dict`. Then a checkpoint keeps only what this returns.
        """
        return attributes(self)

    def check_state(self, state: State, model: Layer, optimizer: Optimizer) -> None:
        """Raise ValueError if this callback cannot go on with `state`, which comes from a file.

        It is called before anything of the run has changed. A value of another kind than in `state_dict` now (a text in
        place of a number) was refused already. Check here what only this class knows.
        """

    def load_state_dict(self, state: State) -> None:
        """Restore what `state_dict` returned; it is called after `on_fit_start`, in a run that is resumed."""
        set_attributes(self, state)


def job_of(trainer: Training) -> Any:
    """Return the `minnet.MPI` of a Trainer in a job of several ranks, or None."""
    mpi = getattr(trainer, "parallel", None)
    return mpi if mpi is not None and mpi.size > 1 else None


MOMENTS = [name for name in vars(Callback) if name.startswith("on_")]


def hooks(callbacks: Iterable[Callback]) -> Hooks:
    """Sort the methods of callbacks by their moment, without those that nobody overrides: a step pays for no others."""
    return {name: [getattr(c, name) for c in callbacks if overrides(c, name)] for name in MOMENTS}


def overrides(callback: Callback, moment: str) -> bool:
    """Whether a callback's class has a method of its own for a moment, or a function was set on the callback."""
    return getattr(getattr(callback, moment), "__func__", None) is not getattr(Callback, moment)


def looks_at_every_step(callback: Callback) -> bool:
    """Whether a callback's `on_step_end` has to be called after every single step.

    A class that inherits ``every_step = False``, but overrides `on_step_end`, has to say so again; so has a callback
    on which another `on_step_end` was set.
    """
    if not overrides(callback, "on_step_end"):
        return False
    places: tuple[object, ...] = (callback, *type(callback).__mro__)
    nearest = next(place for place in places if vars(place).keys() & {"every_step", "on_step_end"})
    return "every_step" not in vars(nearest) or callback.every_step
