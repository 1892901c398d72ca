"""Trainings are small Trainers, and what a test compares of them."""

import numpy as np
import pytest

import minnet as mn

FEATURES, CLASSES, SAMPLES = 12, 5, 130
DENSE = [(mn.Linear, FEATURES, 7), mn.ReLU, (mn.Linear, 7, CLASSES)]
CHAINS = {
    "one matrix": [(mn.Linear, FEATURES, CLASSES)],
    "without bias": [(mn.Linear, FEATURES, CLASSES, {"bias": False})],
    "ReLU": DENSE,
    "wide": [(mn.Linear, FEATURES, 40), mn.ReLU, (mn.Linear, 40, 33), mn.Tanh, (mn.Linear, 33, CLASSES)],
    "square": [(mn.Linear, FEATURES, FEATURES), mn.Sigmoid, (mn.Linear, FEATURES, CLASSES)],
    "two in a row": [(mn.Linear, FEATURES, 40), (mn.Linear, 40, CLASSES), mn.Tanh],
    "flat": [mn.Flatten, *DENSE],
    "activated": [(mn.Linear, FEATURES, CLASSES), mn.Tanh],
}
OPTIMIZERS = {
    "momentum": lambda p: mn.SGD(p, lr=0.05, momentum=0.9),
    "dampening": lambda p: mn.SGD(p, lr=0.05, momentum=0.9, dampening=0.3),
    "nesterov": lambda p: mn.SGD(p, lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.1),
    "weights decay": lambda p: mn.SGD(p, lr=0.05, weight_decay=0.1, decay_biases=False),
    "Adam": lambda p: mn.Adam(p, lr=0.01),
    "Adam, decay": lambda p: mn.Adam(p, lr=0.01, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1),
    "AdamW": lambda p: mn.AdamW(p, lr=0.01, weight_decay=0.1),
    "groups": lambda p: mn.Adam(
        [{"params": list(p)[:2], "lr": 0.1, "weight_decay": 0.1}, {"params": list(p)[3:]}], lr=0.01
    ),
}
RESAMPLED = {"shuffle": "resampled"}
IN_ORDER = {"shuffle": False, "check": False}  # for data with NaN, which the loader refuses by default


def data(dtype=np.float64, labels=np.int64, samples=SAMPLES):
    rng = np.random.default_rng(0)
    if dtype == np.uint8:
        return rng.integers(0, 256, (samples, FEATURES), np.uint8), rng.integers(0, CLASSES, samples).astype(labels)
    return rng.normal(size=(samples, FEATURES)).astype(dtype), rng.integers(0, CLASSES, samples).astype(labels)


def poisoned(where, value):
    X, y = data()
    X[where] = value
    return X, y


def make(layers=DENSE, loss=mn.SoftmaxCrossEntropyLoss, optimizer=None, dtype=np.float64, **options):
    made = [
        mn.Linear(*layer[1:3], **(layer[3] if len(layer) > 3 else {}), rng=i) if isinstance(layer, tuple) else layer()
        for i, layer in enumerate(layers)
    ]
    model = mn.Sequential(*made).astype(dtype)
    optimizer = optimizer or (lambda parameters: mn.SGD(parameters, lr=0.1))
    return mn.Trainer(model, loss(), optimizer(model.parameters()), **options)


def pair(threads=1, **options):
    """Make a Trainer without compiled code, and the same with it."""
    return make(**options), make(**options, compiled=True, threads=threads)


def fit(trainer, X, y, batch_size=16, rng=1, loader=None, **options):
    loader = mn.DataLoader(X, y, batch_size, rng=rng, **(loader or {"shuffle": True}))
    return trainer.fit(loader, progress=False, **({"epochs": 2} if "steps" not in options else {}) | options)


def learn_alike(train, rtol=1e-9, threads=1, **options):
    """Train a pair, and assert that both learned the same; return the one with compiled code."""
    ordinary, compiled = pair(threads, **options)
    train(ordinary)
    train(compiled)
    for ours, theirs in zip(arrays(ordinary), arrays(compiled), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol)
    ours, theirs = ((t.step, t.epoch, t.optimizer.state["step"]) for t in (ordinary, compiled))
    assert ours == theirs
    assert ordinary.last_loss == pytest.approx(compiled.last_loss, rel=rtol, nan_ok=True)
    for row, other in zip(ordinary.history, compiled.history, strict=True):
        assert list(row) == list(other)
        for name in set(row) - {"seconds"}:
            assert row[name] == pytest.approx(other[name], rel=rtol, nan_ok=True), name
    return compiled


def arrays(trainer):
    """Return the values of all Parameters, and the optimizer's state."""
    values = [p.data for p in trainer.model.parameters()]
    return values + [a for entries in trainer.optimizer.state.values() for a in entries if isinstance(a, np.ndarray)]


def bits(trainer):
    rows = [{name: repr(value) for name, value in row.items() if name != "seconds"} for row in trainer.history]
    return [array.tobytes() for array in arrays(trainer)], rows, repr(trainer.last_loss)
