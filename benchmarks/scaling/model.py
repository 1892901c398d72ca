"""Predict how fast 8, 64 and 512 ranks train the works of the benchmark, and compare the model with what was measured.

python benchmarks/scaling/model.py      (after allreduce.py, compute.py, ranks.py and, if it can run here, hosts.py)
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from page import DOCS, table
from program import RESULTS, found, main, median, micros

RANKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
SHOWN = (8, 64, 512)
EXCHANGED = 12 * 4  # bytes that a step's exchange carries beside gradients: loss, weights and flags, in float32


@dataclass(frozen=True)
class Network:
    """A network by its latency in seconds and its bandwidth in bytes a second, as a rank sees them."""

    name: str
    latency: float
    bandwidth: float

    def allreduce(self, ranks: int, size: float) -> float:
        """Return the seconds that an Allreduce of so many bytes takes, by the faster of two algorithms.

        Recursive doubling sends the whole message in each of log2(n) rounds. Rabenseifner's halves it in each round,
        and then doubles it: 2 log2(n) rounds, in which 2 (n - 1)/n of the message are sent. (A ring sends as much in
        2 (n - 1) rounds, so it is never the faster of them in this model.) Sums are taken to cost nothing beside the
        sending. Thakur, Rabenseifner and Gropp, "Optimization of collective communication operations in MPICH",
        Int. J. of High Performance Computing Applications 19 (2005).
        """
        if ranks == 1:
            return 0.0
        rounds = math.ceil(math.log2(ranks))
        doubling = rounds * (self.latency + size / self.bandwidth)
        halving = 2 * rounds * self.latency + 2 * (ranks - 1) / ranks * size / self.bandwidth
        return min(doubling, halving)

    def words(self) -> str:
        """Return latency and bandwidth."""
        return f"{micros(self.latency)} µs, {self.bandwidth / 1e9:.3g} GB/s"


# What is usual for TCP through the kernel, and for a fabric that MPI uses directly; a rank has the link for itself.
ASSUMED = (
    Network("1 Gb/s Ethernet", 50e-6, 0.117e9),
    Network("10 Gb/s Ethernet", 25e-6, 1.17e9),
    Network("100 Gb/s fabric", 2e-6, 12e9),
)


class Work:
    """A work as it was measured on one rank."""

    def __init__(self, figures: dict[str, Any]) -> None:
        sizes = sorted((int(size), seconds) for size, seconds in figures["seconds"].items())
        self._sizes, self._seconds = (np.array(column, float) for column in zip(*sizes, strict=True))
        self.batch, self.overhead = figures["batch"], figures["overhead"]
        self.bytes = 4 * figures["gradients"] + EXCHANGED
        steps = np.sort(figures["steps"])
        self._ratios = steps / np.median(steps)

    def compute(self, samples: float) -> float:
        """Return the seconds of a step with so many samples, between the sizes that were measured; none is free."""
        if samples > self.batch:  # by the slope of the last two
            slope = (self._seconds[-1] - self._seconds[-2]) / (self._sizes[-1] - self._sizes[-2])
            return float(self._seconds[-1] + slope * (samples - self.batch))
        return float(np.interp(samples, self._sizes, self._seconds))

    def slowest(self, ranks: int) -> float:
        """Return the expected slowest of n steps, over the median step.

        The steps are drawn from those that were measured, independently: the i-th smallest of m is the largest of n
        with the probability (i/m)^n - ((i-1)/m)^n.
        """
        up_to = (np.arange(len(self._ratios) + 1) / len(self._ratios)) ** ranks
        return float(np.diff(up_to) @ self._ratios)

    def step(self, ranks: int, network: Network, weak: bool = False) -> float:
        """Return the seconds of a step of n ranks; weak: each has the work's batch, and not a part of it."""
        if ranks == 1:
            return self.compute(self.batch)
        samples = self.batch if weak else max(1.0, self.batch / ranks)
        return self.compute(samples) * self.slowest(ranks) + self.overhead + network.allreduce(ranks, self.bytes)

    def faster(self, ranks: int, network: Network, weak: bool = False) -> float:
        """Return how many times the samples a second of one rank n ranks learn from."""
        return (ranks if weak else 1) * self.step(1, network) / self.step(ranks, network, weak)


def fitted(name: str, seconds: dict[str, list[float]]) -> Network:
    """Return latency and bandwidth of a link, from Allreduce of two ranks: the least squares of relative errors."""
    sizes = np.array([float(size) for size in seconds])
    times = np.array([median(each) for each in seconds.values()])
    columns = np.stack([np.ones_like(sizes), sizes], axis=1) / times[:, None]
    latency, slowness = np.linalg.lstsq(columns, np.ones_like(times), rcond=None)[0]
    return Network(name, max(latency, times.min() / 10), 1 / slowness)


def networks() -> tuple[list[Network], dict[str, Any]]:
    """Return the links that were measured, and what was measured of training over them."""
    shared = found("allreduce")["float32"]["seconds"]
    links = [fitted("shared memory, here", {size: each for size, each in shared.items() if int(size) <= 8 * 2**20})]
    hosts = found("hosts")["links"] if (RESULTS / "hosts.json").exists() else {}
    return links + [fitted(name, link["allreduce"]) for name, link in hosts.items()], hosts


def measure() -> dict[str, Any]:
    """Return what the model says: networks, predictions, and predictions of what was measured."""
    works = {key: Work(figures) for key, figures in found("compute").items()}
    measured, hosts = networks()
    given = [*measured[:1], *ASSUMED]
    predicted = {
        network.name: {
            key: {kind: {n: work.faster(n, network, kind == "weak") for n in RANKS} for kind in ("strong", "weak")}
            for key, work in works.items()
        }
        for network in given
    }
    checks = []
    for key, ways in found("ranks").items():
        for kind in ("strong", "weak"):
            checks.append(
                (measured[0].name, key, kind, works[key].step(2, measured[0], kind == "weak"), median(ways[kind]))
            )
    for network in measured[1:]:
        for key, seconds in hosts[network.name]["steps"].items():
            checks.append((network.name, key, "strong", works[key].step(2, network), median(seconds)))
    slowest = {key: [work.slowest(n) for n in SHOWN] for key, work in works.items()}
    draw(predicted)
    bytes_ = {key: work.bytes for key, work in works.items()}
    words = {network.name: network.words() for network in (*measured, *ASSUMED)}
    return {"networks": words, "predicted": predicted, "checks": checks, "slowest": slowest, "bytes": bytes_,
            "overhead": {key: work.overhead for key, work in works.items()}}  # fmt: skip


def draw(predicted: dict[str, Any]) -> None:
    """Draw how much faster n ranks are, into docs/images/scaling.png."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, len(predicted), figsize=(15, 7.5), sharex=True, sharey=True, layout="constrained")
    for column, (network, works) in enumerate(predicted.items()):
        for row, kind in enumerate(("strong", "weak")):
            axis = axes[row, column]
            axis.plot(RANKS, RANKS, color="0.75", linestyle="--", label="ideal")
            for key, kinds in works.items():
                axis.plot(RANKS, list(kinds[kind].values()), marker=".", label=key)
            axis.set(xscale="log", yscale="log", title=f"{kind}: {network}")
            axis.axhline(1, color="0.75", linewidth=0.8)
            axis.set_xticks(RANKS[::3], [str(n) for n in RANKS[::3]])
            axis.grid(alpha=0.3)
    for axis in axes[:, 0]:
        axis.set_ylabel("samples a second ÷ those of one rank")
    for axis in axes[1]:
        axis.set_xlabel("ranks")
    axes[0, 0].legend(fontsize=8)
    figure.savefig(DOCS / "images" / "scaling.png", dpi=80)


def markdown(given: dict[str, Any]) -> str:
    """Return the section."""
    checks = [
        [f"{key}, {kind}, {network}", micros(predicted), micros(seconds), f"{predicted / seconds:.2f}"]
        for network, key, kind, predicted, seconds in given["checks"]
    ]
    ratios = [float(row[-1]) for row in checks]
    within = sum(0.8 <= ratio <= 1.25 for ratio in ratios)
    parts = [
        ABOUT,
        table(["network", "latency, bandwidth"], [[name, words] for name, words in given["networks"].items()]),
        "![Predicted speed by number of ranks](images/scaling.png)",
        "How many times the samples a second of one rank. *Strong* shares the work's batch out; *weak* gives each rank "
        "a batch of that size. *Best at*: the number of ranks, of powers of two, with the most samples a second, "
        "strong:",
        _predictions(given["predicted"]),
        "What goes into it, a work: bytes of an exchange; what a job adds to a step; and the expected slowest of n "
        "steps over the median step.",
        _inputs(given),
        f"**Checked** against what was measured, two ranks: {within} of {len(checks)} predictions are within a factor "
        f"of 1.25; the worst ratios are {min(ratios):.2f} and {max(ratios):.2f}. The computing of a step, and latency "
        "and bandwidth of a link, were measured apart from these steps.",
        table(["two ranks", "predicted, µs", "measured, µs", "ratio"], checks),
        LIMITS,
    ]
    return "\n\n".join(parts)


def _predictions(predicted: dict[str, Any]) -> str:
    rows = []
    for network, works in predicted.items():
        for key, kinds in works.items():
            cells = [f"{kinds[kind][str(n)]:.3g}" for kind in ("strong", "weak") for n in SHOWN]
            best = max(kinds["strong"], key=kinds["strong"].__getitem__)
            rows.append([f"{key}, {network}", *cells, best])
    return table(["", *(f"{kind}, {n}" for kind in ("strong", "weak") for n in SHOWN), "best at"], rows)


def _inputs(given: dict[str, Any]) -> str:
    rows = [
        [
            key,
            f"{given['bytes'][key]:,}",
            micros(given["overhead"][key]),
            *(f"{each:.2f}" for each in given["slowest"][key]),
        ]
        for key in given["bytes"]
    ]
    return table(["work", "bytes", "added, µs", *(f"slowest of {n}" for n in SHOWN)], rows)


ABOUT = """A model of a step of n ranks:

    T(n) = compute(samples of a rank) × slowest(n) + added + allreduce(n, bytes)

- *compute*: measured on one rank for batches of 1, 2, 4 … samples, between them linear (`compute.py`). It does not
  shrink with the batch below some size, because a step has fixed costs.
- *slowest(n)*: the ranks wait for the slowest. Expected maximum of n independent steps with the spread that was
  measured here, on one rank. Real machines add what this one does not have: other jobs, other temperatures.
- *added*: what a job adds to a step on each rank: cutting the batch, copying to the flat buffer and back, the flags;
  measured with a communicator that sends nothing.
- *allreduce*: the faster of recursive doubling, log₂ n · (latency + bytes / bandwidth), and Rabenseifner's algorithm,
  2 log₂ n · latency + 2 (n − 1)/n · bytes / bandwidth (Thakur, Rabenseifner and Gropp, 2005,
  [doi:10.1177/1094342005051521](https://doi.org/10.1177/1094342005051521)). Every rank has its link for itself;
  adding costs nothing beside sending.

The first networks were measured: latency and bandwidth fitted to `Allreduce` between two ranks. The last three are
assumptions: round numbers for TCP through the kernel and for a fabric that MPI drives directly."""
LIMITS = """The model knows no contention: on one machine, ranks share memory bandwidth; in a network, switches; and a
machine with several ranks its link. Beyond two ranks, nothing was measured: take the figures as bounds from above. A
batch of 128 cannot be shared by 512 ranks; *strong* then counts each rank as one sample, which is a bound as well."""

if __name__ == "__main__":
    main("model", measure, markdown, __doc__)
