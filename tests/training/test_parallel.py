import collections
import random
import sys
import threading

import numpy as np
import pytest
import threadpoolctl
from configured import Scaled

import minnet as mn
from minnet.training.cutting import Cutting
from minnet.training.parallel import ParallelSteps


@pytest.fixture(autouse=True)
def cut_small_batches(monkeypatch):
    """Cut the batches of these small models, for which it would not pay."""
    monkeypatch.setattr(Cutting, "pays", lambda *_: True)


def data(samples=48, classes=3):
    rng = np.random.default_rng(0)
    return rng.normal(size=(samples, 5)).astype(np.float32), rng.integers(0, classes, samples)


def trained(threads, accumulate=1, layers=(), samples=48, batch_size=16, steps=7, dtype=np.float64):
    X, y = data(samples)
    model = mn.Sequential(mn.Linear(5, 8, rng=0), *(make() for make in layers), mn.Linear(8, 3, rng=1)).astype(dtype)
    optimizer = mn.SGD(model.parameters(), lr=0.1, momentum=0.9)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer, threads=threads, accumulate=accumulate)
    trainer.fit(mn.DataLoader(X, y, batch_size, shuffle=True, rng=0), steps=steps, progress=False)
    return trainer


def weights(trainer):
    return np.concatenate([parameter.data.ravel() for parameter in trainer.model.parameters()])


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("batch_size", [16, 7, 1])  # parts of equal size, of unequal ones, fewer than members
def test_threads_learn_what_one_learns(threads, accumulate, batch_size):
    alone = trained(1, layers=[mn.Tanh], batch_size=batch_size)
    team = trained(threads, accumulate, layers=[mn.Tanh], batch_size=batch_size)
    np.testing.assert_allclose(weights(team), weights(alone), rtol=0, atol=1e-12)
    assert team.history.column("loss") == pytest.approx(alone.history.column("loss"), abs=1e-12)
    np.testing.assert_allclose(team.prediction, alone.prediction, atol=1e-12)


class Masked(mn.Loss):
    """The mean square error over what is not NaN in the target; NaN if all is."""

    def forward(self, prediction, target):
        self.known = ~np.isnan(target)
        self.cache = np.where(self.known, prediction - np.nan_to_num(target), 0)
        return float((self.cache**2).sum() / self.known.sum())

    def backward(self):
        return 2 * self.cache / self.known.sum(dtype=self.cache.dtype)

    def total_weight(self, target):
        return np.sum(~np.isnan(target))  # of another class than float


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threads", [1, 2])
def test_parts_count_by_the_total_weight_of_a_loss_of_ones_own(threads, dtype):
    X = data(8)[0].astype(dtype)
    y = np.full((8, 2), np.nan, dtype)
    y[0], y[3], y[7, 0] = 1, 2, 3  # a part of two has no weight

    class Look(mn.callbacks.Callback):
        def on_gradients(self, trainer):
            (self.gradient,) = [p.read_grad().copy() for p in trainer.model.parameters()]

    def learned(**options):
        model, look = mn.Linear(5, 2, bias=False, rng=0).astype(dtype), Look()
        trainer = mn.Trainer(model, Masked(), mn.SGD(model.parameters(), lr=0.1), **options)
        trainer.fit([(X, y)], steps=1, callbacks=[look], progress=False)
        return look.gradient, trainer.history[0]["loss"]

    gradient, value = learned()
    cut, again = learned(accumulate=4, threads=threads)
    assert cut.dtype == dtype
    np.testing.assert_allclose(cut, gradient, rtol=0, atol=1e-6 if dtype == np.float32 else 1e-14)
    assert again == pytest.approx(value, rel=1e-6 if dtype == np.float32 else 1e-14)


@pytest.mark.parametrize("how", [{"accumulate": 3}, {"threads": 2}, {"threads": 2, "accumulate": 2}])
def test_what_the_loss_learns_is_learned_alike(how):
    """The gradient was a sum over parts, and without those of the other threads."""
    ends = []
    for options in ({}, how):
        model, loss = mn.Sequential(mn.Linear(5, 2, rng=0)).astype(np.float64), Scaled()
        optimizer = mn.SGD([*model.parameters(), *loss.parameters()], lr=0.1)
        trainer = mn.Trainer(model, loss, optimizer, **options)
        trainer.fit(mn.DataLoader(data(7)[0], np.ones((7, 2)), 7), steps=3, progress=False)
        ends.append([*weights(trainer), *loss.t.data])
    np.testing.assert_allclose(*ends, rtol=0, atol=1e-14)


class Times(mn.Layer):
    def __init__(self, factor):
        self.factor = factor

    def forward(self, x):
        return x * self.factor

    def backward(self, dy):
        return dy * self.factor


class Sets(mn.callbacks.Callback):
    def __init__(self, change, moment):
        setattr(self, moment, lambda trainer: change(trainer) if trainer.step in (0, 2) else None)


def set_option(trainer):
    trainer.model.layers[1].factor = 3.0 + trainer.step


def set_weights(trainer):
    trainer.loss.weight = np.array([1.0, 5.0, 0.5])


def set_loss(trainer):
    trainer.loss = mn.SoftmaxCrossEntropyLoss(label_smoothing=0.3)


def set_layer(trainer):
    trainer.model.layers = [*trainer.model.layers[:2], mn.Linear(8, 3, rng=5).astype(np.float64)]
    trainer.optimizer = mn.SGD(trainer.model.parameters(), lr=0.1)


def set_parameter(trainer):
    trainer.model.layers[0].bias = mn.Parameter(np.arange(8) / 8, np.float64)
    trainer.optimizer = mn.SGD(trainer.model.parameters(), lr=0.1)


@pytest.mark.parametrize("how", [{"accumulate": 3}, {"threads": 2}])
@pytest.mark.parametrize("moment", ["on_fit_start", "on_step_end"])
@pytest.mark.parametrize("change", [set_option, set_weights, set_loss, set_layer, set_parameter])
def test_what_a_callback_sets_holds_for_every_part(change, moment, how):
    """The copies, and with `accumulate` the loss, stayed those from before the fit."""
    ends = []
    for options in ({}, how):
        model = mn.Sequential(mn.Linear(5, 8, rng=0), Times(1.0), mn.Linear(8, 3, rng=1)).astype(np.float64)
        trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), **options)
        loader = mn.DataLoader(*data(), 16)
        trainer.fit(loader, steps=5, callbacks=[Sets(change, moment)], progress=False)
        ends.append(weights(trainer))
    np.testing.assert_allclose(*ends, rtol=0, atol=1e-14)


class Anneals(mn.callbacks.Callback):
    """Lowers the share that Dropout drops after each step."""

    def on_step_end(self, trainer):
        trainer.model.layers[1].p = 0.9 * trainer.model.layers[1].p


class Dies(mn.callbacks.Callback):
    at = None

    def on_step_end(self, trainer):
        if trainer.step == self.at:
            raise SystemExit


def test_what_a_callback_has_set_is_in_the_copies_of_a_checkpoint(tmp_path, monkeypatch):
    def run(**options):
        model = mn.Sequential(mn.Linear(5, 8, rng=0), mn.Dropout(0.5, rng=3), mn.Linear(8, 3, rng=1))
        optimizer = mn.SGD(model.parameters(), lr=0.1)
        trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer, threads=2)
        loader = mn.DataLoader(*data(), 16, shuffle=True, rng=0)
        trainer.fit(loader, steps=9, callbacks=[Anneals(), Dies()], progress=False, **options)
        return weights(trainer)

    whole = run()
    monkeypatch.setattr(Dies, "at", 5)
    with pytest.raises(SystemExit):
        run(checkpoint=mn.Checkpoint(tmp_path, every=2))
    monkeypatch.setattr(Dies, "at", None)
    np.testing.assert_array_equal(run(checkpoint=mn.Checkpoint(tmp_path, every=2)), whole)


def test_a_generator_that_is_set_on_a_layer_is_spawned():
    model, loss, (x, y) = mn.Sequential(mn.Dropout(0.5, rng=0)), mn.MSELoss(), (np.ones((8, 50)), np.ones((8, 50)))
    with ParallelSteps(model, loss, threads=2, parts=1) as team:
        team.learn(model, loss, x, y)
        model.layers[0].rng = np.random.default_rng(1)
        _, prediction = team.learn(model, loss, x, y)
    assert not np.array_equal(prediction[:4], prediction[4:])


def test_a_batch_of_which_nothing_counts_changes_nothing():
    X, _ = data(8)
    model = mn.Linear(5, 3, rng=0)
    before = model.weight.data.copy()
    loss = mn.SoftmaxCrossEntropyLoss(ignore_index=-1)
    trainer = mn.Trainer(model, loss, mn.SGD(model.parameters(), lr=0.1), accumulate=3, metrics={})
    trainer.fit([(X, np.full(8, -1))], steps=1, progress=False)
    assert trainer.history[0]["loss"] == 0
    assert np.array_equal(model.weight.data, before)


@pytest.mark.parametrize("target", [np.zeros((2, 3)), np.zeros(()), (np.zeros((8, 3)), np.zeros(7)), None])
def test_a_target_that_cannot_be_cut(target):
    model = mn.Linear(5, 3, rng=0)
    trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), lr=0.1), accumulate=2)
    with pytest.raises(ValueError, match=r"cut a batch along the first axis, so they expected an array of 8 .*, got"):
        trainer.fit([(data(8)[0], target)], steps=1, progress=False)


def test_the_result_does_not_depend_on_which_thread_is_faster():
    layers = [lambda: mn.BatchNorm1d(8), lambda: mn.Dropout(0.5, rng=3)]
    runs = [trained(2, layers=layers, dtype=np.float32) for _ in range(3)]
    assert all(np.array_equal(weights(run), weights(runs[0])) for run in runs)


def test_copies_share_the_weights_and_nothing_else():
    model = mn.Sequential(mn.Linear(5, 8, rng=0), mn.BatchNorm1d(8))
    team = ParallelSteps(model, mn.MSELoss(), threads=2, parts=1)
    (first, _), (second, _) = team._copies
    assert first is model
    for p, q in zip(first.parameters(), second.parameters(), strict=True):
        assert q.data is p.data
        assert q is not p
        assert not np.shares_memory(q.grad, p.grad)
    assert len(list(first.named_buffers())) == 3
    for (_, p), (_, q) in zip(first.named_buffers(), second.named_buffers(), strict=True):
        assert not np.shares_memory(q.data, p.data)


def test_dropout_differs_between_copies():
    model = mn.Sequential(mn.Linear(5, 8, rng=0), mn.Dropout(0.5, rng=0))
    loss = mn.MSELoss()
    with ParallelSteps(model, loss, threads=2, parts=1) as team:
        x = np.repeat(data(4)[0][:1], 8, axis=0)
        _, prediction = team.learn(model, loss, x, np.zeros((8, 8), np.float32))
    assert not np.array_equal(prediction[:4] == 0, prediction[4:] == 0)


def test_a_model_that_was_in_eval_mode_is_trained_in_every_thread():
    X, y = data()
    trained = []
    for mode in ("train", "eval"):
        model = mn.Sequential(mn.Linear(5, 8, rng=0), mn.BatchNorm1d(8), mn.Dropout(0.5, rng=0), mn.Linear(8, 3, rng=1))
        getattr(model, mode)()
        trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), threads=2)
        trainer.fit(mn.DataLoader(X, y, 16), epochs=1, progress=False)
        trained.append(weights(trainer))
    np.testing.assert_array_equal(*trained)


def test_layers_that_share_a_generator_share_one_in_the_copy_too():
    rng = np.random.default_rng(0)
    model = mn.Sequential(mn.Linear(5, 8, rng=0), mn.Dropout(0.5, rng=rng), mn.Dropout(0.5, rng=rng))
    copied = ParallelSteps(model, mn.MSELoss(), threads=2, parts=1)._copies[1][0]
    assert copied.layers[1].rng is copied.layers[2].rng
    assert copied.layers[1].rng is not rng


class Noise(mn.Layer):
    def __init__(self, held):
        self.held = held

    def forward(self, x):
        self.drawn = self.held[0]["rng"].random()
        return x

    def backward(self, dy):
        return dy


class NoisyLoss(mn.MSELoss):
    def __init__(self, held):
        super().__init__()
        self.held = held


def test_generators_are_spawned_wherever_they_are():
    """In a list, or in the loss, both threads drew the same numbers, in silence."""
    rng = np.random.default_rng(0)
    team = ParallelSteps(Noise([{"rng": rng}]), NoisyLoss(collections.deque([rng])), threads=3, parts=1)
    held = [(model.held[0]["rng"], loss.held[0]) for model, loss in team._copies]
    assert all(of_model is of_loss for of_model, of_loss in held)
    assert len({of_model.random() for of_model, _ in held}) == 3


@pytest.mark.parametrize("kind", [random.Random, np.random.RandomState])
def test_random_numbers_that_cannot_be_spawned_are_refused(kind):
    message = f"holds a {kind.__name__}, of which every thread would draw the same: use a Generator"
    with pytest.raises(ValueError, match=message):
        ParallelSteps(Noise([{"rng": kind(0)}]), mn.MSELoss(), threads=2, parts=1)
    ParallelSteps(Noise([{"rng": kind(0)}]), mn.MSELoss(), threads=1, parts=2)


@pytest.mark.parametrize("method", ["forward", "backward"])
@pytest.mark.parametrize("of_loss", [False, True])
def test_a_method_that_was_set_on_one_object_is_refused(method, of_loss):
    """The copy called the method of the original, which added to the gradients of that."""
    model, loss = mn.Sequential(mn.Linear(5, 2, rng=0)), mn.MSELoss()
    owner = loss if of_loss else model.layers[0]
    setattr(owner, method, getattr(owner, method))
    where = r"MSELoss\(\)" if of_loss else r"layers\[0\], Linear\(5, 2\)"
    with pytest.raises(ValueError, match=f"which the {method} that was set on {where} does not belong to: define it"):
        ParallelSteps(model, loss, threads=2, parts=1)


def test_running_statistics_are_the_mean_of_the_copies():
    x, y = data(8)[0].astype(np.float64), np.zeros((8, 5))
    model, loss = mn.Sequential(mn.BatchNorm1d(5)).astype(np.float64), mn.MSELoss()
    halves = []
    for half in (x[:4], x[4:]):
        alone = mn.BatchNorm1d(5).astype(np.float64)
        alone.forward(half)
        halves.append([b.data.copy() for _, b in alone.named_buffers()])
    with ParallelSteps(model, loss, threads=2, parts=1) as team:
        team.learn(model, loss, x, y)
        for (_, r), a, b in zip(model.named_buffers(), *halves, strict=True):
            np.testing.assert_allclose(r.data, (a + b) / 2, atol=1e-12)


@pytest.mark.parametrize("writeable", [True, False])
def test_a_frozen_weight_does_not_move(writeable):
    X, y = data()
    model = mn.Sequential(mn.Linear(5, 8, rng=0), mn.Linear(8, 3, rng=1))
    model.layers[0].weight.trainable = False
    model.layers[0].weight.data.flags.writeable = writeable
    before = model.layers[0].weight.data.copy()
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), threads=3)
    trainer.fit(mn.DataLoader(X, y, 16), epochs=2, progress=False)
    assert np.array_equal(model.layers[0].weight.data, before)


def test_an_error_in_any_thread_ends_the_run_and_says_where():
    class Picky(mn.Layer):
        def forward(self, x):
            if threading.current_thread() is not threading.main_thread():
                raise ValueError("not here")
            return x

        def backward(self, dy):
            return dy

    with pytest.raises(ValueError, match="not here") as caught:
        trained(2, layers=[Picky])
    assert any("in Sequential.layers[1] = Picky()" in note for note in caught.value.__notes__)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("minnet")]


def test_errstate_holds_in_every_thread():
    class Overflow(mn.Layer):
        def forward(self, x):
            np.float32([3e38]) * np.float32(10)
            return x

        def backward(self, dy):
            return dy

    with np.errstate(over="ignore"):
        trained(2, layers=[Overflow])


def test_blas_has_one_thread_during_a_run_and_its_own_number_after():
    def numbers():
        return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]

    seen = []

    class Look(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            seen.append(numbers())

    before = numbers()
    X, y = data()
    model = mn.Linear(5, 3, rng=0)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), threads=2)
    trainer.fit(mn.DataLoader(X, y, 16), steps=1, callbacks=[Look()], progress=False)
    assert seen == [[1] * len(before)]
    assert numbers() == before


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_who_waits_for_others_is_told_when_one_fails(failing):
    told = threading.Event()

    def work(member):
        if member == failing:
            raise ZeroDivisionError
        assert told.wait(60)

    with ParallelSteps(mn.Linear(2, 2), mn.MSELoss(), threads=3, parts=1) as team, pytest.raises(ZeroDivisionError):
        team.together(work, told.set)


def test_without_threadpoolctl_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.raises(mn.errors.MissingExtraError, match=r'threadpoolctl is not installed: .* extra "threads"'):
        trained(2)
    trained(1, accumulate=2)  # which does not need it


@pytest.mark.parametrize(
    ("threads", "error", "message"),
    [
        (0, ValueError, "Trainer needs threads >= 1, got 0"),
        (2.0, TypeError, r"Trainer expected threads to be an int, got float 2.0: pass .* threads=int\(2.0\)"),
        ("2", TypeError, r"got str '2': pass .* threads=int\('2'\)"),
    ],
)
def test_threads_must_be_at_least_one(threads, error, message):
    model = mn.Linear(5, 3)
    with pytest.raises(error, match=message):
        mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), threads=threads)


def test_a_batch_that_is_not_worth_it_is_learned_whole_with_the_threads_of_blas(monkeypatch):
    monkeypatch.setattr(Cutting, "pays", lambda self, x, samples, threads: samples > 8)
    limited = []

    class Look(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            limited.append(trainer.prediction.shape[0] > 8)
            seen.append([pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"])

    seen = []
    before = [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    X, y = data(40)
    model = mn.Sequential(mn.Linear(5, 8, rng=0), mn.BatchNorm1d(8), mn.Linear(8, 3, rng=1))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), threads=2)
    trainer.fit(mn.DataLoader(X, y, 16), epochs=2, callbacks=[Look()], progress=False)
    assert limited == [True, True, False] * 2
    assert seen == [[1] * len(before), [1] * len(before), before] * 2


def test_a_batch_that_is_learned_whole_is_learned_as_by_one_thread(monkeypatch):
    monkeypatch.setattr(Cutting, "pays", lambda *_: False)
    layers = [lambda: mn.BatchNorm1d(8), lambda: mn.Dropout(0.5, rng=0)]  # which see whether a batch is cut
    for accumulate in (1, 2):
        alone, team = (trained(threads, accumulate, layers=layers) for threads in (1, 2))
        assert np.array_equal(weights(team), weights(alone))
