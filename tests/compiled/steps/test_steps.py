"""Compiled steps learn what the layers' methods learn, up to rounding, and leave to them what needs their checks."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from compiled_trainings import (
    CHAINS,
    CLASSES,
    DENSE,
    FEATURES,
    IN_ORDER,
    OPTIMIZERS,
    RESAMPLED,
    SAMPLES,
    bits,
    data,
    fit,
    learn_alike,
    make,
    pair,
    poisoned,
)

import minnet as mn
from minnet.callbacks import Callback, RunningScore
from minnet.errors import NonFiniteError

pytestmark = pytest.mark.slow


# --- they learn the same -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", CHAINS.values(), ids=list(CHAINS))
@pytest.mark.parametrize("batch_size", [1, 2, 6, 64, 1000])
def test_chains(calls, layers, batch_size, threads):
    X, y = data()
    compiled = learn_alike(
        lambda t: fit(t, X, y, batch_size, evaluate={"test": (X, y)}), layers=layers, threads=threads
    )
    assert sum(calls) == compiled.step


@pytest.mark.parametrize("layers", [DENSE, CHAINS["wide"], CHAINS["activated"]], ids=["few", "wide", "activated"])
@pytest.mark.parametrize("batch_size", [1, 32])
def test_probabilities(calls, layers, batch_size, threads):
    options = {"layers": [*layers, mn.Softmax], "loss": mn.CrossEntropyLoss, "threads": threads}
    compiled = learn_alike(lambda trainer: fit(trainer, *data(), batch_size), **options)
    np.testing.assert_allclose(compiled.prediction.sum(axis=1), 1, rtol=1e-12)
    assert sum(calls) == compiled.step


def test_a_loss_of_probabilities_is_limited_alike(calls):
    X, y = data()
    options = {"layers": [(mn.Linear, FEATURES, CLASSES), mn.Softmax], "loss": mn.CrossEntropyLoss}
    compiled = learn_alike(lambda trainer: fit(trainer, X * 1000, y, epochs=1), **options)
    assert compiled.history[-1]["loss"] > 100
    assert compiled.prediction.min() == np.finfo(np.float64).tiny
    assert sum(calls) == compiled.step


@pytest.mark.parametrize("last", [(), (mn.Sigmoid,)])
def test_mean_square_error(calls, last, threads):
    X, _ = data()
    targets = np.tanh(X @ np.random.default_rng(1).normal(size=(FEATURES, 3)))
    options = {"layers": [(mn.Linear, FEATURES, 8), mn.Tanh, (mn.Linear, 8, 3), *last], "loss": mn.MSELoss}
    compiled = learn_alike(lambda trainer: fit(trainer, X, targets, 32), threads=threads, **options)
    assert sum(calls) == compiled.step


@pytest.mark.filterwarnings("ignore:the optimizer does not hold layers.2..weight")  # in no group, on purpose
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=list(OPTIMIZERS))
@pytest.mark.parametrize("layers", [DENSE, CHAINS["wide"]], ids=["few", "wide"])
def test_optimizers(calls, optimizer, layers, threads):
    def train(trainer):
        fit(trainer, *data(), epochs=3)
        trainer.optimizer.lr *= 2
        fit(trainer, *data(), epochs=2)

    compiled = learn_alike(train, layers=layers, optimizer=optimizer, threads=threads)
    assert sum(calls) == compiled.step


def test_frozen_parameters_stay(threads):
    def train(trainer):
        first, *_ = trainer.model.parameters()
        before, first.trainable = first.data.copy(), False
        fit(trainer, *data())
        assert np.array_equal(first.data, before)
        first.trainable = True
        fit(trainer, *data())
        assert not np.array_equal(first.data, before)
        first.trainable = False
        fit(trainer, *data())

    learn_alike(train, layers=CHAINS["wide"], optimizer=OPTIMIZERS["AdamW"], threads=threads)


def test_a_velocity_that_begins_later():
    def train(trainer):
        first, *_ = trainer.model.parameters()
        for first.trainable in (False, True):
            fit(trainer, *data())

    learn_alike(train, optimizer=OPTIMIZERS["dampening"])


@pytest.mark.parametrize(
    ("optimizer", "names"),
    [
        (lambda p: mn.Adam(p, betas=(0.5, 0.5)), ("mean", "square")),
        (lambda p: mn.SGD(p, lr=0.01, momentum=0.5), ("velocity",)),
    ],
    ids=["Adam", "SGD"],
)
def test_subnormal_numbers_become_zero(optimizer, names):
    X, y = data(samples=300)
    X[:, 0] = np.arange(300) == 125  # a pixel that is seen once, 130 steps before subnormal numbers are set to zero
    trainer = make(optimizer=optimizer, dtype=np.float32, compiled=True)
    fit(trainer, X, y, 1, loader={"shuffle": False}, steps=255)
    for name in names:
        faded = np.abs(trainer.optimizer.state[name][0][0])
        assert np.any((faded > 0) & (faded < np.finfo(np.float32).tiny)), "there is a subnormal number"
    fit(trainer, X, y, 1, loader={"shuffle": False}, steps=1)
    for name in names:
        for array in trainer.optimizer.state[name]:
            assert np.all((array == 0) | (np.abs(array) >= np.finfo(np.float32).tiny))


def test_subnormal_squares_stay_beside_a_small_eps():
    X, y = data(samples=300)
    X[:, 0] = np.arange(300) == 125
    for eps in (1e-20, 1e-8):
        trainer = make(optimizer=partial(mn.Adam, betas=(0.5, 0.5), eps=eps), dtype=np.float32, compiled=True)
        fit(trainer, X, y, 1, loader={"shuffle": False}, steps=256)
        assert np.all(trainer.optimizer.state["mean"][0][0] == 0)
        assert np.any(trainer.optimizer.state["square"][0][0] > 0) == (eps == 1e-20)


# --- data ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loader", [{"shuffle": True}, {"shuffle": False}, RESAMPLED, {"shuffle": True, "drop_last": True}], ids=str
)
@pytest.mark.parametrize("every", [None, 1, 3])
def test_loaders(calls, loader, every, threads):
    def train(trainer):
        X, y = data()
        fit(trainer, X, y, loader=loader, steps=31, every=every)
        fit(trainer, X, y, loader=loader, steps=2 * len(mn.DataLoader(X, y, 16, drop_last="drop_last" in loader)))
        fit(trainer, X, y, loader=loader, epochs=1, every=every)

    compiled = learn_alike(train, threads=threads)
    assert sum(calls) == compiled.step


@pytest.mark.parametrize("labels", [np.uint8, np.int32, np.uint64])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_dtypes(calls, dtype, labels, threads):
    compiled = learn_alike(lambda t: fit(t, *data(dtype, labels)), 1e-4, dtype=np.float32, threads=threads)
    assert sum(calls) == compiled.step


def test_bytes_in_float64(calls):
    compiled = learn_alike(lambda trainer: fit(trainer, *data(np.uint8)))
    assert sum(calls) == compiled.step


def test_read_only_data_and_images(calls, tmp_path):
    X, y = data()
    np.save(tmp_path / "X.npy", X.reshape(SAMPLES, 3, 2, 2))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    compiled = learn_alike(lambda trainer: fit(trainer, X, y), layers=CHAINS["flat"])
    assert sum(calls) == compiled.step


# --- results do not depend on how many steps a call does -------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 16])
def test_the_same_bits_step_by_step(calls, batch_size, threads):
    class Looks(Callback):
        steps = 0

        def on_step_end(self, trainer):
            self.steps += 1
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
    def train(trainer):
        schedule = mn.callbacks.LearningRate(mn.schedules.CosineAnnealingLR(40), "step")
        trainer.averaged = mn.callbacks.EMA(0.9)
        fit(trainer, *data(), steps=40, every=7, callbacks=[schedule, trainer.averaged])

    learn_alike(train, optimizer=OPTIMIZERS["momentum"])


def test_the_running_score_counts_every_prediction(calls):
    learn_alike(lambda trainer: fit(trainer, *data(), 1, steps=300, every=100, callbacks=[RunningScore(0.9)]))
    assert len(calls) < 60


# --- what needs checks is left to the layers' methods ----------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200])
def test_nan_and_infinity_are_found_and_explained(value, threads):
    X, y = poisoned((50, 3), value)
    said = []
    for trainer in pair(threads):
        with pytest.raises(NonFiniteError) as caught:
            fit(trainer, X, y, loader=IN_ORDER)
        said.append((str(caught.value), trainer.step))
    assert said[0] == said[1]
    assert said[0][1] == 3  # of 16 samples each
    assert "rows 48 to 63" in said[0][0]


def test_bad_steps_are_skipped_alike(calls, threads):
    X, y = poisoned((50, 3), np.nan)

    def train(trainer):
        for loader in ({"shuffle": True, "check": False}, RESAMPLED | {"check": False}):
            fit(trainer, X, y, loader=loader, steps=40, every=10)

    compiled = learn_alike(train, threads=threads, nonfinite="skip", optimizer=OPTIMIZERS["momentum"])
    skipped = sum(row["skipped"] for row in compiled.history)
    assert skipped >= 5
    assert sum(calls) == 80 - skipped


def test_ignored_numbers_go_on_alike():
    X, y = poisoned((50, 3), 1e200)
    with np.errstate(all="ignore"):
        learn_alike(lambda trainer: fit(trainer, X, y, loader=IN_ORDER, every=1), nonfinite="ignore")


def test_the_first_velocity_after_a_bad_first_step():
    X, y = poisoned(0, np.nan)
    options = {"nonfinite": "skip", "optimizer": OPTIMIZERS["dampening"]}
    learn_alike(lambda trainer: fit(trainer, X, y, loader=IN_ORDER), **options)


def test_a_label_out_of_range_is_named(threads):
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
    learn_alike(lambda t: fit(t, *data()), optimizer=lambda p: mn.SGD(p, lr=2.0, weight_decay=0.9))  # lr · λ > 1
    assert sum(calls) == 0


@pytest.mark.parametrize("optimizer", [None, OPTIMIZERS["momentum"]], ids=["SGD", "momentum"])
@pytest.mark.parametrize("layers", [DENSE, CHAINS["without bias"]], ids=["bias", "no bias"])  # which has no state
def test_another_dtype_in_between(calls, layers, optimizer):
    def train(trainer):
        fit(trainer, *data())
        trainer.model.astype(np.float32)
        fit(trainer, *data())

    learn_alike(train, 1e-4, layers=layers, optimizer=optimizer)
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
    fit(trainer, X, y, len(X), steps=1, loader=IN_ORDER)
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
        fit(make(compiled=True), X, y, 1, loader=IN_ORDER, callbacks=[Looks()])
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


@pytest.mark.filterwarnings("ignore:the optimizer does not hold")  # the weight that a callback puts in
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

    def train(trainer):
        trainer.loader = mn.DataLoader(*data(), 16, shuffle=True, rng=1)
        trainer.fit(trainer.loader, epochs=3, callbacks=[Changes()], progress=False)

    learn_alike(train, optimizer=OPTIMIZERS["momentum"])


def test_a_group_of_its_own_in_the_middle():
    class Moves(Callback):
        def on_epoch_end(self, trainer):
            first, second = trainer.optimizer.param_groups
            if trainer.epoch == 1:
                second["params"].insert(0, first["params"].pop())

    def groups(parameters):
        parameters = list(parameters)
        return mn.SGD([{"params": parameters[:2]}, {"params": parameters[2:], "lr": 0.01}], lr=0.1)

    learn_alike(lambda trainer: fit(trainer, *data(), epochs=3, callbacks=[Moves()]), optimizer=groups)


def test_a_subclass_that_looks_at_every_step():
    class Stops(RunningScore):
        def on_step_end(self, trainer):
            super().on_step_end(trainer)
            if trainer.step == 10:
                trainer.stop()

    for trainer in pair():
        fit(trainer, *data(), 1, callbacks=[Stops()])
        assert trainer.step == 10


def test_weights_that_cannot_be_written_are_left_to_the_layers(threads):
    def train(trainer):
        weight = trainer.model.layers[2].weight
        weight.trainable = weight.data.flags.writeable = False
        fit(trainer, *data())

    learn_alike(train, layers=CHAINS["wide"], threads=threads)


def test_broken_off_calls_do_not_draw_many_batches_again():
    class Counts(np.random.Generator):
        drawn = 0

        def choice(self, *arguments, **options):
            Counts.drawn += 1
            return super().choice(*arguments, **options)

    X, y = data()
    X[::3] = np.nan
    rng = Counts(np.random.PCG64(1))
    trainer = make(nonfinite="skip", compiled=True)
    fit(trainer, X, y, 1, rng, RESAMPLED | {"check": False}, steps=1000)
    assert 1000 <= Counts.drawn < 6 * 1000


# --- how long a call takes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("took", "sizes"), [(0.0, [1, 16, 256, 27]), (0.03, [1] * 8), (9.0, [1] * 8)])
def test_calls_grow_until_they_take_long_enough(calls, monkeypatch, took, sizes):
    now = iter(range(10**6))
    monkeypatch.setattr("minnet.compiled.steps.steps.time", SimpleNamespace(perf_counter=lambda: next(now) * took))
    fit(make(compiled=True), *data(samples=300), 1, epochs=1)
    assert calls[: len(sizes)] == sizes


def test_calls_shrink_when_they_take_too_long(calls, monkeypatch):
    times = iter([0.0, 0.0] * 2 + [0.0, 9.0] * 100)
    monkeypatch.setattr("minnet.compiled.steps.steps.time", SimpleNamespace(perf_counter=lambda: next(times)))
    fit(make(compiled=True), *data(samples=600), 1, epochs=1)
    assert calls[:8] == [1, 16, 256, 128, 64, 32, 16, 8]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("nonfinite", ["stop", "skip"])
def test_infinity_times_zero_in_a_layer_before_the_last_is_found(nonfinite, threads):
    # Tanh of infinity is 1, so the loss is finite, and its slope 0.
    rows = np.random.default_rng(0).normal(size=(64, 4))
    rows[0, 0] = 1e300  # infinite in float32
    model = mn.Sequential(mn.Linear(4, 8, rng=1), mn.Tanh(), mn.Linear(8, 3, rng=2))
    parts = model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1)
    trainer = mn.Trainer(*parts, nonfinite=nonfinite, compiled=True, threads=threads)
    loader = mn.DataLoader(rows, np.arange(64) % 3, 1, shuffle=False)
    if nonfinite == "stop":
        with pytest.raises(mn.errors.NonFiniteError, match="in step 1 of epoch 1: the gradient of"):
            trainer.fit(loader, epochs=1, progress=False)
    else:
        assert trainer.fit(loader, epochs=2, progress=False).column("skipped") == [1, 1]
    assert np.isfinite(model.layers[0].weight.data).all()


@pytest.mark.parametrize("what", ["sample_weight", "loss", "update"])
def test_what_a_callback_sets_between_epochs_holds(what):
    class Setting(Callback):
        def on_epoch_end(self, trainer):
            if what == "sample_weight":
                loader.sample_weight = np.linspace(0.1, 2, len(y))
            elif what == "loss":
                loss = trainer.loss
                loss.backward = lambda: 2 * type(loss).backward(loss)
            else:
                trainer.update = lambda: None

    (X, y), results = data(), []
    for compiled in (False, True):
        loader = mn.DataLoader(X, y, 16, rng=0)
        trainer = make(compiled=compiled)
        trainer.fit(loader, epochs=3, callbacks=[Setting()], progress=False)
        results.append(trainer.model.parameters()[0].data)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4, atol=1e-6)
