"""A run for the crafted checkpoints, with everything in it that a checkpoint holds, and that a hostile one may want."""

from pathlib import Path
from typing import Any

import numpy as np

import minnet as mn

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
Y = np.arange(40) % 3
STEPS = 7
PARAMETERS = 7  # of the optimizer

# What a fit may change before it finds a checkpoint, or what belongs to a batch.
NOT_RESTORED = {
    "layers",
    "X",
    "y",
    "training",
    "recording",
    "frozen_statistics",
    "passes",
    "interrupted",
    "_cache",
    "_plan",
    "_plans",
    "_output",
    "_asked",
}


class Counter(mn.callbacks.Callback):
    """A user's callback, with a place to write to, an array, a Parameter and a method."""

    def __init__(self, path: str) -> None:
        self.out_file = path
        self.label = "training"
        self.sink = None
        self.count = 0
        self.sums = np.zeros(3)
        self.own = mn.Parameter([1.0])
        self.rng = np.random.default_rng(3)

    def on_step_end(self, trainer: Any) -> None:
        """Count."""
        self.count += 1
        self.last = float(self.sums.sum())


class Noise(mn.Layer):
    """A user's layer, with a Parameter, a Generator and a mean of its own."""

    def __init__(self) -> None:
        self.weight = mn.Parameter(np.ones(5))
        self.rng = np.random.default_rng(1)
        self.mean = 0.0

    def forward(self, x: Any) -> Any:
        """Scale."""
        self.cache = x
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * float(x.mean())
        return x * self.weight.data

    def backward(self, dy: Any) -> Any:
        """Scale back."""
        self.weight.grad += (self.cache * dy).sum(axis=0)
        return dy * self.weight.data


class Best:
    """A user's metric that remembers."""

    def __init__(self) -> None:
        self.best = 0.0

    def __call__(self, prediction: Any, target: Any) -> float:
        """Return the best so far."""
        self.best = max(self.best, mn.metrics.accuracy(prediction, target))
        return self.best


class Run:
    """A training run with everything in it that a checkpoint holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        model = mn.Sequential(
            mn.Linear(4, 5, rng=0), mn.BatchNorm1d(5), Noise(), mn.Dropout(0.2, rng=2), mn.Linear(5, 3, rng=3)
        )
        loss = mn.SoftmaxCrossEntropyLoss(weight=[1.0, 2.0, 1.0])
        optimizer = mn.NAdam(model.parameters(), lr=0.01)
        self.trainer = mn.Trainer(model, loss, optimizer, metrics={"best": Best()})
        callbacks = mn.callbacks
        self.callbacks = [
            callbacks.EMA(0.9),
            callbacks.EarlyStopping("test_loss"),
            callbacks.LearningRate(mn.schedules.StepLR(10), per="step"),
            callbacks.MaxNorm(100.0),
            callbacks.RunningScore(),
            callbacks.ClipGradNorm(1.0),
            Counter("out.txt"),
            callbacks.CSVLogger(folder / "rows.csv"),
        ]
        self.loader = mn.DataLoader(X, Y, 8, shuffle=True, rng=0)
        self.test = mn.DataLoader(X, Y, 16, rng=4)

    def fit(self, steps: int = STEPS, resume: Any = "auto") -> None:
        """Train, with a checkpoint at the end."""
        checkpoint = mn.Checkpoint(self.folder / "run", keep=9)
        self.trainer.fit(
            self.loader,
            steps=steps,
            every=2,
            evaluate={"test": self.test},
            callbacks=self.callbacks,
            checkpoint=checkpoint,
            resume=resume,
            progress=False,
        )

    def facts(self) -> str:
        """Return everything that a checkpoint could have changed, as text."""
        trainer, shown = self.trainer, []
        objects: list[Any] = [trainer.state, trainer.loss, *self.callbacks, *trainer.metrics.values()]
        objects += [layer for _, layer in trainer.model.named_layers()]
        for thing in (*objects, self.loader, self.test):
            names = sorted(vars(thing).keys() - NOT_RESTORED)
            shown += [(type(thing).__name__, name, as_text(vars(thing)[name])) for name in names]
        weights = [(name, array.data.tobytes().hex()) for name, array in trainer.model.named_arrays()]
        return repr([shown, weights, as_text(trainer.optimizer.state_dict()), list(trainer.history)])


def as_text(value: Any) -> str:
    if isinstance(value, dict):
        return repr({name: as_text(item) for name, item in value.items()})
    if isinstance(value, list | tuple):
        return repr([as_text(item) for item in value])
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {value.tobytes().hex()}"
    if isinstance(value, mn.Parameter | mn.Buffer):
        return f"{value!r} {value.data.tobytes().hex()}"
    return repr(value.bit_generator.state if isinstance(value, np.random.Generator) else value)
