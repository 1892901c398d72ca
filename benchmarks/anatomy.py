"""An anatomy is a training step taken apart: the time that each piece of W1 and of W5 takes.

    python benchmarks/anatomy.py            # prints the tables
    python benchmarks/anatomy.py --page     # writes docs/performance-anatomy.md

Functions are wrapped with a clock, and run in the steps of a real `fit`, because a function that runs in a loop of its
own finds its data in the processor's cache. Beside W1's pieces stand those of the hand-written loop and of the compiled
step; the three take turns. All figures are medians.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from types import MethodType
from typing import Any

import environment
import numpy as np
from with_minnet import can_compile
from works import digits

import minnet as mn
from minnet.core.checked import checked

PAGE = Path(__file__).parents[1] / "docs" / "performance-anatomy.md"
LOSS = "loss, forward and backward"
W1_PIECES = ("gather the batch", "Linear forward", LOSS, "Linear backward", "SGD")
ROUNDS, STEPS = 9, {"W1": 400, "W5": 25}


class Clock:
    """The microseconds of each piece, in all steps."""

    def __init__(self) -> None:
        self.pieces: dict[str, list[float]] = defaultdict(list)

    def timed(self, function: Callable[..., Any], piece: str) -> Callable[..., Any]:
        """Return a function that does the same, and notes its time under the name of a piece."""

        @wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            begin = time.perf_counter()
            result = function(*arguments, **options)
            self.pieces[piece].append(1e6 * (time.perf_counter() - begin))
            return result

        return timed

    def wrap(self, owner: Any, method: str, piece: str) -> None:
        """Time a method of an object from now on."""
        setattr(owner, method, self.timed(getattr(owner, method), piece))

    def wrap_formula(self, layer: mn.Layer, method: str, piece: str) -> None:
        """Time the formula of a layer's method from now on; a model still calls it without the checks."""
        formula = self.timed(getattr(layer, method).formula, piece)
        setattr(layer, method, MethodType(checked(formula), layer))

    def note(self, marks: list[float]) -> None:
        """Note the times between the marks, which are the pieces of a step of W1."""
        for piece, begin, end in zip(W1_PIECES, marks, marks[1:], strict=False):
            self.pieces[piece].append(1e6 * (end - begin))

    def batches(self, loader: Iterable[Any], piece: str) -> Iterator[Any]:
        """Yield a loader's batches, and note how long each took."""
        iterator = iter(loader)
        while True:
            begin = time.perf_counter()
            try:
                batch = next(iterator)
            except StopIteration:
                return
            self.pieces[piece].append(1e6 * (time.perf_counter() - begin))
            yield batch

    def medians(self) -> dict[str, float]:
        """Return the median of each piece, in the order in which the pieces first ran."""
        return {piece: statistics.median(values) for piece, values in self.pieces.items()}


class Timed:
    """A loader whose batches a clock times."""

    def __init__(self, loader: mn.DataLoader, clock: Clock) -> None:
        self.loader, self.clock = loader, clock

    def __iter__(self) -> Iterator[Any]:
        return self.clock.batches(self.loader, "gather the batch")


def by_hand(X: np.ndarray, y: np.ndarray) -> Callable[[int], dict[str, float]]:
    """Return a function that runs W1's hand-written loop, and returns the medians of its pieces."""
    size, rate = 128, np.float32(0.5 / 128)
    weight, bias = np.zeros((784, 10), np.float32), np.zeros((10, 1), np.float32)
    x, scores, p = np.empty((size, 784), np.float32), np.empty((size, 10), np.float32), np.empty((10, size), np.float32)
    row, gradient, ones = np.empty(size, np.float32), np.empty_like(weight), np.ones((size, 1), np.float32)
    flat, samples, rng = p.reshape(-1), np.arange(size), np.random.default_rng(0)

    def run(steps: int) -> dict[str, float]:
        clock, order = Clock(), rng.permutation(len(X))
        for i in range(steps):
            rows = order[i % 390 * size : (i % 390 + 1) * size]
            marks = [time.perf_counter()]
            X.take(rows, 0, x, "clip")
            marks.append(time.perf_counter())
            np.dot(x, weight, scores)
            np.add(scores.T, bias, p)
            marks.append(time.perf_counter())
            np.subtract(p, np.maximum.reduce(p, 0, None, row), p)
            np.exp(p, p)
            np.divide(p, np.multiply(np.add.reduce(p, 0, None, row), 1 / rate, row), p)
            flat[y.take(rows) * size + samples] -= rate
            marks.append(time.perf_counter())
            np.dot(x.T, p.T, gradient)
            bias_gradient = np.dot(p, ones)
            marks.append(time.perf_counter())
            np.subtract(weight, gradient, weight)
            np.subtract(bias, bias_gradient, bias)
            marks.append(time.perf_counter())
            clock.note(marks)
        return clock.medians()

    return run


def fit(model: mn.Sequential, loader: mn.DataLoader) -> Callable[[int], dict[str, float]]:
    """Return a function that trains with minnet, and returns the medians of its pieces.

    "the Trainer" is the rest of the time, with the checks of the model that are left.
    """
    loss = mn.SoftmaxCrossEntropyLoss()
    optimizer = mn.SGD(model.parameters(), lr=0.1)
    trainer, clock = mn.Trainer(model, loss, optimizer), Clock()
    clock.wrap(optimizer, "zero_grad", "zero the gradients")
    clock.wrap(optimizer, "step", "SGD")
    time_layers(clock, model)
    clock.wrap(loss, "forward", "loss forward")
    clock.wrap(loss, "backward", "loss backward")
    timed = Timed(loader, clock)

    def run(steps: int) -> dict[str, float]:
        clock.pieces.clear()
        begin = time.perf_counter()
        trainer.fit(timed, steps=steps, progress=False)
        whole = 1e6 * (time.perf_counter() - begin) / steps
        pieces = clock.medians()
        means = sum(statistics.fmean(values) for values in clock.pieces.values())
        return pieces | {"the Trainer": max(whole - means, 0.0)}

    return run


def time_layers(clock: Clock, model: mn.Sequential) -> None:
    """Time the formulas of a model's layers."""
    learning = [bool(layer.parameters()) for layer in model.layers]
    for i, layer in enumerate(model.layers):
        label = f"{i + 1} {type(layer).__name__}" if len(model.layers) > 1 else type(layer).__name__
        clock.wrap_formula(layer, "forward", f"{label} forward")
        # Below the first layer that learns, nothing is computed backward.
        backward = "accumulate_grad" if i == learning.index(True) else "backward"
        clock.wrap_formula(layer, backward, f"{label} backward")


def by_kernels(X: np.ndarray, y: np.ndarray) -> Callable[[int], dict[str, float]]:
    """Return a function that calls the kernels of W1 one by one on real batches, and returns the medians of its pieces.

    "the Trainer" is what a step of a compiled `fit` takes beyond them.
    """
    from minnet.compiled import kernels

    model, size = mn.Sequential(mn.Linear(784, 10, rng=0)), 128
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), compiled=True)
    loader, rng = mn.DataLoader(X, y, size, shuffle=True, rng=0), np.random.default_rng(0)
    weight, bias, g, db = (np.zeros(shape, np.float32) for shape in ((10, 784), 10, (10, 784), 10))
    x, z, dz, nothing = (np.empty(shape, np.float32) for shape in ((size, 784), (size, 10), (size, 10), 0))

    def run(steps: int) -> dict[str, float]:
        clock, order = Clock(), rng.permutation(len(X))
        for i in range(steps):
            rows = order[i % 390 * size : (i % 390 + 1) * size]
            marks = [time.perf_counter()]
            kernels.gather(X, rows, None, x)
            marks.append(time.perf_counter())
            kernels.forward_few(x, weight, z)
            kernels.activate(z, bias, kernels.NOTHING)
            marks.append(time.perf_counter())
            kernels.cross_entropy(z, y, rows, size, dz, False)
            marks.append(time.perf_counter())
            kernels.gradient_few(x, dz, g)
            kernels.column_sums(dz, db)
            marks.append(time.perf_counter())
            kernels.sgd(weight.reshape(-1), g.reshape(-1), nothing, 0.1, 0.0, 0.0, 0.0)
            kernels.sgd(bias, db, nothing, 0.1, 0.0, 0.0, 0.0)
            marks.append(time.perf_counter())
            clock.note(marks)
        begin = time.perf_counter()
        trainer.fit(loader, steps=steps, progress=False)
        whole, pieces = 1e6 * (time.perf_counter() - begin) / steps, clock.medians()
        return pieces | {"the Trainer": max(whole - sum(pieces.values()), 0.0)}

    return run


def rounds(runs: dict[str, Callable[[int], dict[str, float]]], steps: int) -> dict[str, dict[str, float]]:
    """Call the functions in turns, and return the median of each piece over the rounds."""
    seen: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            for piece, value in run(steps).items():
                seen[name][piece].append(value)
    return {
        name: {piece: statistics.median(values) for piece, values in pieces.items()} for name, pieces in seen.items()
    }


def w1() -> list[str]:
    """Measure the pieces of W1, and return their table."""
    data = digits()[:2]
    model = mn.Sequential(mn.Linear(784, 10, rng=0))
    loader = mn.DataLoader(*data, 128, shuffle=True, rng=0)
    runs = {"minnet": fit(model, loader), "hand-written": by_hand(*data)}
    if can_compile():
        runs["compiled"] = by_kernels(*data)
    found = rounds(runs, STEPS["W1"])
    ours = found["minnet"]
    ours[LOSS] = ours.pop("loss forward") + ours.pop("loss backward")
    order = [
        "gather the batch",
        "zero the gradients",
        "Linear forward",
        LOSS,
        "Linear backward",
        "SGD",
        "the Trainer",
    ]
    lines = ["| piece, µs | " + " | ".join(found) + " |", "|---" * (1 + len(found)) + "|"]
    for piece in order:
        lines.append(f"| {piece} | " + " | ".join(f"{pieces.get(piece, 0.0):.1f}" for pieces in found.values()) + " |")
    return [*lines, "| together | " + " | ".join(f"{sum(pieces.values()):.0f}" for pieces in found.values()) + " |"]


def w5() -> list[str]:
    """Measure the pieces of W5, and return their table."""
    X, y = digits()[:2]
    model = mn.Sequential(
        mn.Conv2d(1, 16, 3, padding=1, rng=0),
        mn.ReLU(),
        mn.MaxPool2d(2),
        mn.Conv2d(16, 32, 3, padding=1, rng=1),
        mn.ReLU(),
        mn.MaxPool2d(2),
        mn.Flatten(),
        mn.Linear(1568, 10, rng=2),
    )
    loader = mn.DataLoader(X.reshape(-1, 1, 28, 28), y, 128, shuffle=True, rng=0)
    pieces = rounds({"minnet": fit(model, loader)}, STEPS["W5"])["minnet"]
    whole = sum(pieces.values())
    lines = ["| piece | ms | share |", "|---|---|---|"]
    lines += [
        f"| {piece} | {value / 1000:.2f} | {100 * value / whole:.0f} % |"
        for piece, value in sorted(pieces.items(), key=lambda item: -item[1])
        if value > 0.005 * whole
    ]
    return [*lines, f"| all pieces | {whole / 1000:.1f} | |"]


def main() -> None:
    """Measure the pieces, and print or write their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", action="store_true", help=f"write {PAGE.name}")
    options = parser.parse_args()
    environment.settle(False)
    parts = [("W1: 784-10, batch 128", w1()), ("W5: two convolutions, batch 128", w5())]
    lines = [line for title, table in parts for line in (f"### {title}", "", *table, "")]
    print("\n".join(lines))
    if options.page:
        PAGE.write_text("\n".join(["<!-- made by benchmarks/anatomy.py -->", "", *lines]), encoding="utf-8")


if __name__ == "__main__":
    main()
