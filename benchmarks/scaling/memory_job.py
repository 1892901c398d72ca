"""One training under a limit of memory, in a process of its own: memory.py starts it and reads what it prints."""

import argparse
import hashlib
import json
import resource
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from memory_data import LOADERS

import minnet as mn

LIMITS = {"RLIMIT_AS": resource.RLIMIT_AS, "RLIMIT_DATA": resource.RLIMIT_DATA}


def trainer_of(widths: list[int]) -> mn.Trainer:
    """Return a Trainer of a network of these widths."""
    layers: list[Any] = []
    for i, (before, after) in enumerate(pairwise(widths)):
        layers += [mn.Linear(before, after, rng=i), mn.ReLU()]
    model = mn.Sequential(*layers[:-1])
    return mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.05))


def memory() -> dict[str, int]:
    """Return the peaks of the address space and of the resident memory, and what is private of the latter, in bytes."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {name: 1024 * int(lines[name].split()[0]) for name in ("VmPeak", "VmHWM", "RssAnon", "VmData")}


def main() -> None:
    """Train, and print the speed, the memory and the digest of the weights as JSON; or what error there was."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("kind", choices=LOADERS)
    parser.add_argument("--limit", nargs=2, metavar=("KIND", "BYTES"))
    parser.add_argument("--widths", type=int, nargs="+", default=[784, 128, 10])
    parser.add_argument("--steps", type=int, nargs=2, default=[100, 1000], help="to warm up, and to be timed")
    parser.add_argument("--checkpoint", type=Path)
    given = parser.parse_args()
    if given.limit:
        resource.setrlimit(LIMITS[given.limit[0]], (int(given.limit[1]), resource.RLIM_INFINITY))
    try:
        print(json.dumps(run(given)))
    except (MemoryError, OSError) as error:
        print(json.dumps({"error": type(error).__name__, "message": str(error).partition("\n")[0]}))


def run(given: argparse.Namespace) -> dict[str, Any]:
    """Train, and return what was found."""
    trainer, loader = trainer_of(given.widths), LOADERS[given.kind](given.folder)
    if given.checkpoint:
        where = mn.Checkpoint(given.checkpoint, every=100)
        trainer.fit(loader, steps=given.steps[1], checkpoint=where, progress=False)
    else:
        trainer.fit(loader, steps=given.steps[0], progress=False)
        begin = time.perf_counter()
        trainer.fit(loader, steps=given.steps[1], progress=False)
        seconds = time.perf_counter() - begin
    held = {name: np.load(given.folder / f"test-{name}.npy") for name in "xy"}
    found = memory() | trainer.evaluate((held["x"], held["y"])) | {"digest": digest(trainer)}
    return found if given.checkpoint else found | {"steps_per_second": given.steps[1] / seconds}


def digest(trainer: mn.Trainer) -> str:
    """Return a digest of the weights' bits."""
    whole = hashlib.sha256()
    for parameter in trainer.model.parameters():
        whole.update(parameter.data.tobytes())
    return whole.hexdigest()


if __name__ == "__main__":
    main()
