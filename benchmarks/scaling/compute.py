"""Time the works on one rank by batch size, what a job adds to it, and how much the steps of a work differ.

python benchmarks/scaling/compute.py      (no section of its own: model.py reads what it finds)
"""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import job
from program import main, median
from works import WORKS
from works_in_jobs import KEYS, Turns

import minnet as mn

SECONDS, ROUNDS = 0.06, 7  # of a turn; and how many turns there are
NOISE = 1.5  # seconds of steps whose spread is noted
SHARES = (1, 2, 4, 8, 16, 32, 64, 128)  # batch sizes are the work's ÷ these


class Pretended(mn.MPI):
    """A job of two ranks of which the other answers at once, and the same: all of a step but the network."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 2
        self.watchdog = SimpleNamespace(watching=lambda *_: nullcontext())  # there is no one to watch

    def add_up(self, array: Any) -> None:
        """Leave the array as it is."""

    def gather(self, value: Any) -> list[Any]:
        """Return the value twice."""
        return [value, value]

    def broadcast(self, value: Any) -> Any:
        """Return the value."""
        return value


def task(comm: Any, task: dict[str, Any]) -> dict[str, Any]:
    """Return for each work the seconds a step by batch size; what a job adds to it; and the seconds of single steps."""
    found = {}
    for key in task["keys"]:
        batch = WORKS[key].batch_size
        sizes = [batch // share for share in SHARES if batch % share == 0]
        alone = {size: Turns(key, size) for size in sizes}
        pretended = Turns(key, batch, parallel=Pretended())
        ways = {**alone, "pretended": pretended}
        steps = {name: way.steps(SECONDS) for name, way in ways.items()}
        seconds: dict[Any, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                seconds[name].append(median(way.turn(steps[name])))
        overhead = [a - b for a, b in zip(seconds.pop("pretended"), seconds[batch // 2], strict=True)]
        found[key] = {
            "seconds": {size: median(each) for size, each in seconds.items()},
            "overhead": max(0.0, median(overhead)),
            "steps": alone[batch // 2].turn(min(2000, int(NOISE / SECONDS * steps[batch // 2]))),
            "gradients": pretended.gradients(),
            "batch": batch,
        }  # fmt: skip
        print(key, flush=True)
    return found


def measure() -> Any:
    """Measure on one rank."""
    return job.run("compute", 1, {"keys": KEYS}, ["--bind-to", "core"])


if __name__ == "__main__":
    main("compute", measure, None, __doc__)
