"""Fuzz a reader of minnet: give it very many damaged and hostile files, and see that it reads or refuses each.

    python tests/fuzz/fuzz.py --reader idx --inputs 200000 --seed 0

Every input that a reader does not bear (another error than its own, a warning, a wrong array, too much time or memory,
the end of the process) is written to tests/fuzz/corpus/<reader>/, which the tests replay. --inputs and --seed decide
the inputs, whatever --jobs is.
"""

import argparse
import hashlib
import importlib
import json
import multiprocessing
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from pathlib import Path
from types import FunctionType

from engine import Summary, attempt, run
from targets import TARGETS
from tqdm import tqdm

from minnet.version import __version__

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
FIGURES = HERE / "figures.json"
MOST_KEPT = 80  # inputs a reader that are kept for their messages
BLOCK = 250  # inputs that a process is given at once


def fuzz(reader: str, inputs: int, seed: int, jobs: int, folder: Path) -> Summary:
    """Try that many inputs in processes of their own."""
    total = Summary()
    blocks = [range(start, min(start + BLOCK, inputs)) for start in range(0, inputs, BLOCK)]
    with tqdm(total=inputs, desc=reader, unit=" inputs", unit_scale=True, disable=None) as bar:
        while blocks:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(jobs, context, max_tasks_per_child=None) as pool:
                waiting = {}
                for block in blocks[: 50 * jobs]:
                    place = Path(tempfile.mkdtemp(dir=folder))
                    waiting[pool.submit(run, reader, seed, block, place)] = block, place
                for done in as_completed(waiting):
                    block, place = waiting[done]
                    try:
                        total.merge(done.result())
                    except BrokenProcessPool:
                        if left := list(place.iterdir()):  # of a block that was under way when its process ended
                            total.kinds["failure"] += 1
                            total.failures.append((block.start, "the process ended", left[0].read_bytes()))
                        elif block in blocks:
                            continue  # its turn comes again
                    blocks.remove(block)
                    bar.update(len(block))
                    bar.set_postfix(failures=total.kinds["failure"])
    return total


def keep(reader: str, content: bytes, what: str) -> Path:
    """Write an input into the corpus."""
    folder = CORPUS / reader
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{what}-{hashlib.sha256(content).hexdigest()[:12]}"
    path.write_bytes(content)
    return path


def record(reader: str, inputs: int, seed: int, summary: Summary, wall: float) -> None:
    """Write down the figures of a run, beside those of the other readers."""
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    figures[reader] = {
        "inputs": inputs,
        "seed": seed,
        "outcomes": {kind: summary.kinds[kind] for kind in ("read", "refused", "failure")},
        "distinct_messages": len(summary.messages),
        "seconds": round(wall, 1),
        "longest_input_seconds": round(summary.slowest, 4),
        "most_memory_bytes": summary.largest,
        "minnet_version": __version__,
        "date": datetime.now(UTC).date().isoformat(),
    }
    FIGURES.write_text(json.dumps(dict(sorted(figures.items())), indent=2) + "\n")


def guided(reader: str, inputs: int, seed: int, folder: Path) -> None:
    """Let atheris choose the inputs by the lines of minnet that they reach. It ends the process when it is done."""
    atheris = importlib.import_module("atheris")
    target, path = TARGETS[reader], folder / "input"
    mnist = [f"minnet.data.mnist.{part}" for part in ("idx", "unpickler", "pickles")]
    mnist += ["minnet.untrusted.bounded", "minnet.untrusted.machine"]
    parts = ("archive", "older", "places", "names", "unpickler", "nested", "tensors", "tensor_file", "state_dicts")
    torch = [f"minnet.torch.reading.{part}" for part in parts]
    saving = [f"minnet.saving.{part}" for part in ("serialize", "tensorfile", "run_state")]
    for name in ["minnet.core.state", *mnist, *torch, *saving]:
        own = [thing for thing in vars(sys.modules[name]).values() if getattr(thing, "__module__", "") == name]
        methods = [method for kind in own if isinstance(kind, type) for method in vars(kind).values()]
        for function in own + methods:
            if isinstance(function, FunctionType):
                atheris.instrument_func(function)

    def one(content: bytes) -> None:
        outcome = attempt(target, content, path)
        if outcome.kind == "failure":
            raise RuntimeError(f"{outcome.message}, kept as {keep(reader, content, 'failure')}")

    first = folder / "first"
    first.mkdir()
    for number, content in enumerate(target.samples()):
        (first / str(number)).write_bytes(content)
    atheris.Setup([sys.argv[0], f"-runs={inputs}", f"-seed={seed + 1}", "-max_len=10000", str(first)], one)
    atheris.Fuzz()


def main() -> int:
    """Do what the command line says; return how many failures there were, at most 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", choices=[*TARGETS, "all"], default="all", help="which reader (default: all)")
    parser.add_argument("--inputs", type=int, default=200_000, help="how many inputs for each (default: 200000)")
    parser.add_argument("--seed", type=int, default=0, help="which inputs (default: 0)")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes (default: 1)")
    parser.add_argument("--keep-messages", action="store_true", help="keep an input for each distinct message, too")
    parser.add_argument("--no-figures", action="store_true", help="do not write figures.json")
    parser.add_argument("--engine", choices=["mutations", "atheris"], default="mutations", help="atheris: by coverage")
    options = parser.parse_args()
    failures = 0
    for reader in TARGETS if options.reader == "all" else [options.reader]:
        with tempfile.TemporaryDirectory() as folder:
            if options.engine == "atheris":
                guided(reader, options.inputs, options.seed, Path(folder))
            start = time.perf_counter()
            summary = fuzz(reader, options.inputs, options.seed, options.jobs, Path(folder))
            wall = time.perf_counter() - start
        counts = ", ".join(f"{summary.kinds[kind]:,} {kind}" for kind in ("read", "refused", "failure"))
        print(f"{reader}: {counts}; {len(summary.messages)} distinct messages; {wall:.0f} s")
        print(f"  longest input {summary.slowest:.3f} s, most memory {summary.largest / 1e6:.1f} MB")
        for number, message, content in summary.failures[:1000]:
            path = keep(reader, content, "failure")
            print(f"  input {number}: {message[:200]}\n    {path}")
        if options.keep_messages:
            names = sorted(summary.messages)
            for name in names[:: 1 + len(names) // MOST_KEPT]:
                keep(reader, summary.messages[name], "message")
        if not options.no_figures:
            record(reader, options.inputs, options.seed, summary, wall)
        failures += summary.kinds["failure"]
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
