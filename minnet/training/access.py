"""An Access says who works with a Trainer and its model: one fit, or any number of evaluations."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

ELSEWHERE = "while another thread is in a fit of the same Trainer"


class Access:
    """A Trainer's fit works alone; only its own thread, such as a callback, evaluates meanwhile.

    No other thread works with its model meanwhile, by another Trainer. Several threads may evaluate at the same time.
    A call that may not begin raises a RuntimeError before anything changes.
    """

    _lock = threading.Lock()  # of the class, because a Trainer's own could not be copied
    _trained: ClassVar[dict[int, int]] = {}  # id of a model that is in a fit → the thread

    def __init__(self) -> None:
        self._fitting: int | None = None  # the thread of the fit
        self._evaluating = 0

    def __reduce__(self) -> Any:
        """Make an Access without a fit and evaluations: a copied Trainer is in neither."""
        return Access, ()

    @contextmanager
    def fit(self, model: object) -> Iterator[None]:
        """Begin a fit of a model."""
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
            self._check_model("fit", model)
            outer = self._trained.get(id(model))  # of this thread, whose callback trains the model with another Trainer
            self._fitting = self._trained[id(model)] = threading.get_ident()
        try:
            yield
        finally:
            with self._lock:
                self._fitting = None
                if outer is None:
                    del self._trained[id(model)]

    @contextmanager
    def evaluation(self, name: str, model: object) -> Iterator[None]:
        """Begin an evaluation of a model; `name` is that of the method."""
        with self._lock:
            if self._fitting not in (None, threading.get_ident()):
                raise RuntimeError(
                    f"{name} was called {ELSEWHERE}: wait until that has ended; or evaluate inside of it, with "
                    "fit(..., evaluate={...}) or in a callback"
                )
            self._check_model(name, model)
            self._evaluating += 1
        try:
            yield
        finally:
            with self._lock:
                self._evaluating -= 1

    def _check_model(self, name: str, model: object) -> None:
        if self._trained.get(id(model), threading.get_ident()) != threading.get_ident():
            raise RuntimeError(
                f"{name} was called while another Trainer is in a fit of the same model, in another thread: wait until "
                "that has ended, or work with a copy (copy.deepcopy(model))"
            )
