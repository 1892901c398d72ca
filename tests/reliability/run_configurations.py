"""Training runs to be killed: small, and between them all that a checkpoint must remember.

Each configuration is a function that makes the parts of a run anew, as a script does that is started again, and
returns a Job. Numbers of steps are chosen so that rows, checkpoints and epochs end at different ones.
"""

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np

import minnet as mn
from minnet.data.augment import Chain, Rotate, Shift
from minnet.saving.serialize import encode

Arrays = tuple[np.ndarray, np.ndarray]


@dataclass
class Job:
    """What `fit` is called with, but for the checkpoint."""

    trainer: mn.Trainer
    loader: Any
    fit: dict[str, Any]
    callbacks: list[mn.callbacks.Callback] = field(default_factory=list)
    best: str | None = None  # a column to watch; best.safetensors is then compared, too

    def run(self, **options: Any) -> mn.History:
        """Train."""
        return self.trainer.fit(self.loader, callbacks=self.callbacks, progress=False, **self.fit, **options)


def data(samples: int = 400, features: int = 12, classes: int = 4) -> Arrays:
    """Draw points, and the classes that a random matrix sorts them into."""
    rng = np.random.default_rng(11)
    X = rng.normal(size=(samples, features)).astype(np.float32)
    return X, (X @ rng.normal(size=(features, classes)) + rng.normal(size=classes)).argmax(axis=1)


def images() -> Arrays:
    """Draw digits of 14 x 14 pixels, as bytes."""
    X, y = mn.data.synthetic_digits(300, rng=0)
    return X.reshape(-1, 1, 28, 28)[:, :, ::2, ::2], y


def dense(*between: mn.Layer, hidden: int = 16) -> mn.Sequential:
    """Make a network of two dense layers, for `data`."""
    return mn.Sequential(mn.Linear(12, hidden, rng=1), *between, mn.ReLU(), mn.Linear(hidden, 4, rng=2))


def job(model: mn.Layer, optimizer: mn.Optimizer, loader: Any = None, trainer: Any = None, **more: Any) -> Job:
    """Put the usual parts around a model and an optimizer."""
    callbacks, best = more.pop("callbacks", []), more.pop("best", None)
    if loader is None:
        loader = mn.DataLoader(*data(), 16, shuffle=True, rng=3)
    made = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer, **(trainer or {}))
    more.setdefault("evaluate", {"train": data(100)})
    return Job(made, loader, more, callbacks, best)


def sgd() -> Job:
    """Plain SGD; a row an epoch, the last epoch with a short batch."""
    model = dense()
    return job(model, mn.SGD(model.parameters(), lr=0.1), epochs=4, loader=mn.DataLoader(*data(), 17, True, rng=3))


def momentum() -> Job:
    """Nesterov's momentum with weight decay and clipped gradients; rows in the middle of epochs; the best is kept."""
    model = dense()
    optimizer = mn.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3)
    callbacks = [mn.callbacks.ClipGradNorm(0.5), mn.callbacks.MaxNorm(2.0)]
    return job(model, optimizer, steps=90, every=7, callbacks=callbacks, best="train_loss")


def adam() -> Job:
    """Adam with groups of Parameters, AMSGrad, in float64, mid-epoch at the end."""
    model = dense().astype(np.float64)
    groups = [{"params": model.layers[0].parameters(), "lr": 1e-3}, {"params": model.layers[2].parameters()}]
    return job(model, mn.Adam(groups, lr=1e-2, amsgrad=True), steps=85, every=20)


def dropout() -> Job:
    """Dropout in several layers, two of which draw from one Generator; AdamW."""
    shared = np.random.default_rng(5)
    model = dense(mn.Dropout(0.3, rng=shared), mn.Dropout(0.2, rng=shared), mn.Residual(mn.DropPath(0.3, rng=6)))
    return job(model, mn.AdamW(model.parameters(), lr=1e-2), epochs=4)


def batch_norm() -> Job:
    """Batch norm, one of them with the mean over all batches so far; NAdam."""
    model = dense(mn.BatchNorm1d(16), mn.BatchNorm1d(16, momentum=None))
    return job(model, mn.NAdam(model.parameters(), lr=1e-2), steps=90, every=13)


def augmentation() -> Job:
    """Bytes that are scaled, shifted and turned as they are loaded, for a convolution with Dropout2d."""
    model = mn.Sequential(
        mn.Conv2d(1, 4, 3, padding="same", rng=0), mn.BatchNorm2d(4), mn.ReLU(), mn.Dropout2d(0.2, rng=1),
        mn.MaxPool2d(2), mn.Flatten(), mn.Linear(196, 10, rng=2),
    )  # fmt: skip
    X, y = images()
    loader = mn.DataLoader(X, y, 10, shuffle=True, drop_last=True, transform=Chain(Shift(2), Rotate(10)), rng=4)
    return job(model, mn.Lion(model.parameters(), lr=1e-3), loader, epochs=2, every=8, evaluate={"test": (X, y)})


def schedule() -> Job:
    """A learning rate by the step, with warm restarts; and RMSprop's momentum."""
    model = dense()
    optimizer = mn.RMSprop(model.parameters(), lr=1e-2, momentum=0.5, centered=True)
    schedule = mn.schedules.CosineAnnealingWarmRestarts(20)
    return job(model, optimizer, steps=90, every=10, callbacks=[mn.callbacks.LearningRate(schedule, per="step")])


def plateau() -> Job:
    """A learning rate that falls when the loss does not; a running score; Adagrad."""
    model = dense()
    plateau = mn.callbacks.ReduceLROnPlateau("train_loss", factor=0.5, patience=1, threshold=0.05)
    callbacks = [plateau, mn.callbacks.RunningScore(0.95)]
    return job(model, mn.Adagrad(model.parameters(), lr=0.3), steps=90, every=6, callbacks=callbacks)


def online() -> Job:
    """One sample a step, in the order they lie."""
    model = mn.Sequential(mn.Linear(12, 4, rng=0))
    loader = mn.DataLoader(*data(110), batch_size=1, rng=3)
    return job(model, mn.SGD(model.parameters(), lr=0.05, momentum=0.5), loader, epochs=2, every=50)


def accumulation() -> Job:
    """Batches in three parts, with dropout."""
    model = dense(mn.Dropout(0.3, rng=5))
    return job(model, mn.Adam(model.parameters(), lr=1e-2), steps=85, every=9, trainer={"accumulate": 3})


def threads() -> Job:
    """Two threads, each with dropout from a Generator of its own, that share batch norm's statistics."""
    model = dense(mn.BatchNorm1d(16), mn.Dropout(0.3, rng=5))
    return job(model, mn.Adam(model.parameters(), lr=1e-2), epochs=3, every=8, trainer={"threads": 2})


def averaging() -> Job:
    """An average of the weights, and a run that stops early with the best weights."""
    model = dense(mn.Dropout(0.5, rng=5), hidden=32)
    callbacks = [mn.callbacks.EMA(0.9), mn.callbacks.EarlyStopping("test_loss", patience=3)]
    loader, test = mn.DataLoader(*data(160), 8, shuffle=True, rng=3), tuple(part[-80:] for part in data(240))
    optimizer = mn.Adam(model.parameters(), lr=3e-2)
    more = {"callbacks": callbacks, "evaluate": {"test": test}, "best": "test_loss"}
    return job(model, optimizer, loader, epochs=50, every=9, **more)


def resampled() -> Job:
    """Every batch a draw of its own, as the class notebook does."""
    model = dense()
    loader = mn.DataLoader(*data(), 16, shuffle="resampled", rng=3)
    return job(model, mn.SGD(model.parameters(), lr=0.1, momentum=0.9), loader, steps=90, every=12)


class Plain:
    """Batches from an iterable that knows nothing of checkpoints."""

    def __iter__(self) -> Iterator[Arrays]:
        """Yield them."""
        X, y = data()
        for start in range(0, len(X), 16):
            yield X[start : start + 16], y[start : start + 16]


def plain_iterable() -> Job:
    """No DataLoader."""
    model = dense(mn.Dropout(0.2, rng=5))
    return job(model, mn.Adadelta(model.parameters()), Plain(), epochs=4, every=11)


def shuffled_evaluation() -> Job:
    """Evaluations that draw: a shuffled loader with fresh noise, and one Generator for everything."""
    rng = np.random.default_rng(8)
    model = dense(mn.Dropout(0.2, rng=rng))
    noisy = mn.DataLoader(*data(60), 16, True, transform=lambda x, rng: x + rng.normal(size=x.shape), rng=rng)
    loader = mn.DataLoader(*data(), 16, shuffle=True, rng=rng)
    return job(model, mn.SGD(model.parameters(), lr=0.1), loader, steps=85, every=6, evaluate={"noisy": noisy})


def skipping() -> Job:
    """A batch in each epoch that holds a NaN, whose step is left out."""
    X, y = data()
    X[77, 3] = np.nan
    model = dense(mn.BatchNorm1d(16))
    loader = mn.DataLoader(X, y, 16, shuffle=True, check=False, rng=3)
    return job(model, mn.Adam(model.parameters(), lr=1e-2), loader, epochs=4, every=10, trainer={"nonfinite": "skip"})


def recurrent() -> Job:
    """A recurrent network and attention, with dropout inside."""
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(160, 5, 8)).astype(np.float32), rng.integers(4, size=160)
    model = mn.Sequential(
        mn.TransformerBlock(8, 2, 12, 0.2, rng=0), mn.GRU(8, 8, rng=1), mn.Flatten(), mn.Linear(40, 4, rng=2)
    )
    loader = mn.DataLoader(X, y, 8, shuffle=True, rng=3)
    return job(model, mn.Adam(model.parameters(), lr=1e-2), loader, epochs=3, every=9, evaluate={"train": (X, y)})


class Turned:
    """A transform that remembers."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.calls = rng, 0

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Add noise that becomes less."""
        self.calls += 1
        return x + self.rng.normal(0, 1 / self.calls, x.shape).astype(x.dtype)


class Hard(mn.DataLoader):
    """A loader with an order of its own, and with attributes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.passes, self.seen = 0, set[int]()

    def __iter__(self) -> Iterator[Arrays]:
        """Begin with the samples that were not seen for long."""
        self.passes += 1
        rows = self.rng.permutation(len(self.X))[: 350 + self.passes]
        for start in range(0, len(rows), 16):
            picked = rows[start : start + 16]
            self.seen |= set(picked[:2].tolist())
            yield self.prepared(self.X[picked]), self.y[picked]


class Jittery(mn.Trainer):
    """A Trainer with a Generator and a deque."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.jitter, self.losses = np.random.default_rng(9), deque([1.0], maxlen=5)

    def train_step(self, x: np.ndarray, y: np.ndarray) -> float:
        """Learn from a batch with noise that depends on the last losses."""
        x = x + np.float32(0.1 * max(self.losses)) * self.jitter.normal(size=x.shape).astype(x.dtype)
        self.losses.append(super().train_step(x, y))
        return self.losses[-1]


def own_parts() -> Job:
    """A transform, a loader, a Trainer and a schedule of one's own, all of which remember something."""
    model, rng = dense(mn.Dropout(0.2, rng=5)), np.random.default_rng(6)
    loader = Hard(*data(), 16, shuffle=True, transform=Turned(np.random.default_rng(7)), rng=3)
    schedule = mn.callbacks.LearningRate(lambda lr, t: lr * (1 + 0.1 * rng.random()), per="step")
    made = job(model, mn.SGD(model.parameters(), lr=0.05), loader, steps=90, every=8, callbacks=[schedule])
    made.trainer = Jittery(model, made.trainer.loss, made.trainer.optimizer)
    return made


def compiled(threads: int = 1) -> Job:
    """Compiled steps, with resampled batches, Adam, and NaN in steps that are left out; where Numba is installed."""
    X, y = data()
    X[77, 3] = np.nan
    model, options = dense(), {"compiled": True, "threads": threads, "nonfinite": "skip"}
    loader = mn.DataLoader(X, y, 16, shuffle="resampled", check=False, rng=3)
    return job(model, mn.Adam(model.parameters(), lr=1e-2), loader, steps=90, every=12, trainer=options)


def compiled_threads() -> Job:
    """Compiled steps that two threads do together."""
    return compiled(2)


CONFIGURATIONS: dict[str, Callable[[], Job]] = {
    make.__name__.replace("_", " "): make
    for make in (
        *(sgd, momentum, adam, dropout, batch_norm, augmentation, schedule, plateau, online, accumulation),
        *(threads, averaging, resampled, plain_iterable, shuffled_evaluation, skipping, recurrent, own_parts),
        *([compiled, compiled_threads] if find_spec("numba") and find_spec("scipy") else []),
    )
}


def digest(job: Job) -> dict[str, str]:
    """Return SHA-256s of all that a run ends with: whatever is there in memory, bit for bit."""
    trainer = job.trainer
    named = trainer.model.named_parameters()
    owners = {"model": trainer.model, "loss": trainer.loss}
    layers = {owner: {path: vars_of(layer) for path, layer in it.named_layers()} for owner, it in owners.items()}
    generator = getattr(job.loader, "rng", None)
    return {
        "weights": _sha256({name: parameter.data for name, parameter in named}),
        "optimizer": _sha256(trainer.optimizer.state_dict()),
        "history": _sha256([{k: v for k, v in row.items() if k != "seconds"} for row in trainer.history]),
        "counts": _sha256([trainer.step, trainer.epoch, trainer.stopped, trainer.last_loss]),
        "layers": _sha256(layers),
        "callbacks": _sha256([callback.state_dict() for callback in job.callbacks]),
        "loaders": _sha256([generator, *(getattr(s, "rng", None) for s in job.fit["evaluate"].values())]),
    }


def vars_of(layer: mn.Layer) -> dict[str, Any]:
    """Return the Generators and numbers of a layer."""
    kinds = (bool, int, float, str, np.random.Generator)
    return {name: value for name, value in vars(layer).items() if isinstance(value, kinds)}


def _sha256(value: Any) -> str:
    """Return the digest of plain data: of the JSON, and of the arrays' names, kinds and bytes."""
    arrays: dict[str, np.ndarray] = {}
    sha = hashlib.sha256(json.dumps(encode(value, arrays, ""), sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        sha.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    return sha.hexdigest()
