"""The footprint of a library: the time to import it, and the most memory of a training; each in a fresh process."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from rivals import Remark

Figures = dict[str, dict[str, float | None]]

STARTS = {  # name → the statement that is timed, after NumPy was imported, which all of them need
    "minnet": "import minnet",
    "minnet, what compiled=True needs as well": "import minnet; import minnet.compiled.kernels",
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
LEARNERS = {  # name → the module, the class in it, and whether the images stay bytes
    "NumPy, best split": ("handwritten", "OneMatrix", False),
    "NumPy, best split uint8": ("handwritten", "OneMatrix", True),
    "minnet": ("with_minnet", "Minnet", False),
    "minnet, uint8": ("with_minnet", "Minnet", True),
    "minnet, compiled": ("with_minnet", "Minnet", False),
    "PyTorch": ("with_torch", "Torch", False),
    "JAX": ("with_jax", "Jax", False),
}


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


def memory(steps: list[int], figures: Figures, remark: Remark) -> None:
    """Measure the largest memory of a program that loads MNIST, trains W1 for so many steps, and tests."""
    from tqdm import tqdm

    for name in tqdm(LEARNERS, "memory", leave=False, disable=None):
        figures[name] = {}
        for count in steps:
            answer = _ask_python([__file__, name, str(count)], f"{name}, memory", remark)
            if answer is None:
                del figures[name]
                break
            result = json.loads(answer)
            figures[name][f"MB, {count:,} steps"] = round(result["megabytes"])
            figures[name]["accuracy, %"] = round(100 * result["accuracy"], 1)


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


def train(name: str, steps: int) -> None:
    """Train, test, and print the figures: this runs in the process that is measured."""
    from importlib import import_module

    from works import WORKS, as_floats, digits

    module, kind, uint8 = LEARNERS[name]
    data = digits(uint8=uint8)
    make: Callable[..., object] = getattr(import_module(module), kind)
    options = {"split": True} if kind == "OneMatrix" else {"compiled": True} if "compiled" in name else {}
    learner = make(name, WORKS["W1"], data, **options)
    learner.run(steps)
    right = 0
    for start in range(0, len(data.X_test), 1000):
        here = slice(start, start + 1000)
        right += (learner.scores(as_floats(data.X_test[here])).argmax(axis=1) == data.y_test[here]).sum()
    print(json.dumps({"megabytes": peak(), "accuracy": float(right / len(data.X_test))}))


if __name__ == "__main__":
    train(sys.argv[1], int(sys.argv[2]))
