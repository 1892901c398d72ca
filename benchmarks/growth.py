"""Growth is how minnet's time rises with the size of a batch, of the layers, of the model and of the data.

    python benchmarks/growth.py

measures only this, and prints it. `compare.py` without `--short` measures it, too, and `compare.py --page` draws it.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from rounds import Call, Contender, Effort, Times, quartiles, race
from with_minnet import can_compile, fit

import minnet as mn

EFFORT = Effort(rounds=7, fewest=3, seconds=8.0, turn=0.1, least=10)
DOUBLING = [2**i for i in range(12)]  # 1 … 2048


class Line(NamedTuple):
    """A line in one of the panels of the picture: the time for each of several sizes."""

    panel: str
    name: str
    sizes: list[int]
    make: Callable[[str, int], Contender]  # of a name and a size


def measure(races: dict[str, Times], effort: Effort = EFFORT) -> None:
    """Time all lines; the sizes of a line take turns."""
    for line in LINES:
        title = f"{line.panel}: {line.name}"
        races[title] = Times()
        race([line.make(str(size), size) for size in line.sizes], effort, title, races[title])


class Training:
    """Steps of a Trainer on random data: batches of N rows, as wide as the first layer takes."""

    def __init__(self, name: str, layers: list[mn.Layer], batch_size: int, compiled: bool = False) -> None:
        self.name = name
        self.block = 2000 if compiled else 1  # because else the start of a run would be most of the time
        rng = np.random.default_rng(0)
        rows = max(1024, 2 * batch_size)
        X, y = rng.random((rows, layers[0].in_features), np.float32), rng.integers(10, size=rows)
        model = mn.Sequential(*layers)
        optimizer = mn.SGD(model.parameters(), lr=1e-3)
        self.trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer, compiled=compiled)
        self.loader = mn.DataLoader(X, y, batch_size, shuffle=True, rng=0)

    def run(self, steps: int) -> None:
        """Do so many steps."""
        fit(self.trainer, self.loader, steps=steps)


def _batch(name: str, size: int) -> Training:
    return Training(name, [mn.Linear(784, 10, rng=0)], size)


def _width(name: str, size: int) -> Training:
    return Training(name, [mn.Linear(size, size, rng=0), mn.ReLU(), mn.Linear(size, 10, rng=1)], 128)


def _depth(name: str, size: int, compiled: bool = False) -> Training:
    pairs = [layer for i in range(size) for layer in (mn.Linear(16, 16, rng=i), mn.ReLU())]
    return Training(name, [*pairs, mn.Linear(16, 10, rng=0)], 1, compiled)


def _cheap_depth(name: str, size: int) -> Training:
    return Training(name, [mn.Linear(16, 16, rng=0), *(mn.ReLU() for _ in range(size)), mn.Linear(16, 10, rng=1)], 1)


def _rows(width: int, dtype: type) -> Callable[[str, int], Call]:
    """Return a maker of epochs of a DataLoader over so many rows."""

    def make(name: str, size: int) -> Call:
        X, y = np.ones((size, width), dtype), np.zeros(size, np.int64)
        loader = mn.DataLoader(X, y, 128, shuffle=True, rng=0)

        def epoch() -> None:
            for _ in loader:
                pass

        return Call(name, epoch)

    return make


BATCH, WIDTH, DEPTH, DATA = (
    "samples in a batch (784-10)",
    "width w (batch 128)",
    "layers (width 16, batch 1)",
    "rows of the data set (one epoch)",
)
COUNTED = DEPTH, DATA  # of which one more has a cost of its own
LINES = [
    Line(BATCH, "Linear(784, 10)", [4**i for i in range(7)], _batch),
    Line(WIDTH, "Linear(w, w), ReLU, Linear(w, 10)", DOUBLING[4:], _width),
    Line(DEPTH, "pairs of Linear and ReLU", DOUBLING[:8], _depth),
    *([Line(DEPTH, "the pairs, compiled", DOUBLING[:8], partial(_depth, compiled=True))] if can_compile() else []),
    Line(DEPTH, "ReLU only", DOUBLING[:8], _cheap_depth),
    Line(DATA, "DataLoader, 8 floats a row", [1000, 4000, 16_000, 64_000, 256_000, 1_000_000], _rows(8, np.float32)),
    Line(DATA, "DataLoader, 784 floats a row", [500, 2000, 10_000, 50_000], _rows(784, np.float32)),
    Line(DATA, "DataLoader, 784 bytes a row", [500, 2000, 10_000, 50_000], _rows(784, np.uint8)),
]


def points(times: Times) -> tuple[np.ndarray, np.ndarray]:
    """Return the sizes, and the median microseconds."""
    sizes = np.array([int(name) for name in times.seconds], float)
    return sizes, np.array([1e6 * quartiles(values)[1] for values in times.seconds.values()])


def exponents(times: Times) -> tuple[float, float]:
    """Return the slopes in log-log of the whole line, and of its upper half, where fixed costs weigh less."""
    sizes, micros = np.log(points(times))
    half = len(sizes) // 2
    return float(np.polyfit(sizes, micros, 1)[0]), float(np.polyfit(sizes[half:], micros[half:], 1)[0])


def microseconds_each(times: Times) -> float:
    """Return the time of one more (layer, row): the slope of a straight line, with points weighed by 1 / time."""
    sizes, micros = points(times)
    return float(np.polyfit(sizes, micros, 1, w=1 / micros)[0])


def summary(title: str, times: Times) -> str:
    """Return the growth of a line as a sentence."""
    whole, upper = exponents(times)
    text = f"time ~ size^{whole:.2f}, upper half ^{upper:.2f}"
    if title.startswith(COUNTED):
        text += f"; {microseconds_each(times):.3g} µs for each more"
    return text


if __name__ == "__main__":
    found: dict[str, Times] = {}
    try:
        measure(found)
    finally:  # after Ctrl-C, too
        for title, times in found.items():
            if times.seconds:
                print(f"{title}: {summary(title, times)}")
