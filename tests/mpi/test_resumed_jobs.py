"""A job that is stopped and started again ends as one that ran through, in random configurations."""

import contextlib
import os
import signal

import numpy as np
import pytest
from ranks import run

import minnet as mn
from minnet.callbacks import EMA, Callback, EarlyStopping

pytestmark = pytest.mark.slow
X = np.random.default_rng(0).normal(size=(41, 6)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 3, 41)

STOP = []  # after which step SIGTERM comes, and on which rank


class Memory(mn.Layer):
    """A layer that remembers what it saw, which is another part of each batch on each rank."""

    def __init__(self):
        self.mean, self.last = 0.0, None

    def forward(self, x):
        if self.training and len(x):
            self.mean, self.last = 0.9 * self.mean + 0.1 * float(x.mean()), x[0].copy()
        return x + np.float32(self.mean)

    def backward(self, dy):
        return dy


class Numbered(Callback):
    """A callback that the script gives the number of its rank."""

    def __init__(self, rank):
        self.rank = rank
        self.steps, self.rng = [], np.random.default_rng(None if rank else 0)  # the others become like rank 0

    def on_fit_start(self, trainer):
        self.made = [self.rank]

    def on_gradients(self, trainer):
        for parameter in trainer.model.parameters():
            gradient = parameter.read_grad()
            gradient += self.rng.normal(scale=1e-3, size=gradient.shape).astype(gradient.dtype)

    def on_step_end(self, trainer):
        self.steps.append((trainer.step, self.rank))
        if (trainer.step, self.rank) in STOP:
            os.kill(os.getpid(), signal.SIGTERM)


class Writing(Callback):
    """A callback that is called on rank 0 only, and makes something there."""

    rank_zero_only = True

    def on_fit_start(self, trainer):
        self.rows = {"rows": [object.__new__(Memory)]}

    def on_row(self, trainer, row):
        self.last = row["step"]


class Own:
    """A loader of a user's own: it is read once more from the beginning of the epoch."""

    def __init__(self, rng, size):
        self.rng, self.size = rng, size

    def __iter__(self):
        rows = self.rng.permutation(len(X))
        for start in range(0, len(X), self.size):
            part = rows[start : start + self.size]
            yield X[part] + self.rng.normal(size=(len(part), 6)).astype(np.float32), Y[part]


def shaken(x, rng):
    return x + rng.normal(size=x.shape).astype(x.dtype)


def shaken_by(rng):
    return lambda x, _: x + rng.normal(size=x.shape).astype(x.dtype)


def samples():
    yield from zip(X, Y, strict=True)


def loader_of(kind, draw, rng):
    size = int(draw.integers(1, 20))
    if kind == "own":
        return Own(rng, size)
    if kind == "stream":
        return mn.data.Stream(samples, size, buffer=int(draw.integers(20)), transform=shaken, rng=rng)
    if kind == "list":
        return [(X[i : i + size], Y[i : i + size]) for i in range(0, len(X), size)]
    transform = [None, shaken, shaken_by(np.random.default_rng(8))][draw.integers(3)]
    options = {"shuffle": [False, True, "resampled"][draw.integers(3)], "transform": transform, "check": False}
    loader = mn.DataLoader(X, Y, size, rng=rng, **options)
    return mn.data.Prefetch(loader) if kind == "ahead" else loader


def made(mpi, seed, folder):
    """Make a run of a random configuration, which follows from the seed: the Trainer, and what `fit` takes."""
    draw = np.random.default_rng(seed)
    unseeded = seed if mpi is None or mpi.rank == 0 else None  # the others become like rank 0
    shared = np.random.default_rng(unseeded)
    layers = [mn.Linear(6, 5, rng=unseeded), mn.BatchNorm1d(5), Memory(), mn.Tanh()]
    layers += [mn.Dropout(0.3, rng=[shared, unseeded][draw.integers(2)]), mn.Linear(5, 3, rng=unseeded)]
    model = mn.Sequential(*layers)
    optimizer = [mn.Adam, mn.SGD][draw.integers(2)](model.parameters(), lr=0.01)
    more = {"accumulate": int(draw.integers(1, 3)), "nonfinite": ["stop", "skip"][draw.integers(2)]}
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer, parallel=mpi, **more)
    kind = ["loader", "loader", "ahead", "own", "stream", "list"][draw.integers(6)]
    rng = shared if draw.integers(2) else np.random.default_rng(unseeded)
    callbacks = [Numbered(0 if mpi is None else mpi.rank), Writing(), EMA(0.9)]
    callbacks += [EarlyStopping("test_loss", patience=3)] * int(draw.integers(2))
    options = {"evaluate": {"test": (X, Y)}, "every": int(draw.integers(2, 5)), "callbacks": callbacks}
    options["checkpoint"] = mn.Checkpoint(folder, every=3, best="test_loss") if folder else None
    return trainer, (loader_of(kind, draw, rng),), options | {"progress": False}


def outcome(trainer, options):
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in trainer.history]
    arrays = [array.data.tobytes() for _, array in trainer.model.named_arrays()]
    memory, callback = trainer.model.layers[2], options["callbacks"][0]
    own = memory.mean, str(memory.last), callback.rank, callback.made, callback.steps, callback.rng.random()
    return rows, arrays, trainer.step, trainer.epoch, own, trainer.model.layers[4].rng.random()


def through_and_stopped(mpi, folder, seeds):
    """Return what the ranks end with: of a run in one go, of one that is stopped twice, and of two fits."""
    found = []
    for seed in seeds:
        draw = np.random.default_rng(seed + 1000)
        end = 14
        trainer, loader, options = made(mpi, seed, None)
        trainer.fit(*loader, steps=end, **options)
        whole = outcome(trainer, options)
        trainer, loader, options = made(mpi, seed, f"{folder}/{seed}")
        first = options["every"]  # where a row is due anyway
        trainer.fit(*loader, steps=first, **options)
        STOP[:] = [(first + int(draw.integers(1, 6)), int(draw.integers(mpi.size)))]
        trainer, loader, options = made(mpi, seed, f"{folder}/{seed}")
        with contextlib.suppress(SystemExit):
            trainer.fit(*loader, steps=end, **options)
        STOP.clear()
        assert trainer.step < end or trainer.stopped
        trainer, loader, options = made(mpi, seed, f"{folder}/{seed}")
        trainer.fit(*loader, steps=end, **options)
        found.append((whole, outcome(trainer, options), repr((seed, first, type(*loader).__name__))))
    return found


@pytest.mark.parametrize("ranks", [2, 3])
def test_a_job_that_was_stopped_ends_with_the_same_bits(ranks, tmp_path):
    for rank, found in enumerate(run(through_and_stopped, ranks, str(tmp_path), range(10 * ranks, 10 * ranks + 7))):
        for whole, stopped, what in found:
            assert whole[2] > 6
            for one, other in zip(whole, stopped, strict=True):
                assert one == other, (rank, what)
