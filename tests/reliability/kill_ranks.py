"""Kill ranks of jobs at random moments, start the same command again, and compare with a job that nobody killed.

    python tests/reliability/kill_ranks.py --kills 30

prints a line for each kill, and writes the figures to tests/reliability/kill_ranks.json. A rank is killed with SIGKILL,
three times of four at a random moment of the training, otherwise at one of the start. Each job trains with dropout, a
transform of the samples, batch norm, Adam, a schedule and an average of the weights, and has to end with the same bits.

    mpiexec -n 3 python tests/reliability/kill_ranks.py --job FOLDER

is such a job; it writes a digest of what it has learned into the folder.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import minnet as mn
from minnet.saving.tensorfile import read_tensors

FIGURES = Path(__file__).with_name("kill_ranks.json")
STEPS, EVERY, PAUSE = 160, 5, 0.01  # a step takes a moment, so that kills fall into all parts of the run


class Pause(mn.callbacks.Callback):
    """Make a step longer, and say that training has begun."""

    def on_fit_start(self, trainer: mn.Trainer) -> None:
        """Begin anew."""
        self.said = False

    def on_step_end(self, trainer: mn.Trainer) -> None:
        """Wait for a moment."""
        if not self.said:
            print("begun", time.monotonic(), flush=True)
            self.said = True
        time.sleep(PAUSE)


def noisy(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add noise to samples, as a transform."""
    return x + rng.normal(size=x.shape).astype(x.dtype) * 0.1


def train(folder: Path) -> None:
    """Train, from the newest checkpoint in the folder, and write a digest of what was learned there."""
    mpi = mn.MPI()
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(500, 6)).astype(np.float32), rng.integers(0, 3, 500)
    layers = mn.Linear(6, 8, rng=0), mn.BatchNorm1d(8), mn.Tanh(), mn.Dropout(0.2, rng=1), mn.Linear(8, 3, rng=2)
    model = mn.Sequential(*layers)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters(), lr=0.01), parallel=mpi)
    loader = mn.DataLoader(x, y, 33, shuffle=True, transform=noisy, rng=3)
    average = mn.callbacks.EMA(0.9)
    callbacks = [mn.callbacks.LearningRate(mn.schedules.StepLR(50), per="step"), average, Pause()]
    checkpoint = mn.Checkpoint(folder / "checkpoints", every=EVERY)
    trainer.fit(loader, steps=STEPS, every=20, callbacks=callbacks, checkpoint=checkpoint)
    learned = [array.data.tobytes() for _, array in model.named_arrays()]
    learned += [array.tobytes() for array in average.average]
    learned += [np.float64(row["loss"]).tobytes() for row in trainer.history]
    digests = mpi.gather(hashlib.sha256(b"".join(learned)).hexdigest())
    if mpi.rank == 0:
        (folder / "digests").write_text(json.dumps(digests), encoding="utf-8")


@dataclass
class Kill:
    """Which rank to kill, and when: so many seconds after the job's start, or after its first step."""

    victim: int
    seconds: float
    in_training: bool


@dataclass
class Ending:
    """How a job ended."""

    killed: bool
    said: str
    seconds: float  # from the kill, or from the first step


def run(ranks: int, folder: Path, kill: Kill | None = None) -> Ending:
    """Run a job to its end, or until a rank is killed."""
    from ranks import Job

    begin = time.monotonic()
    with Job(__file__, ranks, "--job", folder) as job:
        pids = job.pids()

        def running() -> bool:
            return job.process.poll() is None and not (folder / "digests").exists()

        if kill is None or kill.in_training:
            while running() and "begun" not in job.stdout(0):
                time.sleep(0.005)
            begin = time.monotonic()
        while kill is not None and running() and time.monotonic() < begin + kill.seconds:
            time.sleep(0.005)
        if killed := kill is not None and running():
            begin = time.monotonic()
            os.kill(pids[kill.victim], signal.SIGKILL)
        code = job.wait(300)
        if (code != 0) != killed:
            raise AssertionError(f"the job ended with {code}\n{job.said()}")
        return Ending(killed, job.said(), time.monotonic() - begin)


@dataclass
class Figures:
    """What a campaign has counted."""

    ranks: int
    seed: int
    kills: int = 0
    in_training: int = 0
    said_which_rank: int = 0  # of the kills in training; at the start, mpiexec alone says it
    runs: int = 0
    other_bits: int = 0
    slowest_end: float = 0.0  # seconds from a kill to the end of the job


def campaign(kills: int, ranks: int, seed: int) -> Figures:
    """Kill so many ranks, and return figures; raise AssertionError if a job ends with other bits."""
    rng, figures = random.Random(seed), Figures(ranks, seed)
    with tempfile.TemporaryDirectory() as name:
        whole = Path(name) / "whole"
        whole.mkdir()
        seconds = run(ranks, whole).seconds
        expected = json.loads((whole / "digests").read_text(encoding="utf-8"))
        assert len(set(expected)) == 1, expected
        while figures.kills < kills:
            folder = Path(name) / str(figures.runs)
            folder.mkdir()
            run_with_kills(folder, kills, seconds, rng, figures)
            found = json.loads((folder / "digests").read_text(encoding="utf-8"))
            assert found == expected, (found, expected)
            figures.runs += 1
    return figures


def run_with_kills(folder: Path, kills: int, seconds: float, rng: random.Random, figures: Figures) -> None:
    """Start a job again and again, until it comes to its end; `seconds` is how long it trains undisturbed."""
    while True:
        kill = Kill(rng.randrange(figures.ranks), rng.uniform(0, seconds), rng.random() < 0.75)
        ending = run(figures.ranks, folder, kill if figures.kills < kills else None)
        for path in folder.glob("checkpoints/*.safetensors"):
            read_tensors(path)  # raises an error if it is not whole
        if not ending.killed:
            return
        figures.kills += 1
        figures.in_training += kill.in_training
        figures.said_which_rank += kill.in_training and f"rank {kill.victim} of" in ending.said
        figures.slowest_end = round(max(figures.slowest_end, ending.seconds), 2)
        newest = max((path.stem for path in folder.glob("checkpoints/step*")), default="no checkpoint")
        when = f"{kill.seconds:.2f} s after the {'first step' if kill.in_training else 'start'}"
        print(f"{figures.kills}: rank {kill.victim} {when}, end {ending.seconds:.2f} s later, {newest}", flush=True)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--ranks", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--job", type=Path)
    arguments = parser.parse_args()
    if arguments.job is not None:
        train(arguments.job)
        return
    sys.path.append(str(Path(__file__).parents[1] / "support"))
    figures = campaign(arguments.kills, arguments.ranks, arguments.seed)
    FIGURES.write_text(json.dumps(asdict(figures), indent=2) + "\n", encoding="utf-8")
    print(json.dumps(asdict(figures), indent=2))


if __name__ == "__main__":
    main()
