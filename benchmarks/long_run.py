"""A long run is a training of 200,000 steps with every option of `fit`, to show that its memory does not grow.

    python benchmarks/long_run.py

trains 784 → 10 on batches of 128 for 200,000 steps, with a schedule, an average of the weights, a running score,
clipped gradients and norms, early stopping that never stops, a log, a progress bar, a row of history every 1000
steps, a checkpoint every 10 seconds, and the non-finite checks. It writes the process's resident memory to
benchmarks/long_run.json. MNIST is read from the folder in MINNET_DATA; without it, the digits are synthetic.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from environment import facts
from with_minnet import Terminal
from works import digits

import minnet as mn

FIGURES = Path(__file__).with_name("long_run.json")
EVERY = 1000  # steps between two samples, and two rows
WARM = 10_000  # steps after which a run has made all arrays that it needs
MB = 1e6


class Nowhere(Terminal):
    """A terminal that keeps nothing, because its memory must not grow either."""

    def write(self, text: str) -> int:
        """Return the length of the text, and keep nothing."""
        return len(text)


class Memory(mn.callbacks.Callback):
    """Sample how much memory the process has, and how large the checkpoints are.

    Parameters
    ----------
    steps
        How many steps there are; the array of samples is made at once, so that it does not grow.
    folder
        The folder of the checkpoints.
    """

    def __init__(self, steps: int, folder: Path) -> None:
        self.resident = np.zeros(1 + steps // EVERY)
        self.largest = 0
        self._folder = folder

    def on_fit_start(self, trainer: mn.Trainer) -> None:
        """Take the first sample."""
        self.resident[0] = resident()

    def on_step_end(self, trainer: mn.Trainer) -> None:
        """Take a sample, if it is time."""
        if trainer.step % EVERY == 0:
            self.resident[trainer.step // EVERY] = resident()
            sizes = [path.stat().st_size for path in self._folder.glob("*.safetensors")]
            self.largest = max([self.largest, *sizes])


def resident() -> int:
    """Return this process's resident memory, in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError("/proc/self/status has no line VmRSS")


def job(steps: int, folder: Path, data: Any, seconds: float = 10.0) -> Memory:
    """Train with every option of `fit`."""
    uniform = mn.initializers.uniform(-1, 1)
    model = mn.Sequential(mn.Linear(784, 10, weight_init=uniform, bias_init=uniform, rng=0), mn.Softmax())
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    memory = Memory(steps, folder)
    callbacks = [
        mn.callbacks.LearningRate(mn.schedules.CosineAnnealingWarmRestarts(20_000), per="step"),
        mn.callbacks.EMA(0.999),
        mn.callbacks.RunningScore(),
        mn.callbacks.ClipGradNorm(1.0),
        mn.callbacks.MaxNorm(20.0),
        mn.callbacks.EarlyStopping("test_loss", patience=10**9),
        mn.callbacks.CSVLogger(folder / "history.csv"),
        memory,
    ]
    loader = mn.DataLoader(data.X, data.y, 128, shuffle=True, rng=0)
    sets = {"test": (data.X_test, data.y_test)}
    checkpoint = mn.Checkpoint(folder, seconds=seconds, best="test_loss")
    with contextlib.redirect_stderr(Nowhere()):
        trainer.fit(loader, steps=steps, every=EVERY, evaluate=sets, callbacks=callbacks, checkpoint=checkpoint)
    return memory


def main() -> int:
    """Run it, print the figures, and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--steps", type=int, default=200_000, help="how many (200,000); with fewer than 20,000, growth does not show"
    )
    parser.add_argument("--json", type=Path, default=FIGURES, metavar="FILE", help="where to write the figures")
    options = parser.parse_args()
    if options.steps < 2 * EVERY:
        parser.error(f"--steps must be at least {2 * EVERY:,}")
    if not Path("/proc/self/status").exists():
        parser.error("memory is read from /proc, which this system does not have")
    data = digits()
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        memory = job(options.steps, Path(folder), data)
    seconds = time.perf_counter() - begin
    warm = memory.resident[min(WARM, options.steps // 2) // EVERY]
    figures = {
        "environment": facts(),
        "data": data.name,
        "steps": options.steps,
        "seconds": round(seconds, 1),
        "MB before the first step": round(memory.resident[0] / MB, 1),
        f"MB after {min(WARM, options.steps // 2):,} steps": round(warm / MB, 1),
        "MB at the end": round(memory.resident[-1] / MB, 1),
        "MB at most": round(memory.resident.max() / MB, 1),
        "largest checkpoint, bytes": memory.largest,
        f"MB every {max(1, options.steps // 20 // EVERY) * EVERY:,} steps": [
            round(float(sample) / MB, 1) for sample in memory.resident[:: max(1, options.steps // 20 // EVERY)]
        ],
    }
    options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    for name, figure in figures.items():
        if name != "environment":
            print(f"{name}: {figure}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
