"""The footprint of a library: the time to import it, and the most memory of a training; each in a fresh process."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rivals import Remark

Figures = dict[str, dict[str, float | None]]

STARTS = {  # name → the statement that is timed, after NumPy was imported, which all of them need
    "minnet": "import minnet",
    "minnet, what compiled=True needs as well": "import minnet; import minnet.compiled.foundation.kernels",
    "PyTorch": "import torch",
    "JAX": "import jax, jax.numpy",
    "scikit-learn": "import sklearn.linear_model",
}
CLOCK = """
import time
begin = time.perf_counter()
import numpy
middle = time.perf_counter()
{statement}
print(middle - begin, time.perf_counter() - middle)
"""
LEARNERS = {  # name → the module, the class in it, and its options
    "minnet": ("with_minnet", "Minnet", {}),
    "minnet, uint8": ("with_minnet", "Minnet", {}),
    "minnet, compiled": ("with_minnet", "Minnet", {"compiled": True}),
    "minnet, 2 threads": ("with_minnet", "Minnet", {"threads": 2}),
    "PyTorch": ("with_torch", "Torch", {}),
    "JAX": ("with_jax", "Jax", {}),
    "NumPy, best split": ("handwritten", "OneMatrix", {"split": True}),
    "NumPy, best split uint8": ("handwritten", "OneMatrix", {"split": True}),
}
LARGER = ("minnet", "minnet, compiled", "minnet, 2 threads", "PyTorch")  # who trains other works than W1, too
STEPS = {"W1": 1000, "W4": 60, "W5": 40, "L": 40, "T": 20}


def start_up(repeats: int, figures: Figures, remark: Remark) -> None:
    """Time imports in milliseconds, in turns; the first round is not counted, because it only fills caches."""
    from rounds import quartiles  # here, because the process that is measured imports this file, too
    from tqdm import tqdm

    found: dict[str, list[float]] = {}
    for i in tqdm(range(repeats + 1), "start-up", leave=False, disable=None):
        for name, statement in STARTS.items():
            answer = _ask_python(["-c", CLOCK.format(statement=statement)], f"{name}, start-up", remark)
            if answer is None or i == 0:
                continue
            numpy, more = map(float, answer.split())
            found.setdefault("NumPy itself", []).append(1e3 * numpy)
            found.setdefault(name, []).append(1e3 * more)
        for name, values in found.items():
            low, middle, high = (round(value, 1) for value in quartiles(values))
            figures[name] = {"ms": middle, "lower quartile": low, "upper quartile": high}


def memory(short: bool, figures: Figures, remark: Remark) -> None:
    """Measure the largest memory of a program that loads the data, trains, and predicts the test data in batches."""
    from tqdm import tqdm

    runs = [(name, key) for name in LEARNERS for key in STEPS if key == "W1" or (name in LARGER and not short)]
    for name, key in tqdm(runs, "memory", leave=False, disable=None):
        for _ in range(2 if "compiled" in name else 1):  # because the first one may have to compile
            answer = _ask_python([__file__, name, key], f"{name}, memory", remark)
        if answer is not None:
            result = json.loads(answer)
            figures.setdefault(name, {})
            figures[name][key] = round(result["peak"])
            figures[name][f"{key}, training"] = round(result["training"])


def _ask_python(arguments: list[str], what: str, remark: Remark) -> str | None:
    """Return what a fresh Python prints; if a library is not installed, add a remark and return None."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout
    last = (done.stderr.strip().splitlines() or ["it printed no error"])[-1]
    kind, _, missing = last.partition(": ")
    if not kind.endswith(("ModuleNotFoundError", "MissingExtraError")):
        raise RuntimeError(f"{what}: the process failed\n{done.stderr}")
    remark(f"{what}: left out ({missing})")
    return None


def peak() -> float:
    """Return the most memory that this process has had, in MB."""
    try:
        # Not getrusage's ru_maxrss, which on Linux includes the memory of the parent at the fork.
        status = Path("/proc/self/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024
    except (OSError, StopIteration):
        import resource

        unit = 1024**2 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def forget_peak() -> float:
    """Let `peak` count from now on, where the system can do so, and return what it is now, in MB."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak()


def train(name: str, key: str) -> None:
    """Train, test, and print the figures: this runs in the process that is measured."""
    from importlib import import_module

    from works import WORKS, as_floats, data_of, digits

    module, kind, options = LEARNERS[name]
    work = WORKS[key]
    data = digits(uint8=True) if "uint8" in name else data_of(work)
    make: Callable[..., Any] = getattr(import_module(module), kind)
    loading, before = peak(), forget_peak()
    learner = make(name, work, data, **options)
    learner.run(STEPS[key])
    for start in range(0, len(data.X_test), work.batch_size):
        learner.scores(as_floats(data.X_test[start : start + work.batch_size]))
    print(json.dumps({"peak": max(loading, peak()), "training": peak() - before}))


if __name__ == "__main__":
    train(*sys.argv[1:])
