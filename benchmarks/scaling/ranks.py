"""Time the works of the benchmark on one rank and on two, with the whole batch shared out (strong) or twice it (weak).

python benchmarks/scaling/ranks.py
"""

import time
from typing import Any

import job
from page import table
from program import main, median, micros, quartiles

SECONDS, ROUNDS = 0.35, 9  # of a turn; and how many turns there are


def task(comm: Any, task: dict[str, Any]) -> dict[str, Any]:
    """Take turns, and return the mean seconds a step of each turn, on the slowest rank."""
    from works import WORKS
    from works_in_jobs import Turns

    import minnet as mn

    found = {}
    for key in task["keys"]:
        batch = WORKS[key].batch_size
        ways = {
            "one": Turns(key, batch),
            "half": Turns(key, batch // comm.size),
            "strong": Turns(key, batch, parallel=mn.MPI()),
            "weak": Turns(key, batch * comm.size, parallel=mn.MPI()),
        }
        steps = comm.bcast({name: way.steps(task["seconds"]) for name, way in ways.items()})
        seconds: dict[str, list[float]] = {name: [] for name in (*ways, "both halves")}
        for _ in range(task["rounds"]):
            for name, way in ways.items():
                together = name in ("strong", "weak")
                seconds[name].append(turn(comm, way, steps[name], together or comm.rank == 0))
            seconds["both halves"].append(turn(comm, ways["half"], steps["half"], True))
        found[key] = seconds
        if comm.rank == 0:
            print(key, flush=True)
    return found


def turn(comm: Any, way: Any, steps: int, takes_part: bool) -> float:
    """Return the mean seconds a step of the slowest rank; a rank that takes no part sleeps meanwhile."""
    wait(comm)
    mine = 0.0
    if takes_part:
        each = way.turn(steps)
        mine = sum(each) / len(each)
    wait(comm)
    return max(comm.allgather(mine))


def wait(comm: Any) -> None:
    """Wait for all ranks without using a processor, which MPI's own Barrier would."""
    request = comm.Ibarrier()
    while not request.Test():
        time.sleep(0.001)


def measure() -> Any:
    """Measure on two ranks, each with a processor of its own."""
    from works_in_jobs import KEYS

    given = {"keys": KEYS, "seconds": SECONDS, "rounds": ROUNDS}
    return job.run("ranks", 2, given, ["--bind-to", "core"])


def ratios(figures: dict[str, list[float]], above: str, below: str, factor: float = 1.0) -> str:
    """Return the median and the quartiles of the ratios of two ways in the same round."""
    each = [factor * a / b for a, b in zip(figures[above], figures[below], strict=True)]
    low, high = quartiles(each)
    return f"{median(each):.2f} ({low:.2f} … {high:.2f})"


def markdown(found: dict[str, Any]) -> str:
    """Return the section."""
    from works import WORKS

    rows = []
    for key, figures in found.items():
        cells = [micros(median(figures[name])) for name in ("one", "strong", "weak", "half", "both halves")]
        faster = [ratios(figures, "one", "strong"), ratios(figures, "one", "weak", 2)]
        rows.append([f"{key}: {WORKS[key].title}", *cells, *faster])
    head = ["work", "one rank, µs", "strong", "weak", "half a batch", "the same twice", "strong: faster by",
            "weak: faster by"]  # fmt: skip
    return ABOUT + "\n\n" + table(head, rows)


ABOUT = """Microseconds a step of `Trainer.fit` with its progress bar and its history; `Trainer(parallel=mn.MPI())`
under `mpiexec -n 2 --bind-to core`, one BLAS thread a rank. All ways of a work take turns in one job; medians of
turns.

- *one rank*: without MPI, the batch of the work; the other processor is idle.
- *strong*: two ranks share this batch. *Faster by*: *one rank* ÷ *strong*; 2 would be ideal (quartiles of the
  rounds).
- *weak*: two ranks share a batch of twice the size. *Faster by*: samples a second, against *one rank*; 2 would be
  ideal.
- *half a batch*: without MPI, half the batch, the other processor idle: what *strong* would take if communication
  cost nothing.
- *the same twice*: both processors do that at once, each by itself. What it takes longer than *half a batch* is the
  machine's part (memory, power), not MPI's."""

if __name__ == "__main__":
    main("ranks", measure, markdown, __doc__)
