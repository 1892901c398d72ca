"""Kill ranks of jobs at random moments, start the same command again, and compare with a job that nobody killed.

    python tests/reliability/kill_ranks.py --kills 30

prints a line for each kill, and writes the figures to tests/reliability/kill_ranks.json. A rank is killed with SIGKILL,
at a moment between the start of the job and the end of what an undisturbed one takes. Each job trains with dropout, a
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
from pathlib import Path

import numpy as np

import minnet as mn
from minnet.saving.tensorfile import read_tensors

FIGURES = Path(__file__).with_name("kill_ranks.json")
STEPS, EVERY, PAUSE = 160, 5, 0.01  # a step takes a moment, so that kills fall into all parts of the run


class Pause(mn.callbacks.Callback):
    """Make a step longer."""

    def on_step_end(self, trainer: mn.Trainer) -> None:
        """Wait for a moment."""
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


def run(ranks: int, folder: Path, victim: int | None = None, seconds: float = 0.0) -> tuple[bool, str, float]:
    """Run a job, and kill a rank after so many seconds; return whether it was killed, what it said, and for how long.

    The time is that from the kill to the job's end, or else that of the whole job.
    """
    from ranks import Job

    begin = time.monotonic()
    with Job(__file__, ranks, "--job", folder) as job:
        pids = job.pids()
        killed = False
        if victim is not None:
            while time.monotonic() < begin + seconds and job.process.poll() is None:
                time.sleep(0.005)
            killed = job.process.poll() is None and not (folder / "digests").exists()
            if killed:
                begin = time.monotonic()
                os.kill(pids[victim], signal.SIGKILL)
        code = job.wait(300)
        if (code != 0) != killed:
            raise AssertionError(f"the job ended with {code}\n{job.said()}")
        return killed, job.said(), time.monotonic() - begin


def campaign(kills: int, ranks: int, seed: int) -> dict[str, object]:
    """Kill so many ranks, and return figures; raise AssertionError if anything is not as it would be without kills."""
    rng, done, runs, named, ends = random.Random(seed), 0, 0, 0, []
    with tempfile.TemporaryDirectory() as name:
        whole = Path(name) / "whole"
        whole.mkdir()
        _, _, seconds = run(ranks, whole)
        expected = json.loads((whole / "digests").read_text(encoding="utf-8"))
        assert len(set(expected)) == 1, expected
        while done < kills:
            folder = Path(name) / str(runs)
            folder.mkdir()
            killed = True
            while killed:
                victim, moment = rng.randrange(ranks), rng.uniform(0, seconds)
                killed, said, took = run(ranks, folder, victim if done < kills else None, moment)
                for path in folder.glob("checkpoints/*.safetensors"):
                    read_tensors(path)  # raises an error if it is not whole
                if killed:
                    done, ends = done + 1, [*ends, took]
                    named += f"rank {victim} of {ranks} has died" in said
                    newest = max((path.stem for path in folder.glob("checkpoints/step*")), default="no checkpoint")
                    print(
                        f"kill {done}: rank {victim} after {moment:.1f} s, the end {took:.2f} s later, {newest}",
                        flush=True,
                    )
            found = json.loads((folder / "digests").read_text(encoding="utf-8"))
            assert found == expected, (found, expected)
            runs += 1
    return {
        "ranks": ranks,
        "seed": seed,
        "kills": done,
        "runs": runs,
        "ended with other bits": 0,
        "said which rank died": named,
        "slowest end after a kill, in seconds": round(max(ends), 2),
    }


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
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
