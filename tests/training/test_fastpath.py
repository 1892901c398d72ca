"""The fast path gives the same bits as `Trainer.train_step`, and stays away from what it does not know."""

import functools
import math
import threading
import unittest.mock

import numpy as np
import pytest

import minnet as mn
from minnet.errors import NonFiniteError
from minnet.losses.labels import LabelLoss
from minnet.training import fastpath


@pytest.fixture
def steps(monkeypatch):
    """Return a list that gets an entry for each step that goes the fast way."""
    seen, original = [], fastpath.Chain.step

    def step(chain, trainer, x, y):
        seen.append(len(x))
        return original(chain, trainer, x, y)

    monkeypatch.setattr(fastpath.Chain, "step", step)
    return seen


def data(features=6, classes=4, samples=130, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(samples, features)).astype(dtype), rng.integers(0, classes, samples)


def make(*hidden, composed=False, features=6, classes=4, dtype=np.float32, optimizer=mn.SGD, lr=0.1, **options):
    """Return a trainer of Linear layers with what is given between them."""
    layers, width = [], features
    for activation in hidden:
        layers += [mn.Linear(width, 5, rng=len(layers)), *(made() for made in np.atleast_1d(activation))]
        width = 5
    layers += [mn.Linear(width, classes, rng=99), *([mn.Softmax()] if composed else [])]
    model = mn.Sequential(*layers).astype(dtype)
    loss = mn.CrossEntropyLoss() if composed else mn.SoftmaxCrossEntropyLoss()
    return mn.Trainer(model, loss, optimizer(model.parameters(), lr=lr), **options)


def slow(trainer):
    """Let a trainer go the five lines' way."""
    trainer.train_step = lambda x, y: mn.Trainer.train_step(trainer, x, y)
    return trainer


def bits(trainer):
    """Return all that a run leaves behind."""
    rows = [{name: repr(value) for name, value in row.items() if name != "seconds"} for row in trainer.history]
    parameters = trainer.model.parameters()
    return (
        [p.data.tobytes() for p in parameters],
        [p.read_grad().tobytes() for p in parameters],
        trainer.prediction.tobytes(),
        repr(trainer.last_loss),  # which may be NaN
        rows,
    )


def assert_same(fast, by_hand, X, y, batch_size, **options):
    for trainer in (fast, slow(by_hand)):
        loader = mn.DataLoader(X, y, batch_size, shuffle=True, rng=1)
        trainer.fit(loader, **({"epochs": 2} | options))
    assert bits(fast) == bits(by_hand)


# --- the same bits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("composed", [False, True])
@pytest.mark.parametrize("hidden", [(), (mn.ReLU,), (mn.Tanh, mn.Sigmoid), (mn.Sigmoid, mn.ReLU)])
@pytest.mark.parametrize("batch_size", [1, 2, 7, 64, 65, 128])
def test_batches_of_any_size(steps, hidden, composed, batch_size):
    X, y = data()
    assert_same(make(*hidden, composed=composed), make(*hidden, composed=composed), X, y, batch_size)
    sizes = 2 * [len(y[i : i + batch_size]) for i in range(0, len(y), batch_size)]
    assert steps == [size for i, size in enumerate(sizes) if size in sizes[:i]]  # the first of each size asks


@pytest.mark.parametrize("classes", [1, 2, 10, 32, 33, 40])
@pytest.mark.parametrize("batch_size", [1, 13])
@pytest.mark.parametrize("composed", [False, True])
def test_any_number_of_classes(steps, classes, batch_size, composed):
    X, y = data(classes=classes)
    assert_same(*(make(classes=classes, composed=composed) for _ in range(2)), X, y, batch_size)
    assert len(steps) == 2 * (130 // batch_size) - 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("labels", [np.uint8, np.int32, np.int64, np.uint64])
def test_dtypes(steps, dtype, labels):
    X, y = data(dtype=dtype)
    assert_same(make(mn.ReLU, dtype=dtype), make(mn.ReLU, dtype=dtype), X, y.astype(labels), 16)
    assert steps


@pytest.mark.parametrize("optimizer", [mn.SGD, mn.Adam, mn.RMSprop, mn.Lion])
def test_optimizers(steps, optimizer):
    X, y = data()
    assert_same(*(make(mn.ReLU, optimizer=optimizer, lr=0.01) for _ in range(2)), X, y, 16)
    assert steps


def test_without_biases_and_with_a_layer_below_the_first_that_learns(steps):
    X, y = data()

    def trainer():
        model = mn.Sequential(mn.Tanh(), mn.Linear(6, 5, bias=False, rng=0), mn.ReLU(), mn.Linear(5, 4, False, rng=1))
        return mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))

    assert_same(trainer(), trainer(), X, y, 16)
    assert steps


def test_bytes_callbacks_and_evaluations(steps):
    X, y = data(samples=100)
    X = np.random.default_rng(2).integers(0, 256, X.shape, np.uint8)

    def options():
        callbacks = [mn.callbacks.RunningScore(), mn.callbacks.ClipGradNorm(0.1), mn.callbacks.MaxNorm(1.0)]
        return {"evaluate": {"test": (X, y)}, "every": 5, "callbacks": callbacks}

    fast, by_hand = make(mn.ReLU), make(mn.ReLU)
    for trainer in (fast, slow(by_hand)):
        trainer.fit(mn.DataLoader(X, y, 16, shuffle=True, rng=1), steps=30, **options())
    assert bits(fast) == bits(by_hand)
    assert len(steps) == 28  # batches of 16, and of 4


def test_afterwards_backward_works_as_after_the_five_lines(steps):
    X, y = data()
    fast, by_hand = make(mn.ReLU), make(mn.ReLU)
    assert_same(fast, by_hand, X, y, 16)
    for trainer in (fast, by_hand):
        trainer.optimizer.zero_grad()
        trainer.model.backward(trainer.loss.backward())
    assert bits(fast) == bits(by_hand)
    assert steps


def drop():
    return mn.Dropout(0.5, rng=0)


def norm():
    return mn.BatchNorm1d(5)


@pytest.mark.parametrize("between", [mn.LeakyReLU, mn.ELU, mn.SELU, mn.GELU, mn.SiLU, mn.Flatten, drop, norm])
@pytest.mark.parametrize("batch_size", [2, 65])
def test_other_layers_between(steps, between, batch_size):
    X, y = data()
    fast, by_hand = (make([mn.ReLU, between], [between]) for _ in range(2))
    assert_same(fast, by_hand, X, y, batch_size)
    assert len(steps) == 2 * len(X) / batch_size - 1


def test_layer_norm_between(steps):
    X, y = data()
    assert_same(*(make(lambda: mn.LayerNorm(5)) for _ in range(2)), X, y, 13)
    assert steps


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch_size", [1, 16, 130])
def test_regression(steps, dtype, batch_size):
    X, _ = data(dtype=dtype)
    Y = np.stack([X[:, 0] * X[:, 1], X[:, 2]], axis=1).astype(np.float64)

    def trainer():
        model = mn.Sequential(mn.Linear(6, 5, rng=0), mn.Tanh(), mn.Linear(5, 2, rng=1)).astype(dtype)
        return mn.Trainer(model, mn.MSELoss(), mn.Adam(model.parameters()))

    assert_same(trainer(), trainer(), X, Y, batch_size)
    assert len(steps) == {1: 259, 16: 16, 130: 1}[batch_size]  # all but the first of each size


def test_images_that_are_flattened_first(steps):
    X, y = data()

    def trainer():
        model = mn.Sequential(mn.Flatten(), mn.Linear(6, 5, rng=0), mn.ReLU(), mn.Linear(5, 4, rng=1))
        return mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))

    assert_same(trainer(), trainer(), X.reshape(130, 2, 3), y, 13)
    assert len(steps) == 19


def test_a_transform_of_minnet(steps):
    X, y = np.random.default_rng(0).random((100, 784), np.float32), np.arange(100) % 4
    fast, by_hand = make(features=784), make(features=784)
    for trainer in (fast, slow(by_hand)):
        trainer.fit(mn.DataLoader(X, y, 20, transform=mn.data.augment.Shift(1), rng=0), epochs=2)
    assert bits(fast) == bits(by_hand)
    assert len(steps) == 9


# --- what it leaves to the five lines --------------------------------------------------------------------------------


class MyLinear(mn.Linear):
    pass


class MyLoss(mn.SoftmaxCrossEntropyLoss):
    pass


class MySequential(mn.Sequential):
    pass


def linear():
    return mn.Linear(6, 4, rng=0)


UNKNOWN = {
    "a subclass of a layer": (mn.Sequential(MyLinear(6, 4, rng=0)), mn.SoftmaxCrossEntropyLoss()),
    "a subclass of Sequential": (MySequential(linear()), mn.SoftmaxCrossEntropyLoss()),
    "a subclass of a loss": (mn.Sequential(linear()), MyLoss()),
    "no Sequential": (linear(), mn.SoftmaxCrossEntropyLoss()),
    "another layer": (mn.Sequential(linear(), mn.Hardtanh()), mn.SoftmaxCrossEntropyLoss()),
    "a layer of one's own with the name of one of minnet's": (
        mn.Sequential(linear(), type("Dropout", (mn.Dropout,), {})(0.5, rng=0)),
        mn.SoftmaxCrossEntropyLoss(),
    ),
    "a loss with weights": (mn.Sequential(linear()), mn.SoftmaxCrossEntropyLoss([1, 2, 3, 4])),
    "a smooth loss": (mn.Sequential(linear()), mn.SoftmaxCrossEntropyLoss(label_smoothing=0.1)),
    "ignored labels": (mn.Sequential(linear()), mn.SoftmaxCrossEntropyLoss(ignore_index=9)),
    "another reduction": (mn.Sequential(linear()), mn.KLDivLoss(reduction="batchmean")),
    "another loss": (mn.Sequential(linear()), mn.MultiMarginLoss()),
    "probabilities of who knows what": (mn.Sequential(linear(), mn.Softmax(), mn.Flatten()), mn.CrossEntropyLoss()),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_other_models_and_losses(steps, case):
    model, loss = UNKNOWN[case]
    X, y = data()
    y = np.full((130, 4), 0.25) if isinstance(loss, mn.KLDivLoss) else y
    if isinstance(loss, mn.KLDivLoss):
        model = mn.Sequential(*model.layers, mn.LogSoftmax())
    mn.Trainer(model, loss, mn.SGD(model.parameters(), lr=0.1)).fit(mn.DataLoader(X, y, 16), epochs=1)
    assert not steps


@pytest.mark.parametrize("options", [{"accumulate": 2}, {"threads": 2}])
def test_a_batch_in_parts_goes_the_teams_way(steps, options):
    if "threads" in options:
        pytest.importorskip("threadpoolctl")
    make(mn.ReLU, **options).fit(mn.DataLoader(*data(), 16), epochs=1)
    assert not steps


def test_a_large_model(steps, monkeypatch):
    monkeypatch.setattr(fastpath, "LARGE", 6 * 4 + 4)
    make().fit(mn.DataLoader(*data(), 16), epochs=1)
    assert not steps
    monkeypatch.setattr(fastpath, "LARGE", 6 * 4 + 5)
    make().fit(mn.DataLoader(*data(), 16), epochs=1)
    assert steps


def test_only_so_many_kinds_of_batches_are_remembered(steps, monkeypatch):
    monkeypatch.setattr(fastpath, "KINDS", 1)
    make().fit(mn.DataLoader(*data(), 16), epochs=3)
    assert steps == 7 * [16] + 2 * 8 * [16]


def test_samples_with_more_axes(steps):
    X, y = data(samples=360)
    fast, by_hand = make(mn.ReLU), make(mn.ReLU)
    for trainer in (fast, slow(by_hand)):
        trainer.fit(mn.DataLoader(X.reshape(120, 3, 6), y.reshape(120, 3), 20), epochs=1)
    assert bits(fast) == bits(by_hand)
    assert not steps


class Watching(mn.callbacks.Callback):
    def on_step_end(self, trainer):
        """Do something, which might be anything."""


class MyOptimizer(mn.SGD):
    def update(self, i, p, g, group):
        super().update(i, p, g, group)


class MyLoader(mn.DataLoader):
    def __len__(self):
        return super().__len__()


def unchanged(x, rng):
    return x.copy()


@pytest.mark.parametrize(
    "who", ["callback", "a patched callback", "loader", "a list", "transform", "inside", "optimizer"]
)
def test_where_code_of_others_runs_between_the_steps(steps, who):
    X, y = data()
    loader, callbacks, optimizer = mn.DataLoader(X, y, 16), [], mn.SGD
    if who == "callback":
        callbacks = [Watching()]
    elif who == "a patched callback":
        callbacks = [mn.callbacks.RunningScore()]
        callbacks[0].on_step_end = lambda trainer: None
    elif who == "loader":
        loader = MyLoader(X, y, 16)
    elif who == "a list":
        loader = [(X[:16], y[:16])] * 3
    elif who == "transform":
        loader = mn.DataLoader(X, y, 16, transform=unchanged)
    elif who == "inside":
        loader = mn.DataLoader(X, y, 16, transform=mn.data.augment.Chain(unchanged, unchanged))
    else:
        optimizer = MyOptimizer
    make(optimizer=optimizer).fit(loader, epochs=1, callbacks=callbacks)
    assert not steps


# --- whoever changes a layer, or the five lines, sees what that does --------------------------------------------------

METHODS = [
    (mn.Linear, "forward"),
    (mn.Linear, "_add_gradients"),
    (mn.Linear, "accumulate_grad"),
    (mn.ReLU, "backward"),
    (mn.Sequential, "forward"),
    (mn.SoftmaxCrossEntropyLoss, "forward"),
    (LabelLoss, "_add_up"),
    (mn.Trainer, "train_step"),
    (mn.Trainer, "learn"),
    (mn.Trainer, "update"),
    (mn.SGD, "update"),
    (mn.Optimizer, "zero_grad"),
]


@pytest.mark.parametrize(("owner", "method"), METHODS)
def test_a_patched_class_is_not_passed_by(steps, monkeypatch, owner, method):
    calls, original = [], getattr(owner, method)

    @functools.wraps(original)
    def counting(self, *arguments, **options):
        calls.append(method)
        return original(self, *arguments, **options)

    monkeypatch.setattr(owner, method, counting)
    make(mn.ReLU).fit(mn.DataLoader(*data(), 13), epochs=1)
    assert len(calls) >= 10
    assert not steps


def test_a_method_of_another_class_is_not_passed_by(steps, monkeypatch):
    monkeypatch.setattr(mn.ReLU, "forward", mn.Tanh.forward)
    assert_same(make(mn.ReLU), make(mn.ReLU), *data(), 13)
    assert not steps


def test_a_mock_is_not_passed_by(steps, monkeypatch):
    mock = unittest.mock.MagicMock(side_effect=lambda dy: dy)
    monkeypatch.setattr(mn.ReLU, "backward", mock)
    make(mn.ReLU).fit(mn.DataLoader(*data(), 13), epochs=1)
    assert mock.call_count == 10
    assert not steps


@pytest.mark.parametrize("part", ["layer", "model", "loss", "optimizer", "trainer"])
def test_a_patched_object_is_not_passed_by(steps, part):
    trainer, calls = make(mn.ReLU), []
    owner = {"layer": trainer.model.layers[0], "trainer": trainer}.get(part) or getattr(trainer, part)
    method = {"optimizer": "step", "trainer": "train_step"}.get(part, "forward")
    original = getattr(owner, method)
    setattr(owner, method, lambda *arguments: calls.append(part) or original(*arguments))
    trainer.fit(mn.DataLoader(*data(), 13), epochs=1)
    assert len(calls) >= 10
    assert not steps


def test_what_was_patched_once_and_is_no_more(steps, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(mn.ReLU, "forward", lambda self, x: mn.Tanh.forward(self, x))
        make(mn.ReLU).fit(mn.DataLoader(*data(), 13), epochs=1)
    assert not steps
    make(mn.ReLU).fit(mn.DataLoader(*data(), 13), epochs=1)
    assert len(steps) == 9


def test_a_changed_file_is_not_passed_by(steps, monkeypatch):
    monkeypatch.setattr(fastpath, "is_up_to_date", lambda: False)
    make(mn.ReLU).fit(mn.DataLoader(*data(), 13), epochs=1)
    assert not steps


def test_a_trainer_of_ones_own_is_not_passed_by(steps):
    class Mine(mn.Trainer):
        updates = 0

        def update(self):
            self.updates += 1
            super().update()

    model = mn.Sequential(linear())
    trainer = Mine(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    trainer.fit(mn.DataLoader(*data(), 13), epochs=1)
    assert trainer.updates == 10
    assert not steps


def test_what_hangs_on_a_layer_does_not_matter(steps):
    trainer = make(mn.ReLU)
    trainer.model.layers[0].lock = threading.Lock()  # which nobody can copy
    trainer.fit(mn.DataLoader(*data(), 13), epochs=1)
    assert len(steps) == 9


# --- what is wrong is said as ever ----------------------------------------------------------------------------------


def failure(trainer, X, y, batch_size):
    with pytest.raises((ValueError, TypeError, NonFiniteError)) as caught:
        trainer.fit(mn.DataLoader(X, y, batch_size, check=False), epochs=1)
    return type(caught.value), str(caught.value), getattr(caught.value, "__notes__", None), trainer.step


def nan(rows):
    rows[0, 0] = math.nan


def infinite(rows):
    rows[:] = math.inf


def huge(rows):
    rows[:] = 3e38


@pytest.mark.parametrize("composed", [False, True])
@pytest.mark.parametrize("batch_size", [1, 16])
@pytest.mark.parametrize("spoil", [nan, infinite, huge])
def test_numbers_that_are_none(steps, composed, batch_size, spoil):
    X, y = data()
    spoil(X[3 * batch_size : 4 * batch_size])
    fast, by_hand = (failure(t, X, y, batch_size) for t in (make(composed=composed), slow(make(composed=composed))))
    assert fast == by_hand
    assert len(steps) == 3


@pytest.mark.parametrize("composed", [False, True])
@pytest.mark.parametrize("batch_size", [1, 16])
@pytest.mark.parametrize("label", [4, -1])
def test_wrong_labels_that_nobody_has_looked_at(steps, composed, batch_size, label, tmp_path):
    X, y = data()
    y[4 * batch_size - 1] = label
    np.save(tmp_path / "labels.npy", y)
    y = np.load(tmp_path / "labels.npy", mmap_mode="r")  # on the disk, they are not looked at before the first step
    fast, by_hand = (failure(t, X, y, batch_size) for t in (make(composed=composed), slow(make(composed=composed))))
    assert "expected labels from 0 to 3" in fast[1]
    assert fast == by_hand
    assert len(steps) == 3


@pytest.mark.parametrize("spoil", [nan, infinite, huge])
def test_a_regression_that_diverges(steps, spoil):
    X, _ = data()
    y = X[:, :1].copy()
    spoil(X[30:40])

    def trainer():
        model = mn.Sequential(mn.Linear(6, 1, rng=0))
        return mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), lr=0.1))

    assert failure(trainer(), X, y, 10) == failure(slow(trainer()), X, y, 10)
    assert len(steps) == 3


@pytest.mark.parametrize("composed", [False, True])
@pytest.mark.parametrize("nonfinite", ["skip", "ignore"])
@pytest.mark.parametrize("spoil", [nan, infinite, huge])
def test_steps_that_are_not_finite_can_be_passed_over(steps, composed, nonfinite, spoil):
    X, y = data()
    spoil(X[20:22])
    fast, by_hand = (make(composed=composed, nonfinite=nonfinite) for _ in range(2))
    with np.errstate(all="ignore"):
        for trainer in (fast, slow(by_hand)):
            trainer.fit(mn.DataLoader(X[:96], y[:96], 16, check=False), epochs=2)
    assert bits(fast) == bits(by_hand)
    assert len(steps) == 11


@pytest.mark.parametrize("nonfinite", ["stop", "skip", "ignore"])
def test_a_row_of_scores_that_are_all_minus_infinity(steps, nonfinite):
    X, y = np.array([[0.1], [0.2], [0.3], [3e38], [0.2], [0.3], [0.1], [0.2], [0.3]], np.float32), np.arange(9) % 3

    def trained(by_hand):
        model = mn.Sequential(mn.Linear(1, 3, rng=0))
        model.layers[0].weight.data = [[-2, -3, -4]]
        trainer = mn.Trainer(
            model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), nonfinite=nonfinite
        )
        if by_hand:
            slow(trainer)
        if nonfinite == "stop":
            return failure(trainer, X, y, 3)
        with np.errstate(all="ignore"):
            trainer.fit(mn.DataLoader(X, y, 3, check=False), epochs=1)
        return bits(trainer)

    assert trained(False) == trained(True)
    assert steps


def test_an_error_in_a_layer_says_where(steps):
    def failing(by_hand):
        X, y = data()
        trainer = make(mn.Sigmoid)
        if by_hand:
            slow(trainer)
        X[40] *= 1000
        with np.errstate(under="raise"), pytest.raises(FloatingPointError) as caught:
            trainer.fit(mn.DataLoader(X, y, 10, check=False), epochs=1)
        return caught.value.__notes__

    assert failing(False) == failing(True)
    assert "in Sequential.layers[" in failing(False)[0]
    assert steps
