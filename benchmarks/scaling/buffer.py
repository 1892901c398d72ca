"""What it costs to copy gradients into one flat buffer and back, and what it saves if they are views into it.

python benchmarks/scaling/buffer.py
"""

import time
from collections.abc import Callable
from typing import Any

import job
import numpy as np
from page import table
from program import main, median, micros
from works import WORKS, data_of, shuffled

RANKS, ROUNDS, SECONDS = 2, 15, 0.15  # seconds: how long a turn takes about
KEYS = ("W1", "W3", "W4", "W5", "L", "T")
DECISION = """minnet copies. The copies are a few percent of a step at most, least where a step has much to compute,
and most of what views save stands in the table for the widest network alone. Views would have to survive everything
that replaces a gradient's array (`astype`, `copy.deepcopy`, pickling, loading a model, tied Parameters), and the
buffer carries Buffers, the loss and flags as well, which are copied in any case."""
ALIGNED = 16  # floats: 64 bytes, a line of the cache, which NumPy's and BLAS's vector code likes


class Gradients:
    """The gradients of some Parameters, and a flat buffer for them."""

    def __init__(self, parameters: list[Any], views: bool) -> None:
        self.parameters = parameters
        starts = np.cumsum([0, *(-(-p.data.size // ALIGNED) * ALIGNED for p in parameters)])
        self.flat = np.zeros(starts[-1], np.float32)
        places = zip(starts, parameters, strict=False)
        self.parts = [self.flat[start : start + p.data.size].reshape(p.data.shape) for start, p in places]
        if views:
            for part, parameter in zip(self.parts, parameters, strict=True):
                parameter._grad = part

    def collect(self) -> None:
        """Copy the gradients into the buffer."""
        for part, parameter in zip(self.parts, self.parameters, strict=True):
            np.copyto(part, parameter.read_grad())

    def give(self) -> None:
        """Copy the buffer into the gradients."""
        for part, parameter in zip(self.parts, self.parameters, strict=True):
            np.copyto(parameter.read_grad(), part)


def stepper(comm: Any, key: str, how: str) -> Callable[[int], None]:
    """Return what does some steps of a work on this rank's part of every batch; `how` says what becomes of gradients.

    "alone" leaves them as they are, "copied" copies them into the buffer and back, "views" has them there.
    """
    from mpi4py import MPI
    from with_minnet import MODELS

    import minnet as mn

    work = WORKS[key]
    data = data_of(work)
    model = mn.Sequential(*MODELS[work.model](work))
    loss = mn.SoftmaxCrossEntropyLoss()
    optimizer = mn.SGD(model.parameters(), lr=work.lr / 10)
    gradients = Gradients(list(model.parameters()), views=how == "views")
    part = work.batch_size // comm.size
    rows = shuffled(len(data.X), part)

    def steps(count: int) -> None:
        for _ in range(count):
            chosen = next(rows)
            optimizer.zero_grad()
            loss.forward(model.forward(data.X[chosen]), data.y[chosen])
            model.backward(loss.backward())
            if how == "copied":
                gradients.collect()
            if how != "alone":
                comm.Allreduce(MPI.IN_PLACE, gradients.flat)
            if how == "copied":
                gradients.give()
            optimizer.step()

    return steps


def task(comm: Any, keys: list[str]) -> dict[str, Any]:
    """Take turns with the three, and return the seconds a step of each round; those of copying alone as well."""
    found = {}
    for key in keys:
        turns = {how: stepper(comm, key, how) for how in ("alone", "copied", "views")}
        turns["alone"](2)
        begin = time.perf_counter()
        turns["alone"](3)
        count = comm.bcast(max(3, int(SECONDS * 3 / (time.perf_counter() - begin))))
        seconds: dict[str, list[float]] = {how: [] for how in turns}
        for round_ in range(ROUNDS + 1):  # the first is not counted
            for how in turns:
                comm.Barrier()
                begin = time.perf_counter()
                turns[how](count)
                taken = max(comm.allgather(time.perf_counter() - begin))
                if round_:
                    seconds[how].append(taken / count)
        found[key] = {"seconds": seconds, "copying": copying(key), "floats": floats(key)}
    return found


def copying(key: str) -> float:
    """Return the seconds that both copies of a work's gradients take, caches warm."""
    gradients = Gradients(list(_model(key).parameters()), views=False)
    times = []
    for _ in range(200):
        begin = time.perf_counter()
        gradients.collect()
        gradients.give()
        times.append(time.perf_counter() - begin)
    return median(times)


def floats(key: str) -> int:
    """Return how many numbers the gradients of a work have."""
    return sum(p.data.size for p in _model(key).parameters())


def _model(key: str) -> Any:
    from with_minnet import MODELS

    import minnet as mn

    return mn.Sequential(*MODELS[WORKS[key].model](WORKS[key]))


def measure() -> Any:
    """Measure on two ranks."""
    return job.run("buffer", RANKS, list(KEYS))


def markdown(found: Any) -> str:
    """Return the section."""
    rows = []
    for key, figures in found.items():
        seconds = figures["seconds"]
        ratio = median([a / b for a, b in zip(seconds["views"], seconds["copied"], strict=True)])
        step = median(seconds["copied"])
        share = f"{100 * figures['copying'] / step:.1f} %"
        cells = [f"{figures['floats']:,}", *(micros(median(seconds[how])) for how in ("alone", "copied", "views"))]
        rows.append([f"{key}: {WORKS[key].title}", *cells, f"{ratio:.3f}", micros(figures["copying"]), share])
    head = ["work", "gradients", "alone, µs", "copied, µs", "views, µs", "views ÷ copied", "both copies, µs", "share"]
    return (
        f"A step of {RANKS} ranks, each with its half of the batch, by hand (no Trainer). *Alone* sends nothing. "
        "*Copied* copies the gradients into one flat buffer, adds it up with one `Allreduce`, and copies them back. "
        "*Views*: the gradients are views into the buffer. Medians of turns; the ratio is that of turns of the same "
        "round. *Both copies*: timed alone, with warm caches; *share*, of the step that is copied.\n\n"
        + table(head, rows)
        + "\n\n"
        + DECISION
    )


if __name__ == "__main__":
    main("buffer", measure, markdown, __doc__)
