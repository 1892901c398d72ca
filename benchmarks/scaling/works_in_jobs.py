"""The works of the benchmark, as jobs of several ranks do them, with the time of every step."""

import dataclasses
import itertools
import time
from typing import Any

from with_minnet import Minnet, fit
from works import WORKS, data_of

import minnet as mn

KEYS = ("W1", "W3", "W3A", "W4", "W5", "L", "T")  # without W2, whose batches of one sample cannot be shared


class Stopwatch(mn.callbacks.Callback):
    """Note when each step ends."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, trainer: mn.Trainer) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter())

    def take(self) -> list[float]:
        """Return the seconds of each step but the first, and forget them."""
        ends, self.ends = self.ends, []
        return [end - begin for begin, end in itertools.pairwise(ends)]


class Turns:
    """A work that takes turns with others: a `Trainer.fit` of some steps a turn."""

    def __init__(self, key: str, batch_size: int, **options: Any) -> None:
        work = dataclasses.replace(WORKS[key], batch_size=batch_size)
        self.stopwatch = Stopwatch()
        self._minnet = Minnet(key, work, data_of(work), **options)

    def steps(self, seconds: float) -> int:
        """Return how many steps a turn of so many seconds has."""
        self.turn(4)
        return max(4, int(seconds / min(self.turn(8))) + 1)

    def turn(self, steps: int) -> list[float]:
        """Do so many steps, and return the seconds of each but the first."""
        fit(self._minnet.trainer, self._minnet.loader, steps=steps, callbacks=[self.stopwatch])
        return self.stopwatch.take()

    def gradients(self) -> int:
        """Return how many numbers the gradients have."""
        return sum(p.data.size for p in self._minnet.trainer.model.parameters())
