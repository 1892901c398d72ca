"""A round is one turn of every contender; rounds are repeated, so that a busy machine slows all of them alike.

On a machine that runs other programs, too, times of different moments cannot be compared. So all contenders run in one
process and take turns, in another order each round. A ratio is that of two times of the same round; what is printed is
the median of the ratios, and medians of the times with their quartiles.
"""

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from tqdm import tqdm


class Contender(Protocol):
    """One way to do a work."""

    name: str

    def run(self, steps: int) -> None:
        """Do so many steps, after those of the last call. The caller measures the time."""


class Learner(Contender, Protocol):
    """A contender whose predictions `compare.py --check` compares."""

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return a score for each class, the largest for the one that is predicted."""


@dataclass(frozen=True)
class Call:
    """A contender that makes the same call again and again."""

    name: str
    call: Callable[[], Any]

    def run(self, steps: int) -> None:
        """Call so many times."""
        call = self.call
        for _ in range(steps):
            call()


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    rounds: int  # at most
    fewest: int  # rounds, however long they take
    seconds: float  # after which no other round is begun
    turn: float  # seconds that a contender's turn is to take
    least: int = 1  # steps of a turn, because a run needs time before its first step
    most: int = 100_000


FULL = Effort(rounds=9, fewest=5, seconds=50.0, turn=0.6, least=15)
# A virtual machine may keep new threads on one core for 0.1 s, so in a shorter turn, BLAS's threads gain nothing.
SHORT = Effort(rounds=3, fewest=1, seconds=8.0, turn=0.12, least=4)


@dataclass
class Times:
    """The seconds a step of each contender in each round."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)  # of the last turn

    def ratios(self, name: str, reference: str) -> list[float]:
        """Return how many times the reference's time a contender took, round by round."""
        return [a / b for a, b in zip(self.seconds[name], self.seconds[reference], strict=True)]

    def as_json(self) -> dict[str, Any]:
        """Return microseconds, rounded to four digits."""
        micros = {name: [rounded(value * 1e6) for value in values] for name, values in self.seconds.items()}
        return {"microseconds": micros, "steps": self.steps}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Times":
        """Read what `as_json` returned."""
        seconds = {name: [value / 1e6 for value in values] for name, values in stored["microseconds"].items()}
        return cls(seconds, stored["steps"])


def race(contenders: Sequence[Contender], effort: Effort, title: str, times: Times) -> None:
    """Let the contenders take turns, and note their times.

    Parameters
    ----------
    contenders
        One that has a `block` does whole multiples of so many steps. One that has a `slow_start` does at least so many
        times more steps than the others, because it needs more time before the first. `rest`, if one has it, is called
        after its turn: its process may have threads that wait for more work.
    effort
        How long to measure.
    title
        What the progress bar says.
    times
        What each full round is added to when it ends; so nothing of it is lost after Ctrl-C.
    """
    history = {
        contender.name: [_warm(contender)]
        for contender in tqdm(contenders, f"{title}: warming up", leave=False, disable=None)
    }
    order, begin = np.random.default_rng(0), time.perf_counter()
    gc.collect()
    gc.freeze()  # so that no collection has to look through all that the libraries made
    try:
        for number in range(effort.rounds):
            if number >= effort.fewest and time.perf_counter() - begin > effort.seconds:
                break
            result = {}
            turns = [contenders[i] for i in order.permutation(len(contenders))]
            for contender in tqdm(turns, f"{title}: round {number + 1} of {effort.rounds}", leave=False, disable=None):
                steps = _steps(contender, effort, history[contender.name])
                result[contender.name] = _turn(contender, steps)
                history[contender.name].append(result[contender.name])
                times.steps[contender.name] = steps
            for name in history:
                times.seconds.setdefault(name, []).append(result[name])
    finally:
        gc.unfreeze()


def _steps(contender: Contender, effort: Effort, history: list[float]) -> int:
    """Return how many steps take about `effort.turn` seconds, by the median of the times so far."""
    block, least = getattr(contender, "block", 1), effort.least * getattr(contender, "slow_start", 1)
    usual = effort.turn / statistics.median(history)
    wanted = min(max(usual, min(least, 10 * usual)), effort.most)
    return block * max(1, round(wanted / block))


def _warm(contender: Contender) -> float:
    """Do some steps, in which a contender may compile, and return a first guess of its seconds a step."""
    block = getattr(contender, "block", 1)
    contender.run(block)
    spent = _turn(contender, block)
    return spent if spent * block > 0.005 else _turn(contender, 20 * block)


def _turn(contender: Contender, steps: int) -> float:
    """Return the seconds a step."""
    wait_for_threads()
    begin = time.perf_counter()
    contender.run(steps)
    spent = time.perf_counter() - begin
    if hasattr(contender, "rest"):
        contender.rest()
    return spent / steps


def wait_for_threads(most: float = 0.3) -> None:
    """Wait until the last contender's threads sleep, because they wait for more work in a loop, which takes a core.

    OpenBLAS's threads do so for 0.1 s.
    """
    end = time.perf_counter() + most
    while time.perf_counter() < end:
        before = time.process_time()
        time.sleep(0.005)
        if time.process_time() - before < 0.001:
            return


def kind(name: str) -> str:
    """Return "uint8" or "2 threads" for a contender that is compared only with others of that kind; else ""."""
    return next((special for special in ("uint8", "2 threads") if special in name), "")


def best(times: Times, special: str = "") -> str | None:
    """Return the fastest of the hand-written loops of a kind."""
    names = [name for name in times.seconds if name.startswith("NumPy") and kind(name) == special]
    return min(names, key=lambda name: statistics.median(times.seconds[name]), default=None)


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return lower quartile, median and upper quartile."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return float(low), float(middle), float(high)


def rounded(value: float, digits: int = 4) -> float:
    """Round to so many significant digits."""
    return float(f"{value:.{digits}g}")


def table(times: Times, references: Sequence[str] = ()) -> Iterator[str]:
    """Yield the lines of a table for the terminal: times, and the ratios to some of the contenders."""
    if not times.seconds:
        yield "  nothing was measured"
        return
    references = [name for name in references if name in times.seconds]
    width = max(map(len, times.seconds))
    heads = "".join(f"{'÷ ' + name:>28}" for name in references)
    yield f"  {'':{width}} {'µs a step':>10}  {'quartiles':>17}{heads}"
    for name, values in times.seconds.items():
        low, middle, high = (value * 1e6 for value in quartiles(values))
        spread = f"{rounded(low, 3):g} … {rounded(high, 3):g}"
        line = f"  {name:{width}} {rounded(middle, 3):>10g}  {spread:>17}"
        for reference in references:
            low, middle, high = quartiles(times.ratios(name, reference))
            line += f"{f'{middle:.2f} ({low:.2f} … {high:.2f})':>28}"
        yield line
