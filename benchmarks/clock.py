"""A clock notes how long each piece of a training step takes: each layer, the loss, the update, the batches.

Methods are wrapped with the clock, and run in the steps of a real `fit`, because a function that runs in a loop of its
own finds its data in the processor's cache. A piece's time does not contain that of the pieces that it calls.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

import minnet as mn
from minnet.core.checked import checked

METHODS = {"forward": "forward", "backward": "backward", "accumulate_grad": "backward"}  # → what the piece is called
Formula = Callable[..., Any]


class Clock:
    """The seconds of each piece since `start`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner = [0.0]  # seconds of the pieces that each running piece, the innermost last, has called so far

    def start(self) -> None:
        """Forget what was noted, and begin."""
        self.seconds.clear()
        self._inner = [0.0]
        self._begin = time.perf_counter()

    def stop(self, steps: int, rest: str) -> dict[str, float]:
        """Return the seconds a step of all pieces; what is in none of them has the name `rest`."""
        whole = time.perf_counter() - self._begin
        self.seconds[rest] += whole - self._inner[0]
        return {piece: seconds / steps for piece, seconds in self.seconds.items()}

    def timed(self, function: Formula, piece_of: Callable[[Any], str]) -> Formula:
        """Return a function that does the same, and notes its time under a name that its first argument decides."""

        @wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            self._inner.append(0.0)
            begin = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                spent = time.perf_counter() - begin
                self.seconds[piece_of(arguments[0] if arguments else None)] += spent - self._inner.pop()
                self._inner[-1] += spent

        return timed

    def wrap(self, owner: Any, method: str, piece: str) -> None:
        """Time a method of an object from now on."""
        setattr(owner, method, self.timed(getattr(owner, method), lambda _: piece))

    @contextmanager
    def layers(self, model: mn.Layer, twins: Mapping[Formula, Formula], label: Callable[[str, Any], str]) -> Any:
        """Time the methods of a model's layers meanwhile.

        Parameters
        ----------
        model
            The layers' classes are changed, because a model calls formulas, not methods that were set on a layer.
        twins
            Formula → the compiled code that takes its place, if there is any.
        label
            The name of a piece, from the path of a layer in the model, and the layer.
        """
        labels = {id(layer): label(path, layer) for path, layer in model.named_layers()}
        before: list[tuple[type, str, Any]] = []
        for kind in {type(layer) for _, layer in model.named_layers()}:
            for name, called in METHODS.items():
                method = getattr(kind, name)
                if method is getattr(mn.Layer, name):
                    continue
                formula = getattr(method, "formula", method)
                timed = self.timed(twins.get(formula, formula), lambda layer, c=called: f"{labels[id(layer)]} {c}")
                timed.__name__ = name  # by which `checked` knows what to check
                before.append((kind, name, vars(kind).get(name)))
                setattr(kind, name, checked(timed) if formula is not method else timed)
        try:
            yield
        finally:
            for kind, name, method in before:
                if method is None:
                    delattr(kind, name)
                else:
                    setattr(kind, name, method)


class TimedLoader:
    """A loader whose batches a clock times."""

    def __init__(self, loader: mn.DataLoader, clock: Clock, piece: str) -> None:
        self.loader, self.clock, self.piece = loader, clock, piece

    def __iter__(self) -> Iterator[Any]:
        iterator = iter(self.loader)
        following = self.clock.timed(lambda: next(iterator, None), lambda _: self.piece)
        while (batch := following()) is not None:
            yield batch


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each piece over the rounds, the longest piece first."""
    pieces = {piece for found in rounds for piece in found}
    middle = {piece: statistics.median(found.get(piece, 0.0) for found in rounds) for piece in pieces}
    return dict(sorted(middle.items(), key=lambda item: -item[1]))
