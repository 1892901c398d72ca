"""Participants are the callbacks of one fit: those that were started are ended, whatever happens."""

from collections.abc import Sequence
from types import TracebackType

from minnet.callbacks.base import Callback, Training
from minnet.core.console import announce


class Participants:
    """Call `on_fit_start` with `start`; at the end of the block, call `on_fit_end` where `on_fit_start` has returned.

    An error in one `on_fit_end` does not keep the others from being called. The error that ends the block is raised,
    or else the first of these; the others become notes on it.
    """

    def __init__(self, callbacks: Sequence[Callback], trainer: Training) -> None:
        self._callbacks, self._trainer = callbacks, trainer
        self._started: list[Callback] = []

    def start(self) -> None:
        """Call `on_fit_start`, in the order of the callbacks."""
        for callback in self._callbacks:
            callback.on_fit_start(self._trainer)
            self._started.append(callback)

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> None:
        errors = [] if error is None else [error]
        for callback in self._started:
            try:
                callback.on_fit_end(self._trainer)
            except BaseException as failure:
                errors.append(failure)
                if failure is not errors[0]:
                    name = f"{type(callback).__name__}.on_fit_end"
                    errors[0].add_note(f"{name} raised {type(failure).__name__}: {failure}")
                    if isinstance(error, SystemExit):  # whose notes Python does not print
                        announce(error.__notes__[-1])
        if error is None and errors:
            raise errors[0]
