"""Workers are the threads of one training, or processes that each do one: this counts their rows a second."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from child import Child
from rivals import Remark
from rounds import Effort, Times, quartiles, race, rounded
from with_minnet import Minnet, can_compile
from works import WORKS, Work, data_of

import minnet as mn

NAMES = ("W4", "W5", "L", "T")
EFFORT = Effort(rounds=7, fewest=3, seconds=8.0, turn=0.3, least=3)
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
COUNTS = [2**i for i in range(max(CORES, 2).bit_length())]  # 1, 2, 4, ...


class Processes:
    """Trainings at the same time, each in a process of its own, with one thread of BLAS. A step is one of each."""

    def __init__(self, name: str, children: list[Child]) -> None:
        self.name, self.children = name, children

    def run(self, steps: int) -> None:
        """Do so many steps in each process."""
        for child in self.children:
            child.begin(steps)
        for child in self.children:
            child.end()


@contextmanager
def _children(work: Work, count: int) -> Iterator[list[Child]]:
    here = Path(mn.__file__).parents[1]
    children = [Child(f"{work.key}, process {i}", here, work, one_thread=True) for i in range(count)]
    try:
        yield children
    finally:
        for child in children:
            child.close()


def measure(figures: dict[str, dict[str, float]], remark: Remark) -> None:
    """Note the rows a second of each number of threads and processes."""
    for name in NAMES:
        work, times = WORKS[name], Times()
        ways: dict[str, dict[str, Any]] = {"threads": {}}
        if can_compile():
            ways["compiled, threads"] = {"compiled": True}
        contenders: list[Any] = []
        for way, options in ways.items():
            contenders += [Minnet(f"{way} {n}", work, data_of(work), threads=n, **options) for n in COUNTS]
        with _children(work, COUNTS[-1]) as children:
            contenders += [Processes(f"processes {n}", children[:n]) for n in COUNTS]
            race(contenders, EFFORT, f"{name}, workers", times)
        for contender, seconds in times.seconds.items():
            way, _, count = contender.rpartition(" ")
            rows = work.batch_size * (int(count) if way == "processes" else 1) / quartiles(seconds)[1]
            figures.setdefault(f"{name}, {way}", {})[count] = rounded(rows, 3)
    remark("one thread of Python computes its products on all cores, by BLAS's threads; each process has one thread")
