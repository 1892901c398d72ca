"""Compiled steps learn what the layers' methods do, up to rounding, and leave to them what is out of the ordinary."""

import math
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

import minnet as mn
from minnet.callbacks import Callback, RunningScore
from minnet.compiled.steps import CompiledSteps
from minnet.errors import NonFiniteError

pytest.importorskip("numba", reason="the extra compiled is not installed")
pytest.importorskip("scipy", reason="the extra compiled is not installed")

from minnet.compiled import kernels

pytestmark = pytest.mark.slow
FEATURES, CLASSES, SAMPLES = 12, 5, 130
DENSE = [(mn.Linear, FEATURES, 7), mn.ReLU, (mn.Linear, 7, CLASSES)]


@pytest.fixture
def calls(monkeypatch):
    """Return a list that gets the number of steps of each call of the compiled code."""
    seen, original = [], CompiledSteps.run

    def run(self, *arguments):
        result = original(self, *arguments)
        seen.append(result[0])
        return result

    monkeypatch.setattr(CompiledSteps, "run", run)
    return seen


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    """How many threads do a compiled step together."""
    if request.param > 1:
        pytest.importorskip("threadpoolctl", reason="the extra threads is not installed")
    return request.param


def data(dtype=np.float64, labels=np.int64, samples=SAMPLES, seed=0):
    rng = np.random.default_rng(seed)
    if dtype == np.uint8:
        return rng.integers(0, 256, (samples, FEATURES), np.uint8), rng.integers(0, CLASSES, samples).astype(labels)
    return rng.normal(size=(samples, FEATURES)).astype(dtype), rng.integers(0, CLASSES, samples).astype(labels)


def make(layers=DENSE, loss=mn.SoftmaxCrossEntropyLoss, optimizer=None, dtype=np.float64, **options):
    made = [
        mn.Linear(*layer[1:3], **(layer[3] if len(layer) > 3 else {}), rng=i) if isinstance(layer, tuple) else layer()
        for i, layer in enumerate(layers)
    ]
    model = mn.Sequential(*made).astype(dtype)
    optimizer = optimizer or (lambda parameters: mn.SGD(parameters, lr=0.1))
    return mn.Trainer(model, loss(), optimizer(model.parameters()), **options)


def pair(threads=1, **options):
    return make(**options), make(**options, compiled=True, threads=threads)


def fit(trainer, X, y, batch_size=16, rng=1, loader=None, **options):
    loader = mn.DataLoader(X, y, batch_size, rng=rng, **(loader or {"shuffle": True}))
    return trainer.fit(loader, progress=False, **({"epochs": 2} if "steps" not in options else {}) | options)


def everything(trainer):
    arrays = [p.data for p in trainer.model.parameters()]
    return arrays + [a for entries in trainer.optimizer.state.values() for a in entries if isinstance(a, np.ndarray)]


def bits(trainer):
    rows = [{name: repr(value) for name, value in row.items() if name != "seconds"} for row in trainer.history]
    return [array.tobytes() for array in everything(trainer)], rows, repr(trainer.last_loss)


def assert_close(a, b, rtol=1e-9):
    for ours, theirs in zip(everything(a), everything(b), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol)
    assert (a.step, a.epoch, a.optimizer.state["step"]) == (b.step, b.epoch, b.optimizer.state["step"])
    assert a.last_loss == pytest.approx(b.last_loss, rel=rtol, nan_ok=True)
    assert len(a.history) == len(b.history)
    for row, other in zip(a.history, b.history, strict=True):
        assert list(row) == list(other)
        for name in set(row) - {"seconds"}:
            assert row[name] == pytest.approx(other[name], rel=rtol, nan_ok=True), name


# --- they learn the same -------------------------------------------------------------------------------------------

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


@pytest.mark.parametrize("layers", CHAINS.values(), ids=list(CHAINS))
@pytest.mark.parametrize("batch_size", [1, 2, 6, 64, 1000])
def test_chains(calls, layers, batch_size, threads):
    ordinary, compiled = pair(threads, layers=layers)
    X, y = data()
    for trainer in (ordinary, compiled):
        fit(trainer, X, y, batch_size, evaluate={"test": (X, y)})
    assert_close(ordinary, compiled)
    assert sum(calls) == compiled.step


@pytest.mark.parametrize("layers", [DENSE, CHAINS["wide"], CHAINS["activated"]], ids=["few", "wide", "activated"])
@pytest.mark.parametrize("batch_size", [1, 32])
def test_probabilities(calls, layers, batch_size, threads):
    ordinary, compiled = pair(threads, layers=[*layers, mn.Softmax], loss=mn.CrossEntropyLoss)
    X, y = data()
    for trainer in (ordinary, compiled):
        fit(trainer, X, y, batch_size)
    assert_close(ordinary, compiled)
    np.testing.assert_allclose(compiled.prediction.sum(axis=1), 1, rtol=1e-12)
    assert sum(calls) == compiled.step


def test_a_loss_of_probabilities_is_limited_alike(calls):
    ordinary, compiled = pair(layers=[(mn.Linear, FEATURES, CLASSES), mn.Softmax], loss=mn.CrossEntropyLoss)
    X, y = data()
    for trainer in (ordinary, compiled):
        fit(trainer, X * 1000, y, epochs=1)
    assert_close(ordinary, compiled)
    assert compiled.history[-1]["loss"] > 100
    assert np.array_equal(ordinary.prediction[-1] == 0, compiled.prediction[-1] == 0)
    assert compiled.prediction.min() == np.finfo(np.float64).tiny
    assert sum(calls) == compiled.step


@pytest.mark.parametrize("last", [(), (mn.Sigmoid,)])
def test_mean_square_error(calls, last, threads):
    X, _ = data()
    targets = np.tanh(X @ np.random.default_rng(1).normal(size=(FEATURES, 3)))
    layers = [(mn.Linear, FEATURES, 8), mn.Tanh, (mn.Linear, 8, 3), *last]
    ordinary, compiled = pair(threads, layers=layers, loss=mn.MSELoss)
    for trainer in (ordinary, compiled):
        fit(trainer, X, targets, 32)
    assert_close(ordinary, compiled)
    assert sum(calls) == compiled.step


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


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=list(OPTIMIZERS))
@pytest.mark.parametrize("layers", [DENSE, CHAINS["wide"]], ids=["few", "wide"])
def test_optimizers(calls, optimizer, layers, threads):
    ordinary, compiled = pair(threads, layers=layers, optimizer=optimizer)
    X, y = data()
    for trainer in (ordinary, compiled):
        fit(trainer, X, y, epochs=3)
        trainer.optimizer.lr *= 2
        fit(trainer, X, y, epochs=2)
    assert_close(ordinary, compiled)
    assert sum(calls) == compiled.step


def test_frozen_parameters_stay(calls, threads):
    ordinary, compiled = pair(threads, layers=CHAINS["wide"], optimizer=OPTIMIZERS["AdamW"])
    X, y = data()
    for trainer in (ordinary, compiled):
        first, *_ = trainer.model.parameters()
        before, first.trainable = first.data.copy(), False
        fit(trainer, X, y)
        assert np.array_equal(first.data, before)
        first.trainable = True
        fit(trainer, X, y)
        assert not np.array_equal(first.data, before)
        first.trainable = False
        fit(trainer, X, y)
    assert_close(ordinary, compiled)


def test_a_velocity_that_begins_later():
    ordinary, compiled = pair(optimizer=OPTIMIZERS["dampening"])
    for trainer in (ordinary, compiled):
        first, *_ = trainer.model.parameters()
        for first.trainable in (False, True):
            fit(trainer, *data())
    assert_close(ordinary, compiled)


@pytest.mark.parametrize(
    ("optimizer", "names"),
    [
        (lambda p: mn.Adam(p, betas=(0.5, 0.5)), ("mean", "square")),
        (lambda p: mn.SGD(p, lr=0.01, momentum=0.5), ("velocity",)),
    ],
    ids=["Adam", "SGD"],
)
def test_what_has_faded_becomes_zero(optimizer, names):
    X, y = data(samples=300)
    X[:, 0] = np.arange(300) == 125  # a pixel that is seen once, 130 steps before the flush
    trainer = make(optimizer=optimizer, dtype=np.float32, compiled=True)
    fit(trainer, X, y, 1, loader={"shuffle": False}, steps=255)
    for name in names:
        faded = np.abs(trainer.optimizer.state[name][0][0])
        assert np.any((faded > 0) & (faded < np.finfo(np.float32).tiny)), "there is something to flush"
    fit(trainer, X, y, 1, loader={"shuffle": False}, steps=1)
    for name in names:
        for array in trainer.optimizer.state[name]:
            assert np.all((array == 0) | (np.abs(array) >= np.finfo(np.float32).tiny))


# --- data ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loader",
    [{"shuffle": True}, {"shuffle": False}, {"shuffle": "resampled"}, {"shuffle": True, "drop_last": True}],
    ids=str,
)
@pytest.mark.parametrize("every", [None, 1, 3])
def test_loaders(calls, loader, every, threads):
    ordinary, compiled = pair(threads)
    X, y = data()
    for trainer in (ordinary, compiled):
        fit(trainer, X, y, loader=loader, steps=31, every=every)
        fit(trainer, X, y, loader=loader, steps=2 * len(mn.DataLoader(X, y, 16, drop_last="drop_last" in loader)))
        fit(trainer, X, y, loader=loader, epochs=1, every=every)
    assert_close(ordinary, compiled)
    assert sum(calls) == compiled.step


@pytest.mark.parametrize("labels", [np.uint8, np.int32, np.uint64])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_dtypes(calls, dtype, labels, threads):
    X, y = data(dtype, labels)
    ordinary, compiled = pair(threads, dtype=np.float32)
    for trainer in (ordinary, compiled):
        fit(trainer, X, y)
    assert_close(ordinary, compiled, 1e-4)
    assert sum(calls) == compiled.step


def test_bytes_in_float64(calls):
    X, y = data(np.uint8)
    ordinary, compiled = pair()
    for trainer in (ordinary, compiled):
        fit(trainer, X, y)
    assert_close(ordinary, compiled)


def test_read_only_data_and_images(calls, tmp_path):
    X, y = data()
    np.save(tmp_path / "X.npy", X.reshape(SAMPLES, 3, 2, 2))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    ordinary, compiled = pair(layers=CHAINS["flat"])
    for trainer in (ordinary, compiled):
        fit(trainer, X, y)
    assert_close(ordinary, compiled)
    assert sum(calls) == compiled.step


# --- how many steps a call does decides nothing ----------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 16])
def test_the_same_bits_step_by_step(calls, batch_size, threads):
    class Looks(Callback):
        def on_step_end(self, trainer):
            self.steps = getattr(self, "steps", 0) + 1
            assert len(trainer.prediction) == len(trainer.target) <= batch_size

    options = {"optimizer": OPTIMIZERS["Adam"], "dtype": np.float32, "compiled": True, "threads": threads}
    trainers = [make(CHAINS["wide"], **options) for _ in range(2)]
    X, y = data(np.float32)
    looks = Looks()
    fit(trainers[0], X, y, batch_size, epochs=5)
    many = list(calls)
    calls.clear()
    fit(trainers[1], X, y, batch_size, epochs=5, callbacks=[looks])
    assert bits(trainers[0]) == bits(trainers[1])
    assert set(calls) <= {0, 1}
    assert looks.steps == trainers[1].step
    assert len(many) < len(calls)


def test_callbacks_see_the_weights_of_their_step():
    X, y = data()
    ordinary, compiled = pair(optimizer=OPTIMIZERS["momentum"])
    for trainer in (ordinary, compiled):
        schedule = mn.callbacks.LearningRate(mn.schedules.CosineAnnealingLR(40), "step")
        trainer.averaged = mn.callbacks.EMA(0.9)
        fit(trainer, X, y, steps=40, every=7, callbacks=[schedule, trainer.averaged])
    assert_close(ordinary, compiled)


def test_the_running_score_counts_every_prediction(calls):
    X, y = data()
    ordinary, compiled = pair()
    for trainer in (ordinary, compiled):
        fit(trainer, X, y, 1, steps=300, every=100, callbacks=[RunningScore(0.9)])
    assert_close(ordinary, compiled)
    assert len(calls) < 60


# --- what is out of the ordinary is left to the ordinary way ---------------------------------------------------------


def poisoned(where, value):
    X, y = data()
    X[where] = value
    return X, y


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200])
def test_numbers_that_are_none_are_found_and_explained(value, threads):
    X, y = poisoned((50, 3), value)
    said = []
    for trainer in pair(threads):
        with pytest.raises(NonFiniteError) as caught:
            fit(trainer, X, y, loader={"shuffle": False, "check": False})
        said.append((str(caught.value), trainer.step))
    assert said[0] == said[1]
    assert said[0][1] == 3  # of 16 samples each
    assert "rows 48 to 63" in said[0][0]


def test_bad_steps_are_skipped_alike(calls, threads):
    X, y = poisoned((50, 3), np.nan)
    ordinary, compiled = pair(threads, nonfinite="skip", optimizer=OPTIMIZERS["momentum"])
    for trainer in (ordinary, compiled):
        for loader in ({"shuffle": True, "check": False}, {"shuffle": "resampled", "check": False}):
            fit(trainer, X, y, loader=loader, steps=40, every=10)
    assert_close(ordinary, compiled)
    assert sum(row["skipped"] for row in compiled.history) >= 5
    assert sum(calls) == 80 - sum(row["skipped"] for row in compiled.history)


def test_ignored_numbers_go_on_alike():
    X, y = poisoned((50, 3), 1e200)
    ordinary, compiled = pair(nonfinite="ignore")
    for trainer in (ordinary, compiled):
        with np.errstate(all="ignore"):
            fit(trainer, X, y, loader={"shuffle": False, "check": False}, every=1)
    assert_close(ordinary, compiled)


def test_the_first_velocity_after_a_bad_first_step():
    X, y = poisoned(0, np.nan)
    ordinary, compiled = pair(nonfinite="skip", optimizer=OPTIMIZERS["dampening"])
    for trainer in (ordinary, compiled):
        fit(trainer, X, y, loader={"shuffle": False, "check": False})
    assert_close(ordinary, compiled)


def test_a_label_that_is_no_class_is_named(threads):
    X, y = data()
    said = []
    for trainer in (make(threads=threads, compiled=compiled) for compiled in (False, True)):
        labels = y.copy()

        class Spoils(Callback):
            def on_epoch_end(self, trainer, labels=labels):
                labels[77] = CLASSES

        with pytest.raises(ValueError, match="labels") as caught:
            fit(trainer, X, labels, loader={"shuffle": False}, callbacks=[Spoils()])
        said.append((str(caught.value), trainer.step))
    assert said[0] == said[1]
    assert said[0][1] == 9 + 4


def test_options_that_may_spoil_weights_are_watched(calls):
    X, y = data()
    ordinary, compiled = pair(optimizer=lambda p: mn.SGD(p, lr=2.0, weight_decay=0.9))  # lr · λ > 1
    for trainer in (ordinary, compiled):
        fit(trainer, X, y)
    assert_close(ordinary, compiled)
    assert sum(calls) == 0


@pytest.mark.parametrize("optimizer", [None, OPTIMIZERS["momentum"]], ids=["SGD", "momentum"])
@pytest.mark.parametrize("layers", [DENSE, CHAINS["without bias"]], ids=["bias", "no bias"])  # which has no state
def test_another_dtype_in_between(calls, layers, optimizer):
    ordinary, compiled = pair(layers=layers, optimizer=optimizer)
    X, y = data()
    for trainer in (ordinary, compiled):
        fit(trainer, X, y)
        trainer.model.astype(np.float32)
        fit(trainer, X, y)
    assert_close(ordinary, compiled, 1e-4)
    assert sum(calls) > 20


def test_gradients_are_not_kept():
    trainer = make(compiled=True)
    first = next(iter(trainer.model.parameters()))
    first.grad += 1
    fit(trainer, *data())
    assert not first.grad.any()


@pytest.mark.parametrize("nonfinite", ["stop", "skip"])
@pytest.mark.parametrize("loss", [mn.MSELoss, mn.SoftmaxCrossEntropyLoss])
def test_infinity_behind_a_unit_that_is_saturated(loss, nonfinite):
    """dL/dx is exactly 0 there, and infinity times 0 is NaN, which no comparison must pass over."""
    X, y = poisoned((11, 0), np.inf)
    y = y if loss is mn.SoftmaxCrossEntropyLoss else np.eye(CLASSES)[y]
    said = []
    for trainer in pair(layers=[(mn.Linear, FEATURES, CLASSES), mn.Tanh], loss=loss, nonfinite=nonfinite):
        try:
            fit(trainer, X, y, 1, loader={"check": False}, every=1)
        except NonFiniteError as error:
            said.append(str(error))
        said += [trainer.step, [row.get("skipped") for row in trainer.history]]
        assert all(np.isfinite(p.data).all() for p in trainer.model.parameters())
    assert said[: len(said) // 2] == said[len(said) // 2 :]


@pytest.mark.parametrize(
    ("scale", "optimizer"),
    [
        (1e12, lambda p: mn.SGD(p, lr=1e6)),
        (1.0, lambda p: mn.SGD([{"params": list(p)[:2], "lr": 1e-3}, {"params": list(p)[2:], "lr": 1e20}], lr=1e-3)),
        (1e19, lambda p: mn.SGD(p, lr=1e-30)),
    ],
    ids=["long", "one of two groups", "a square out of range"],
)
def test_long_steps_are_watched(calls, scale, optimizer):
    X, y = data(np.float32)
    ordinary, compiled = pair(optimizer=lambda p: optimizer(list(p)), dtype=np.float32, nonfinite="skip")
    for trainer in (ordinary, compiled):
        fit(trainer, X * np.float32(scale), y, 100, steps=3)
    assert sum(calls) == 0
    assert bits(ordinary) == bits(compiled)


def test_a_long_step_of_one_sample_is_seen_by_all_threads(calls, threads):
    X, y = data(np.float32)
    X[-1] *= np.float32(1e30)  # which is in the last thread's part
    trainer = make(
        optimizer=lambda p: mn.SGD(p, lr=1.0), dtype=np.float32, nonfinite="skip", compiled=True, threads=threads
    )
    fit(trainer, X, y, len(X), steps=1, loader={"shuffle": False, "check": False})
    assert calls == [0]


def test_a_bias_whose_step_is_too_long(calls):
    X, y = np.zeros((8, FEATURES), np.float32), np.full((8, 3), 1e16, np.float32)
    for trainer in pair(
        layers=[(mn.Linear, FEATURES, 3)], loss=mn.MSELoss, optimizer=lambda p: mn.SGD(p, lr=1.0), dtype=np.float32
    ):
        fit(trainer, X, y, 4, steps=1)
    assert sum(calls) == 0


def test_predictions_of_a_call_that_broke_off(calls):
    class Looks(Callback):
        every_step, done = False, 0

        def on_step_end(self, trainer):
            assert len(trainer.prediction) == len(trainer.target) == trainer.step - self.done
            assert np.array_equal(trainer.target, y[self.done : trainer.step])
            self.done = trainer.step

    X, y = poisoned((50, 3), np.nan)
    with pytest.raises(NonFiniteError):
        fit(make(compiled=True), X, y, 1, loader={"shuffle": False, "check": False}, callbacks=[Looks()])
    assert max(calls) > 1
    assert sum(calls) == 50


def test_a_step_that_is_too_long_for_a_gradient_of_zero():
    X, y = np.zeros((8, 4), np.float32), np.zeros((8, 2), np.float32)
    initial = {"weight_init": mn.initializers.zeros(), "bias_init": mn.initializers.zeros()}
    for trainer in pair(
        layers=[(mn.Linear, 4, 2, initial)], loss=mn.MSELoss, optimizer=lambda p: mn.SGD(p, lr=1e39), dtype=np.float32
    ):
        with pytest.raises(NonFiniteError):
            fit(trainer, X, y, 4)
        assert trainer.step == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda t: setattr(t, "optimizer", mn.Adam(t.model.parameters(), lr=0.01)),
        lambda t: setattr(t, "optimizer", mn.SGD(t.model.parameters(), lr=0.01)),
        lambda t: setattr(t, "loss", mn.SoftmaxCrossEntropyLoss(label_smoothing=0.3)),
        lambda t: setattr(t.loss, "label_smoothing", 0.3),
        lambda t: setattr(t.loss, "weight", np.arange(1.0, 1 + CLASSES)),
        lambda t: setattr(t.loss, "ignore_index", 0),
        lambda t: setattr(t.model, "layers", [*t.model.layers, mn.Tanh()]),
        lambda t: setattr(t.model.layers[2], "bias", None),
        lambda t: setattr(t.model.layers[0], "weight", mn.Parameter(t.model.layers[0].weight.data * 2, np.float64)),
        lambda t: t.model.layers[0].weight.share(mn.Parameter(t.model.layers[0].weight.data * 2, np.float64)),
        lambda t: setattr(t.loader, "transform", lambda x, rng: x * 2),
        lambda t: setattr(t.loader, "batch_size", 7),
        lambda t: setattr(t.loader, "shuffle", False),
        lambda t: setattr(t.loader, "X", t.loader.X * 2),
        lambda t: setattr(t.loader, "y", t.loader.y[::-1].copy()),
        lambda t: setattr(t.model.layers[0].weight, "trainable", False),
        lambda t: setattr(t.optimizer, "lr", 0.01),
        lambda t: setattr(t.optimizer, "nesterov", True),
        lambda t: setattr(t.optimizer, "dampening", 0.5),
        lambda t: t.optimizer.param_groups[0].update(momentum=0.0),
    ],
)
def test_what_a_callback_changes_in_the_middle(change):
    class Changes(Callback):
        def on_epoch_end(self, trainer):
            if trainer.epoch == 1:
                change(trainer)

    ordinary, compiled = pair(optimizer=OPTIMIZERS["momentum"])
    for trainer in (ordinary, compiled):
        X, y = data()
        trainer.loader = mn.DataLoader(X, y, 16, shuffle=True, rng=1)
        trainer.fit(trainer.loader, epochs=3, callbacks=[Changes()], progress=False)
    assert_close(ordinary, compiled)


def test_a_group_of_its_own_in_the_middle():
    class Moves(Callback):
        def on_epoch_end(self, trainer):
            first, second = trainer.optimizer.param_groups
            if trainer.epoch == 1:
                second["params"].insert(0, first["params"].pop())

    def groups(parameters):
        parameters = list(parameters)
        return mn.SGD([{"params": parameters[:2]}, {"params": parameters[2:], "lr": 0.01}], lr=0.1)

    ordinary, compiled = pair(optimizer=groups)
    for trainer in (ordinary, compiled):
        fit(trainer, *data(), epochs=3, callbacks=[Moves()])
    assert_close(ordinary, compiled)


def test_a_subclass_that_looks_at_every_step():
    class Stops(RunningScore):
        def on_step_end(self, trainer):
            super().on_step_end(trainer)
            if trainer.step == 10:
                trainer.stop()

    for trainer in pair():
        fit(trainer, *data(), 1, callbacks=[Stops()])
        assert trainer.step == 10


def test_weights_that_cannot_be_written_are_left_to_the_ordinary_way(threads):
    ordinary, compiled = pair(threads, layers=CHAINS["wide"])
    for trainer in (ordinary, compiled):
        weight = trainer.model.layers[2].weight
        weight.trainable = weight.data.flags.writeable = False
        fit(trainer, *data())
    assert_close(ordinary, compiled)


def test_broken_off_calls_do_not_draw_many_batches_anew(monkeypatch):
    drawn, draw = [], mn.data.epoch.Epoch._draw
    monkeypatch.setattr(mn.data.epoch.Epoch, "_draw", lambda self: (drawn.append(1), draw(self))[1])
    X, y = data()
    X[::3] = np.nan
    trainer = make(nonfinite="skip", compiled=True)
    fit(trainer, X, y, 1, loader={"shuffle": "resampled", "check": False}, steps=1000)
    assert len(drawn) < 6 * 1000


# --- how long a call takes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("took", "sizes"), [(0.0, [1, 2, 4, 8, 16, 32, 64, 128]), (0.03, [1] * 8), (9.0, [1] * 8)])
def test_calls_grow_until_they_take_long_enough(calls, monkeypatch, took, sizes):
    now = iter(range(10**6))
    monkeypatch.setattr("minnet.compiled.steps.time", SimpleNamespace(perf_counter=lambda: next(now) * took))
    fit(make(compiled=True), *data(samples=300), 1, epochs=1)
    assert calls[: len(sizes)] == sizes


def test_calls_shrink_when_they_take_too_long(calls, monkeypatch):
    times = iter([0.0, 0.0] * 5 + [0.0, 9.0] * 100)
    monkeypatch.setattr("minnet.compiled.steps.time", SimpleNamespace(perf_counter=lambda: next(times)))
    fit(make(compiled=True), *data(samples=100), 1, epochs=1)
    assert calls[:8] == [1, 2, 4, 8, 16, 32, 16, 8]


@pytest.mark.parametrize("patience", [0.0, 60.0])
def test_compiling_says_so_if_it_takes_long(capsys, monkeypatch, patience):
    monkeypatch.setattr("minnet.compiled.PATIENCE", patience)
    original = CompiledSteps._train

    def slow(self, together, rows, total):
        time.sleep(0.2 * (len(rows) == 0))
        return original(self, together, rows, total)

    monkeypatch.setattr(CompiledSteps, "_train", slow)
    fit(make(compiled=True), *data(), epochs=1)
    assert capsys.readouterr().err.count("compiling the training step") == (patience == 0)


# --- several threads -----------------------------------------------------------------------------------------------


def test_which_thread_is_faster_decides_nothing(threads):
    trainers = [make(optimizer=OPTIMIZERS["Adam"], dtype=np.float32, compiled=True, threads=threads) for _ in range(5)]
    for trainer in trainers:
        fit(trainer, *data(np.float32), epochs=20)
    assert len({str(bits(trainer)) for trainer in trainers}) == 1


class FailsError(Exception):
    pass


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_thread_that_fails_ends_all(threads, failing, monkeypatch):
    """None is left waiting for it; and the error is the one that it raised."""
    if failing >= threads:
        pytest.skip("there are not so many threads")
    train = kernels.train

    def fails(part, parts, meeting, sums, gradients, weights, biases, layout, tables, *rest):
        if part == failing and trainer.step:
            raise FailsError
        return train(part, parts, meeting, sums, gradients, weights, biases, layout, tables, *rest)

    trainer = make(compiled=True, threads=threads)
    monkeypatch.setattr(kernels, "train", fails)
    with pytest.raises(FailsError):
        fit(trainer, *data())
    assert trainer.step == 1


def test_a_thread_that_cannot_be_started_ends_all(monkeypatch):
    pytest.importorskip("threadpoolctl", reason="the extra threads is not installed")
    submit = ThreadPoolExecutor.submit

    def fails(self, work, part):
        if part == 2:
            raise RuntimeError("can't start new thread")
        return submit(self, work, part)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", fails)
    with pytest.raises(RuntimeError, match="can't start"):
        fit(make(compiled=True, threads=3), *data())


SHARED = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import numpy as np, minnet as mn
rng = np.random.default_rng(0)
model = mn.Sequential(mn.Linear(12, 5, rng=0)).astype(np.float64)
options = {"compiled": True, "threads": 3}
trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), **options)
trainer.fit(mn.DataLoader(rng.normal(size=(100, 12)), rng.integers(0, 5, 100), 4, rng=0), steps=50_000)
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not say which processor to use")
def test_threads_that_share_a_processor():
    """Who waits gives it to others. Were it to hold on to it, each step would take a time slice."""
    pytest.importorskip("threadpoolctl", reason="the extra threads is not installed")
    subprocess.run([sys.executable, "-c", SHARED], capture_output=True, check=True, timeout=180)


# --- resuming, and Ctrl-C ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loader", [{"shuffle": True}, {"shuffle": "resampled"}], ids=str)
def test_a_run_that_is_resumed_ends_with_the_same_bits(tmp_path, loader, threads):
    class Killed(BaseException):
        pass

    class Kills(Callback):
        every_step = False

        def __init__(self, step):
            self.step = step

        def on_step_end(self, trainer):
            if trainer.step >= self.step:
                raise Killed

        def state_dict(self):
            return {}

    def run(folder, dies_at):
        trainer = make(optimizer=OPTIMIZERS["Adam"], compiled=True, threads=threads)
        kills = Kills(dies_at)
        checkpoint = mn.Checkpoint(tmp_path / folder, every=4)
        fit(trainer, *data(), loader=loader, epochs=6, checkpoint=checkpoint, every=5, callbacks=[kills])
        return trainer

    whole = run("whole", math.inf)
    for step in (13, 27, 41):
        with pytest.raises(Killed):
            run("cut", step)
    assert bits(run("cut", math.inf)) == bits(whole)


def test_checkpoints_are_written_when_they_are_due(tmp_path, monkeypatch):
    saved, save = [], mn.Checkpoint.save
    monkeypatch.setattr(
        mn.Checkpoint, "save", lambda self, parts, at: (saved.append(parts.state.step), save(self, parts, at))[1]
    )
    for i, trainer in enumerate(pair()):
        fit(trainer, *data(), 1, epochs=1, checkpoint=mn.Checkpoint(tmp_path / str(i), every=40))
    assert saved == 2 * [40, 80, 120, 130]


def test_a_checkpoint_of_the_ordinary_way_is_of_another_run(tmp_path):
    ordinary, compiled = pair()
    fit(ordinary, *data(), checkpoint=tmp_path)
    with pytest.raises(mn.errors.CheckpointError, match="compiled"):
        fit(compiled, *data(), epochs=3, checkpoint=tmp_path)


BITS = """
import hashlib, sys
import numpy as np, minnet as mn
rng = np.random.default_rng(0)
X, y = rng.normal(size=(300, 12)).astype(np.float32), rng.integers(0, 4, 300)
for layers in [[mn.Linear(12, 4, rng=0)]] * ("other" in sys.argv) + [
    [mn.Linear(12, 16, rng=0), mn.ReLU(), mn.Linear(16, 40, rng=1), mn.Tanh(), mn.Linear(40, 4, rng=2)]
]:
    model = mn.Sequential(*layers)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters()), compiled=True)
    trainer.fit(mn.DataLoader(X, y, 16, shuffle="resampled", rng=3), steps=90)
print(hashlib.sha256(b"".join(p.data.tobytes() for p in model.parameters())).hexdigest())
"""


def test_code_that_was_just_compiled_gives_the_bits_of_code_from_the_disk(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    said = [
        subprocess.run(
            [sys.executable, "-c", BITS, *arguments], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for arguments in ([], [], ["other"])
    ]
    assert len(set(said)) == 1


SCRIPT = """
import numpy as np, minnet as mn
rng = np.random.default_rng(0)
X, y = rng.normal(size=(1000, 12)).astype(np.float32), rng.integers(0, 5, 1000)
model = mn.Sequential(mn.Linear(12, 5, rng=0))
trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), compiled=True)

class Says(mn.callbacks.Callback):
    every_step = False

    def on_step_end(self, trainer):
        if trainer.step > 1000:
            print("ready", flush=True)

history = trainer.fit(mn.DataLoader(X, y, 1, shuffle=True, rng=0), epochs=10**9, callbacks=[Says()])
print("over", trainer.step == history[-1]["step"] > 1000, trainer.interrupted, flush=True)
"""


@pytest.mark.parametrize("epoch", [1, 2])
def test_ctrl_c_at_the_end_of_an_epoch(capsys, epoch, threads):
    class Presses(Callback):
        def on_row(self, trainer, row):
            if trainer.epoch == epoch:
                signal.raise_signal(signal.SIGINT)

    for trainer in pair(threads):
        fit(trainer, *data(), callbacks=[Presses()])
        assert trainer.interrupted
        assert trainer.step == 9 * epoch
        assert f"interrupted after step {9 * epoch}" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
def test_ctrl_c_ends_after_the_current_call():
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.splitlines()[-1] == "over True True"
    assert "interrupted after step" in err
