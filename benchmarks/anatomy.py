"""An anatomy is a training step taken apart: where each millisecond goes in minnet, beside PyTorch's own profile.

    python benchmarks/anatomy.py                # prints the tables
    python benchmarks/anatomy.py --works W5,T   # only these
    python benchmarks/anatomy.py --page         # writes docs/performance-anatomy.md

minnet's pieces are timed inside real training: see `clock.py`. With ``compiled=True``, what is compiled layer by layer
is timed alike; what is compiled as a whole step has one figure. PyTorch's operations are those of torch.profiler, with
the time of each without what it calls. All figures are medians of rounds in which they take turns.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import environment
from clock import Clock, TimedLoader, medians
from rivals import rival
from rounds import wait_for_threads
from with_minnet import MODELS, Minnet, can_compile, fit
from works import WORKS, Data, Work, data_of

import minnet as mn
from minnet.compiled.twins.table import table

PAGE = Path(__file__).parents[1] / "docs" / "performance-anatomy.md"
NAMES = ("W1", "W4", "W5", "L", "T")
ROUNDS, SECONDS = 7, 0.3  # a turn
SMALLEST = 0.01  # of the step: shorter pieces are added up
REST, GATHER, LOSS = "the Trainer, and containers", "gather the batch", "loss, forward and backward"
Pieces = dict[str, float]


class Profile:
    """minnet's pieces of a work; without twins, the plain ones."""

    def __init__(self, work: Work, data: Data, compiled: bool) -> None:
        self.model = mn.Sequential(*MODELS[work.model](work))
        self.twins = table() if compiled else {}
        self.loader = mn.DataLoader(data.X, data.y, work.batch_size, shuffle=True, rng=0)
        loss, self.clock = mn.SoftmaxCrossEntropyLoss(), Clock()
        optimizer = getattr(mn, work.optimizer)(self.model.parameters(), lr=work.lr)
        self.trainer = mn.Trainer(self.model, loss, optimizer, compiled=compiled)
        self.clock.wrap(optimizer, "zero_grad", "zero the gradients")
        self.clock.wrap(optimizer, "step", work.optimizer)
        for method in ("forward", "backward"):
            self.clock.wrap(loss, method, LOSS)
        leaves = sum(bool(layer.parameters()) for layer in self.model.layers)
        self.by_kind = work.model == "transformer" or leaves < 2

    def label(self, path: str, layer: Any) -> str:
        """Return the name of a layer in the table: that of its class, with its place in the model if there are few."""
        kind = type(layer).__name__
        if layer is self.model:
            return REST
        return kind if self.by_kind else f"{path.removeprefix('layers[').removesuffix(']')} {kind}"

    def __call__(self, steps: int) -> Pieces:
        """Train, and return the seconds of each piece."""
        with self.clock.layers(self.model, self.twins, self.label):
            self.clock.start()
            fit(self.trainer, TimedLoader(self.loader, self.clock, GATHER), steps=steps)
            found = self.clock.stop(steps, REST)
        for name in (f"{REST} forward", f"{REST} backward"):
            found[REST] += found.pop(name, 0.0)
        return found


class Whole:
    """A contender whose steps are not taken apart."""

    def __init__(self, run: Callable[[int], None]) -> None:
        self.run = run

    def __call__(self, steps: int) -> Pieces:
        """Do so many steps, and return their seconds."""
        begin = time.perf_counter()
        self.run(steps)
        return {"the whole step": (time.perf_counter() - begin) / steps}


class Operations:
    """PyTorch's operations, by its own profiler."""

    def __init__(self, torch: Any, learner: Any) -> None:
        self.torch, self.learner = torch, learner

    def __call__(self, steps: int) -> Pieces:
        """Train, and return the seconds of each operation."""
        with self.torch.profiler.profile(activities=[self.torch.profiler.ProfilerActivity.CPU]) as profile:
            self.learner.run(steps)
        return {event.key: 1e-6 * event.self_cpu_time_total / steps for event in profile.key_averages()}


def anatomy(work: Work) -> list[str]:
    """Measure a work, and return its tables."""
    data = data_of(work)
    runs: dict[str, Callable[[int], Pieces]] = {
        "minnet": Profile(work, data, compiled=False),
        "whole minnet": Whole(Minnet("minnet", work, data).run),
    }
    if can_compile():
        if work.model != "dense":
            runs["compiled"] = Profile(work, data, compiled=True)
        runs["whole compiled"] = Whole(Minnet("compiled", work, data, compiled=True).run)
    if (torch := rival("with_torch", print)) is not None:
        runs["PyTorch"] = Operations(torch.torch, torch.Torch("PyTorch", work, data))
        runs["whole PyTorch"] = Whole(torch.Torch("PyTorch", work, data).run)
    found = rounds(runs)
    unit = (1e6, "µs", 1) if found["whole minnet"]["the whole step"] < 1e-3 else (1e3, "ms", 2)
    wholes = ", ".join(
        f"{name.removeprefix('whole ')} {unit[0] * pieces['the whole step']:.{unit[2] - 1}f}"
        for name, pieces in found.items()
        if name.startswith("whole")
    )
    ours = {name: found[name] for name in ("minnet", "compiled") if name in found}
    lines = [f"A step, without the clock, in {unit[1]}: {wholes}.", "", *rows(ours, "piece", *unit)]
    if torch is not None:
        lines += ["", *rows({"PyTorch": found["PyTorch"]}, "operation", *unit)]
    return lines


def rounds(runs: dict[str, Callable[[int], Pieces]]) -> dict[str, Pieces]:
    """Let all take turns, and return the medians of their pieces."""
    steps, found = {}, {name: [] for name in runs}
    for name, run in runs.items():
        run(3)  # which may compile
        begin = time.perf_counter()
        run(3)
        steps[name] = max(3, round(3 * SECONDS / (time.perf_counter() - begin)))
    for _ in range(ROUNDS):
        for name, run in runs.items():
            wait_for_threads()
            found[name].append(run(steps[name]))
    return {name: medians(pieces) for name, pieces in found.items()}


def rows(columns: dict[str, Pieces], what: str, factor: float, unit: str, digits: int) -> Iterator[str]:
    """Yield a table of pieces, the longest first, with the share of the first column."""
    first, *others = columns.values()
    whole = sum(first.values())
    long = [piece for piece in first if any(pieces.get(piece, 0) > SMALLEST * whole for pieces in columns.values())]
    long += [piece for pieces in others for piece in pieces if piece not in first]
    yield f"| {what}, {unit} | " + " | ".join(columns) + " | share |"
    yield "|---" * (2 + len(columns)) + "|"
    for piece in long:
        cells = [f"{factor * pieces.get(piece, 0.0):.{digits}f}" for pieces in columns.values()]
        yield f"| {piece} | " + " | ".join(cells) + f" | {100 * first.get(piece, 0.0) / whole:.0f} % |"
    short = [sum(value for piece, value in pieces.items() if piece not in long) for pieces in columns.values()]
    if any(short):
        yield (
            "| all shorter ones | "
            + " | ".join(f"{factor * value:.{digits}f}" for value in short)
            + (f" | {100 * short[0] / whole:.0f} % |")
        )
    sums = (sum(pieces.values()) for pieces in columns.values())
    yield "| together | " + " | ".join(f"{factor * value:.{digits}f}" for value in sums) + " | |"


def main() -> None:
    """Measure the pieces, and print or write their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--works", default=",".join(NAMES), help=f"which works, with commas between; {', '.join(NAMES)}"
    )
    parser.add_argument("--avx2", action="store_true", help="with libraries limited to AVX2")
    parser.add_argument("--page", action="store_true", help=f"write {PAGE.name}")
    options = parser.parse_args()
    environment.settle(options.avx2)
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # so that PyTorch's profiler does not say when it starts and stops
    lines = ["; ".join(environment.in_words(environment.facts())), ""]
    for name in options.works.split(","):
        part = [f"### {name}: {WORKS[name].title}", "", *anatomy(WORKS[name]), ""]
        print("\n".join(part), flush=True)
        lines += part
    if options.page:
        PAGE.write_text("\n".join(["<!-- made by benchmarks/anatomy.py -->", "", *lines]), encoding="utf-8")


if __name__ == "__main__":
    main()
