"""An Access says who works with a Trainer: one fit, or any number of evaluations."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ELSEWHERE = "while another thread is in a fit of the same Trainer"


class Access:
    """A Trainer's fit works alone; only its own thread, such as a callback, evaluates meanwhile.

    Several threads may evaluate at the same time. Whoever may not begin gets a RuntimeError, before anything changed.
    """

    _lock = threading.Lock()  # of the class, because a Trainer's own could not be copied

    def __init__(self) -> None:
        self._fitting: int | None = None  # the thread of the fit
        self._evaluating = 0

    def __reduce__(self) -> Any:
        """Let nobody work with a copy."""
        return Access, ()

    @contextmanager
    def fit(self) -> Iterator[None]:
        """Begin a fit."""
        with self._lock:
            if self._fitting == threading.get_ident():
                problem = (
                    "inside a fit of the same Trainer, by a callback perhaps: call it after that has ended, or train a "
                    "copy (copy.deepcopy(trainer))"
                )
            elif self._fitting is not None:
                problem = f"{ELSEWHERE}: make a Trainer, with a model of its own, for each thread"
            else:
                problem = "while the same Trainer evaluates or predicts: wait until that has ended"
            if self._fitting is not None or self._evaluating:
                raise RuntimeError(f"fit was called {problem}")
            self._fitting = threading.get_ident()
        try:
            yield
        finally:
            self._fitting = None

    @contextmanager
    def evaluation(self, name: str) -> Iterator[None]:
        """Begin an evaluation; `name` is that of the method."""
        with self._lock:
            if self._fitting not in (None, threading.get_ident()):
                raise RuntimeError(
                    f"{name} was called {ELSEWHERE}: wait until that has ended; or evaluate inside of it, with "
                    "fit(..., evaluate={...}) or in a callback"
                )
            self._evaluating += 1
        try:
            yield
        finally:
            with self._lock:
                self._evaluating -= 1
