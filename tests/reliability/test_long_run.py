"""A run with everything on keeps no more after many steps than after few. (200,000 steps: benchmarks/long_run.py.)"""

import gc
import tracemalloc

import pytest
from run_configurations import data

import minnet as mn

pytestmark = pytest.mark.slow
FEW, MANY = 200, 1000  # steps


class Keeper(mn.callbacks.Callback):
    """What this test is to find: something small that is kept a step."""

    def __init__(self):
        self.seen = []

    def state_dict(self):
        return {}

    def on_step_end(self, trainer):
        self.seen.append(trainer.prediction.copy())


class Traced(mn.callbacks.Callback):
    """Measure how much is allocated after few steps, and after many."""

    def __init__(self):
        self.bytes = []

    def state_dict(self):
        return {}

    def on_step_end(self, trainer):
        if trainer.step in (FEW, MANY):
            gc.collect()
            self.bytes.append(tracemalloc.get_traced_memory()[0])


def growth(folder, *more, **options):
    """Return how many bytes more there are after many steps than after few."""
    folder.mkdir()
    X, y = data()
    model = mn.Sequential(
        mn.Linear(12, 16, rng=1), mn.BatchNorm1d(16), mn.ReLU(), mn.Dropout(0.1, rng=2), mn.Linear(16, 4, rng=3)
    )
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters()), **options)
    traced = Traced()
    callbacks = [
        mn.callbacks.LearningRate(mn.schedules.CosineAnnealingWarmRestarts(50), per="step"),
        mn.callbacks.EMA(0.99),
        mn.callbacks.RunningScore(),
        mn.callbacks.ClipGradNorm(1.0),
        mn.callbacks.ClipGradValue(1.0),
        mn.callbacks.MaxNorm(2.0),
        mn.callbacks.EarlyStopping("test_loss", patience=10**9),
        mn.callbacks.CSVLogger(folder / "history.csv", keep=5),
        *more,
        traced,
    ]
    checkpoint = mn.Checkpoint(folder / "checkpoints", every=100, best="test_loss")
    loader = mn.DataLoader(X, y, 16, shuffle=True, rng=0)
    tracemalloc.start()
    try:
        trainer.fit(loader, steps=MANY, every=50, evaluate={"test": (X, y)}, callbacks=callbacks, checkpoint=checkpoint)
    finally:
        tracemalloc.stop()
    few, many = traced.bytes
    return many - few


@pytest.mark.parametrize("options", [{}, {"threads": 2}], ids=str)
def test_nothing_grows_with_the_number_of_steps(quick, tmp_path, options):
    # Some bytes come and go: buffers of files, the interpreter's caches. One number kept a step would be 25,000.
    assert growth(quick / f"{len(options)}-{tmp_path.name}", **options) < 18_000


def test_what_grows_would_be_seen(quick, tmp_path):
    assert growth(quick / tmp_path.name, Keeper()) > 100_000
