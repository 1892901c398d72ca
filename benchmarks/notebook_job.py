"""The notebook's job is 20,000 steps of 128 images, and ten evaluations of 60,000; by its own code and by minnet."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm
from with_minnet import can_compile, fit
from works import Data, digits

import minnet as mn

EXAMPLE = Path(__file__).parents[1] / "examples" / "mnist_logreg.py"
Result = dict[str, float]


def measure(steps: int, every: int, figures: dict[str, Result]) -> None:
    """Run each way to do the job once; what is compiled was compiled before. The whole example is a process."""
    jobs: dict[str, Callable[[Data, int, int], float]] = {"the notebook's code": notebook, "minnet": with_minnet}
    if can_compile():
        jobs["minnet, compiled"] = partial(with_minnet, compiled=True)
        if find_spec("threadpoolctl"):
            jobs["minnet, compiled, 2 threads"] = partial(with_minnet, compiled=True, threads=2)
    data = digits()
    for name, job in tqdm(jobs.items(), "the notebook's job", leave=False, disable=None):
        if "compiled" in name:
            job(data, 1, 1)
        begin = time.perf_counter()
        accuracy = job(data, steps, every)
        seconds = time.perf_counter() - begin
        figures[name] = {"seconds": round(seconds, 2), "test accuracy, %": round(100 * accuracy, 2)}
    if steps >= 20_000:
        begin = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, EXAMPLE, "--out", folder], check=True, capture_output=True)
        figures["make mnist, all of it"] = {"seconds": round(time.perf_counter() - begin, 2)}


def notebook(data: Data, steps: int, every: int) -> float:
    """Do it as the notebook does, and return the last test accuracy."""
    X, y, X_test, y_test, _ = data
    W, b = np.random.uniform(-1, 1, (784, 10)), np.random.uniform(-1, 1, 10)  # noqa: NPY002 (it is the notebook's)

    def compute_p(x: np.ndarray) -> np.ndarray:
        p = np.exp(x @ W + b)
        return p / p.sum(axis=1, keepdims=True)

    def compute_accuracy(x: np.ndarray, label: np.ndarray) -> float:
        return (compute_p(x).argmax(axis=1) == label).mean()

    accuracy = 0.0
    for i in range(steps):
        if (i + 1) % every == 0:
            accuracy = compute_accuracy(X_test, y_test)
            compute_accuracy(X, y)
        rows = np.random.choice(len(X), 128, replace=False)  # noqa: NPY002
        x, label = X[rows], y[rows]
        p = compute_p(x)
        d = p - np.eye(10)[label]
        db = d.mean(axis=0)
        dW = x.T @ d / 128
        W -= 0.5 * dW
        b -= 0.5 * db
    return accuracy


def with_minnet(data: Data, steps: int, every: int, **options: Any) -> float:
    """Do it as examples/mnist_logreg.py does, and return the last test accuracy."""
    uniform = mn.initializers.uniform(-1, 1)
    model = mn.Sequential(mn.Linear(784, 10, weight_init=uniform, bias_init=uniform, rng=0), mn.Softmax())
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.5), **options)
    batches = mn.DataLoader(data.X, data.y, 128, shuffle="resampled", rng=0)
    sets = {"test": (data.X_test, data.y_test), "train": (data.X, data.y)}
    fit(trainer, batches, steps=steps, every=every, evaluate=sets)
    return trainer.history[-1]["test_accuracy"]
