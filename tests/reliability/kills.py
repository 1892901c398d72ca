"""Kill training runs with SIGKILL, start them again, and compare what they end with to runs that nobody killed.

    python tests/reliability/kills.py --kills 300

writes the figures to tests/reliability/kills.json. Half of the kills come by the clock, at random moments; the others
come inside the writing of a checkpoint: when half of the bytes are there, before they are on the disk, before and after
the file gets its name, and before older ones are removed. After each, every file that has a checkpoint's name must be
whole. Each run is a process of its own, forked from this one, so that none has to import NumPy first.

    python tests/reliability/kills.py --child adam FOLDER

trains one configuration, from its newest checkpoint in FOLDER, and writes digests of what it ends with there.
"""

import argparse
import json
import multiprocessing
import os
import platform
import shutil
import signal
import stat
import sys
import tempfile
import time
import warnings
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from run_configurations import CONFIGURATIONS, digest
from tqdm import tqdm

import minnet as mn
from minnet.saving.checkpoint import BEST
from minnet.saving.run_state import Snapshot
from minnet.saving.tensorfile import read_tensors
from minnet.version import __version__

FIGURES = Path(__file__).with_name("kills.json")
MOMENTS = ("half written", "not on the disk", "not renamed", "just renamed", "before pruning")
EVERY, KEEP = 4, 2  # few steps between checkpoints, so that kills fall on all that a write does
DIGEST = "digest.json"


class Strike:
    """A signal that this process sends itself at the given moment of its n-th write, or in its n-th step.

    Parameters
    ----------
    moment
        One of `MOMENTS`, or "step".
    number
        Of the write, counted from this start on (the first is the probe whether the folder can be written to), or
        of the step.
    what
        The signal.
    times
        How often it is sent.
    """

    def __init__(self, moment: str, number: int, what: int = signal.SIGKILL, times: int = 1) -> None:
        self.moment, self.number, self.what, self.times = moment, number, what, times
        self.writes = 0

    def watch_writes(self) -> None:
        """Wrap what writing a file consists of. The process is a child and ends soon: nothing is put back."""
        fsync, replace = os.fsync, Path.replace

        def watched_fsync(descriptor: int) -> None:
            status = os.fstat(descriptor)
            whole = stat.S_ISREG(status.st_mode)
            if whole:
                self.writes += 1
                if self.moment == "half written" and self.writes == self.number:
                    os.ftruncate(descriptor, status.st_size // 2)
                    self.send()
                self.at("not on the disk")
            fsync(descriptor)
            if not whole:  # the folder
                self.at("before pruning")

        def watched_replace(path: Path, target: Path) -> Path:
            self.at("not renamed")
            result = replace(path, target)
            self.at("just renamed")
            return result

        os.fsync, Path.replace = watched_fsync, watched_replace

    def watch_steps(self, trainer: mn.Trainer) -> None:
        """Wrap the optimizer's step, which is inside the Trainer's."""
        step = trainer.optimizer.step

        def watched() -> None:
            if trainer.step + 1 == self.number:
                self.send()
            step()

        trainer.optimizer.step = watched

    def at(self, moment: str) -> None:
        """Send it, if this is the moment."""
        if self.moment == moment and self.writes == self.number:
            self.send()

    def send(self) -> None:
        """Send it."""
        for _ in range(self.times):
            os.kill(os.getpid(), self.what)


def child(name: str, folder: Path, strike: Strike | None = None, checkpoints: bool = True) -> mn.Trainer:
    """Train a configuration to its end, from its newest checkpoint in the folder, and write the digests there."""
    warnings.simplefilter("error")  # a checkpoint that cannot be read, or written, above all
    job = CONFIGURATIONS[name]()
    if strike is not None and strike.moment == "step":
        strike.watch_steps(job.trainer)
    elif strike is not None:
        strike.watch_writes()
    checkpoint = mn.Checkpoint(folder / "checkpoints", every=EVERY, keep=KEEP, best=job.best)
    job.run(checkpoint=checkpoint if checkpoints else None)
    if job.trainer.interrupted:
        return job.trainer
    found = digest(job)
    if checkpoints and job.best is not None:
        found["best"] = best_of(folder)
    temporary = folder / f"{DIGEST}.tmp"
    temporary.write_text(json.dumps(found), encoding="utf-8")
    temporary.rename(folder / DIGEST)
    return job.trainer


def best_of(folder: Path) -> str:
    """Return the digests of the best weights."""
    metadata = read_tensors(folder / "checkpoints" / BEST).metadata
    digests = json.loads(metadata["sha256"])
    weights = {name: sha for name, sha in digests.items() if not name.startswith("state")}
    return json.dumps([json.loads(metadata["state"])["trainer"]["step"], weights], sort_keys=True)


def start(name: str, folder: Path, strike: Strike | None = None, seconds: float | None = None, **more: Any) -> int:
    """Let a child run, kill it after so many seconds, and return its status."""
    process = multiprocessing.get_context("fork").Process(
        target=_quiet, args=(name, folder, strike), kwargs=more, daemon=True
    )
    process.start()
    process.join(seconds)
    process.kill()
    process.join()
    if process.exitcode == 1:
        raise RuntimeError(f"{name}: the run failed:\n{(folder / 'output.txt').read_text(encoding='utf-8')}")
    return process.exitcode or 0


def end_of(folder: Path) -> dict[str, str] | None:
    """Return the digests of what a run ended with, if it has ended."""
    path = folder / DIGEST
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _quiet(name: str, folder: Path, strike: Strike | None, **more: Any) -> None:
    """Do it, with what it says in a file."""
    with (folder / "output.txt").open("a", encoding="utf-8", buffering=1) as file:
        sys.stdout = sys.stderr = file
        child(name, folder, strike, **more)


def whole(folder: Path) -> int:
    """Check every file that has a checkpoint's name, and return the newest one's step (or 0)."""
    step = 0
    for path in sorted((folder / "checkpoints").glob("*.safetensors")):
        snapshot = Snapshot(path)  # raises if it is not whole
        if path.name != BEST:
            step = snapshot.step
    return step


def torture(name: str, kills: int, seed: int, place: Path, bar: Any) -> dict[str, Any]:
    """Kill a configuration so often, let it come to its end, and return the figures."""
    rng = np.random.default_rng([seed, *name.encode()])
    expected, seconds = reference(name, place)
    moments, resumed, ends, differences = Counter(), [], 0, []
    folder = fresh(place)
    while True:
        moment, delay, strike = "by the clock", None, None
        if sum(moments.values()) == kills:
            pass  # it may come to its end
        elif rng.random() < 0.5:
            delay = float(rng.uniform(0, seconds / 2))
        else:
            moment = MOMENTS[rng.integers(len(MOMENTS))]
            strike = Strike(moment, int(rng.integers(1, 6)))
        start(name, folder, strike, delay)
        found = end_of(folder)
        if found is None:
            if strike is None and list((folder / "checkpoints").glob(".step-*.tmp")):
                moment = "by the clock, in a write"
            moments[moment] += 1
            resumed.append(whole(folder))
            bar.update()
            continue
        ends += 1
        differences += unlike(found, expected) + leftovers(folder)
        if sum(moments.values()) == kills:
            break
        folder = fresh(place)
    return {
        "what": CONFIGURATIONS[name].__doc__,
        "kills": kills,
        "in a write": kills - moments["by the clock"],
        "moments": dict(sorted(moments.items())),
        "resumed from steps": sorted(set(resumed)),
        "runs that came to their end": ends,
        "equal": not differences,
        "differences": differences,
    }


def reference(name: str, place: Path) -> tuple[dict[str, str], float]:
    """Run it without being killed, without and with checkpoints; return the digests, and the seconds of the latter."""
    folder = fresh(place)
    start(name, folder, checkpoints=False)
    without = end_of(folder)
    folder = fresh(place)
    begin = time.perf_counter()
    start(name, folder)
    seconds = time.perf_counter() - begin
    found = end_of(folder)
    assert found is not None
    assert without is not None
    if wrong := unlike(found, without):
        raise RuntimeError(f"{name}: with checkpoints, another {wrong} than without, though nobody killed it")
    return found, seconds


def unlike(found: dict[str, str], expected: dict[str, str]) -> list[str]:
    """Name what differs."""
    return [what for what in expected if found[what] != expected[what]]


def fresh(place: Path) -> Path:
    """Make the folder of a run, empty."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    return place


def leftovers(folder: Path) -> list[str]:
    """Name what should not be in a folder of checkpoints, after a run that came to its end."""
    names = sorted(path.name for path in (folder / "checkpoints").iterdir())
    steps = [name for name in names if name.startswith("step-")]
    return [name for name in names if name not in (*steps[-KEEP:], BEST)]


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300, help="how many in all (300)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (0)")
    parser.add_argument("--json", type=Path, default=FIGURES, metavar="FILE", help="where to write the figures")
    parser.add_argument("--place", metavar="FOLDER", help="where the runs write (the system's folder for such)")
    parser.add_argument("--child", nargs=2, metavar=("CONFIGURATION", "FOLDER"), help="train one, without killing it")
    parser.add_argument("--signal", nargs=3, metavar=("NAME", "MOMENT", "N"), help="with --child: send it to itself")
    parser.add_argument("--times", type=int, default=1, help="with --signal: how often")
    options = parser.parse_args()
    if options.child:
        name, folder = options.child
        strike = None
        if options.signal:
            what, moment, number = options.signal
            strike = Strike(moment, int(number), signal.Signals[what], options.times)
        child(name, Path(folder), strike)
        return 0

    if options.kills < len(CONFIGURATIONS):
        parser.error(f"--kills must be at least {len(CONFIGURATIONS)}, one for each configuration")
    shares = [options.kills // len(CONFIGURATIONS)] * len(CONFIGURATIONS)
    shares[: options.kills % len(CONFIGURATIONS)] = [shares[0] + 1] * (options.kills % len(CONFIGURATIONS))
    figures: dict[str, Any] = {}
    begin = time.perf_counter()
    with (
        tempfile.TemporaryDirectory(dir=options.place) as place,
        tqdm(total=options.kills, unit=" kills", disable=None) as bar,
    ):
        for name, kills in zip(CONFIGURATIONS, shares, strict=True):
            bar.set_description(name)
            figures[name] = torture(name, kills, options.seed, Path(place) / "run", bar)
    wrong = [name for name, figure in figures.items() if not figure["equal"]]
    page = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "minnet": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "seed": options.seed,
        "seconds": round(time.perf_counter() - begin, 1),
        "kills": sum(figure["kills"] for figure in figures.values()),
        "in a write": sum(figure["in a write"] for figure in figures.values()),
        "all equal": not wrong,
        "configurations": figures,
    }
    options.json.write_text(json.dumps(page, indent=1) + "\n", encoding="utf-8")
    print(f"{page['kills']} kills, {page['in a write']} of them in a write; not equal: {', '.join(wrong) or 'none'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
