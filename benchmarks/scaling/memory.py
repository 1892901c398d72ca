"""Training on data four times as large as the memory that the process may have: speed, memory, a run that is killed.

python benchmarks/scaling/memory.py

It needs Linux, 2.3 GB of disk in the folder for temporary files, and as much memory as the system's page cache.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from memory_data import warm, write_shards
from page import table
from program import main, median

JOB = Path(__file__).with_name("memory_job.py")
LIMIT, TIMES, ROUNDS = 512 << 20, 4.1, 4
NETWORKS = {"784-128-10": (100, 1500), "784-1024-1024-10": (20, 150)}
BASE = "a part in memory"
AS, DATA = ("RLIMIT_AS", "RLIMIT_DATA")
# Maps of files count as address space, and not as data.
KINDS = {
    BASE: AS,
    "a part in memory, Prefetch": AS,
    "Shards, blocks": AS,
    "Shards, blocks, Prefetch": AS,
    "memory maps, shuffle=True": DATA,
    "memory maps, blocks, Prefetch": DATA,
    "Stream": AS,
    "Stream, Prefetch": AS,
}
KILLED = "Shards, blocks, Prefetch"
STEPS, AFTER = 1000, 400  # of the run that is killed: of how many steps it is, and after which checkpoint


def command(folder: Path, kind: str, how: str, limit: int, *options: object) -> list[str]:
    """Return the command of a job."""
    return [sys.executable, *map(str, (JOB, folder, kind, "--limit", how, limit, *options))]


def environment() -> dict[str, str]:
    """Return the environment of a job: one thread computes, and one may read."""
    one = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    return os.environ | one | {"PYTHONPATH": os.pathsep.join([str(JOB.parents[2]), os.environ.get("PYTHONPATH", "")])}


def run(*arguments: Any) -> dict[str, Any]:
    """Run a job to its end, and return what it printed."""
    done = subprocess.run(command(*arguments), env=environment(), capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise SystemExit(f"{arguments} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def speeds(folder: Path, limit: int = LIMIT, rounds: int = ROUNDS, networks: Any = NETWORKS) -> dict[str, Any]:
    """Run all kinds in turns; return what each printed, by network and kind."""
    found: dict[str, Any] = {name: {kind: [] for kind in KINDS} for name in networks}
    for _ in range(rounds):
        for name, steps in networks.items():
            for kind, how in KINDS.items():
                options = "--widths", *name.split("-"), "--steps", *steps
                found[name][kind].append(run(folder, kind, how, limit, *options))
    return found


def killed(
    folder: Path, limit: int = LIMIT, kind: str = KILLED, steps: int = STEPS, after: int = AFTER
) -> dict[str, Any]:
    """Kill a run and start it again; return its digest, that of a whole run, and the step that it was killed after."""
    kind, how, steps, after = KILLED, KINDS[KILLED], STEPS, AFTER
    with tempfile.TemporaryDirectory() as place:
        whole, cut = (Path(place, name) for name in ("whole", "cut"))
        expected = run(folder, kind, how, limit, "--steps", 0, steps, "--checkpoint", whole)
        arguments = command(folder, kind, how, limit, "--steps", 0, steps, "--checkpoint", cut)
        with subprocess.Popen(
            arguments, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as job:
            while job.poll() is None and not any(_step(path) >= after for path in cut.glob("step-*")):
                time.sleep(0.002)
            job.send_signal(signal.SIGKILL)
        if job.returncode != -signal.SIGKILL:
            raise SystemExit(f"the run ended with {job.returncode} before it was killed")
        at = max(map(_step, cut.glob("step-*")))
        found = run(folder, kind, how, limit, "--steps", 0, steps, "--checkpoint", cut)
    return {"whole": expected, "resumed": found, "at": at, "steps": steps}


def _step(path: Path) -> int:
    return int(path.stem.partition("-")[2].partition(".")[0])


def measure() -> dict[str, Any]:
    """Make the data, and run everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = write_shards(folder, LIMIT, TIMES)
        warm(folder)
        refused = {how: run(folder, "all of it in memory", how, LIMIT, "--steps", 1, 1) for how in (AS, DATA)}
        return {"bytes": size, "refused": refused, "killed": killed(folder), "speeds": speeds(folder)}


def markdown(found: dict[str, Any]) -> str:
    """Return the section."""
    cut = found["killed"]
    same = "to the last bit" if cut["whole"]["digest"] == cut["resumed"]["digest"] else "**not to the same bits**"
    refused = "; ".join(f"{how}: {one.get('error', '**it fits**')}" for how, one in found["refused"].items())
    networks = list(found["speeds"])
    rows = []
    for kind, how in KINDS.items():
        cells = [kind, how]
        for name in networks:
            runs, base = found["speeds"][name][kind], found["speeds"][name][BASE]
            pairs = zip(runs, base, strict=True)
            ratio = median([one["steps_per_second"] / other["steps_per_second"] for one, other in pairs])
            cells += [f"{median([one['steps_per_second'] for one in runs]):,.0f}", f"{ratio:.0%}"]
        runs = found["speeds"][networks[0]][kind]
        cells += [f"{median([one[key] for one in runs]) / 2**20:,.0f}" for key in ("VmPeak", "VmData", "VmHWM")]
        rows.append([*cells, f"{median([one['accuracy'] for one in runs]):.1%}"])
    head = ["data", "limit", *(text for name in networks for text in (f"{name}, steps/s", "of memory"))]
    head += ["address space, MB", "data, MB", "resident, MB", "accuracy"]
    turns = len(found["speeds"][networks[0]][BASE])
    return f"""{found["bytes"] / 2**30:.2f} GB of images (uint8, digits with noise), {found["bytes"] / LIMIT:.1f} times
the {LIMIT >> 20} MB that the process may have, in shards (`.npy`), warm in the page cache. *A part in memory* is the
first two shards. Batches of 128, one BLAS thread; medians of {turns} turns of a process each, and of the ratios in a
round. The memory is that of the first network.

{table(head, rows)}

`RLIMIT_AS` limits the address space: all that is mapped, files and the reserves of threads, too. `RLIMIT_DATA` limits
private memory that can be written to, and so not maps of files. Resident memory counts pages of mapped files, which the
system takes away when it needs them. All of the data in memory, under either limit: {refused}.

A run ({KILLED}) of {cut["steps"]:,} steps was killed (SIGKILL) after step {cut["at"]:,} had been saved, and started
again: its weights equal those of a run that was never killed {same}."""


if __name__ == "__main__":
    main("memory", measure, markdown, __doc__)
