"""The fast path gives the same bits as `Trainer.train_step`, and stays away from what it does not know."""

import math

import numpy as np
import pytest

import minnet as mn
from minnet import fastpath
from minnet.errors import NonFiniteError


@pytest.fixture
def steps(monkeypatch):
    """Return a list that gets an entry for each step of a run that goes the fast way (trials on copies are none)."""
    seen, original = [], fastpath.Chain.step

    def step(chain, trainer, x, y):
        if "update" not in vars(trainer):
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
    assert steps == 2 * [len(y[i : i + batch_size]) for i in range(0, len(y), batch_size)]


@pytest.mark.parametrize("classes", [1, 2, 10, 32, 33, 40])
@pytest.mark.parametrize("batch_size", [1, 13])
@pytest.mark.parametrize("composed", [False, True])
def test_any_number_of_classes(steps, classes, batch_size, composed):
    X, y = data(classes=classes)
    assert_same(*(make(classes=classes, composed=composed) for _ in range(2)), X, y, batch_size)
    assert len(steps) == 2 * math.ceil(130 / batch_size)


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
    assert len(steps) == 30


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
    assert len(steps) == 2 * len(X) / batch_size


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
    assert len(steps) == 2 * math.ceil(130 / batch_size)


# --- what changes on the way ---------------------------------------------------------------------------------------


class At(mn.callbacks.Callback):
    """Do something after step 3."""

    def __init__(self, what):
        self.what = what

    def on_step_end(self, trainer):
        if trainer.step == 3:
            self.what(trainer)


def smooth(trainer):
    trainer.loss.label_smoothing = 0.2


def weigh(trainer):
    trainer.loss.weight = np.array([1.0, 2, 3, 4])


def freeze(trainer):
    trainer.model.layers[0].weight.trainable = False


def heat(trainer):
    trainer.optimizer.lr *= 3


def bend(trainer):
    first, _, last = trainer.model.layers
    trainer.model.layers = (first, mn.Tanh(), last)


def reset(trainer):
    trainer.model.layers[0].weight.data = np.ones((6, 5))


def look(trainer):
    assert trainer.model.layers[0].bias.grad.any()  # from here on, someone holds the array


@pytest.mark.parametrize("what", [smooth, weigh, freeze, heat, bend, reset, look])
def test_a_callback_may_change_everything(steps, what):
    X, y = data()
    fast, by_hand = make(mn.ReLU), make(mn.ReLU)
    assert_same(fast, by_hand, X, y, 16, callbacks=[At(what)])
    assert len(steps) == (3 if what in (smooth, weigh, bend) else 18)


def test_a_model_that_is_converted_on_the_way_is_the_five_lines_case(steps):
    trainer = make(mn.ReLU)
    with pytest.raises(TypeError, match="computes in float64, got float32"):
        trainer.fit(
            mn.DataLoader(*data(), 16), epochs=1, callbacks=[At(lambda trainer: trainer.model.astype(np.float64))]
        )
    assert len(steps) == 3


# --- what it does not know -----------------------------------------------------------------------------------------


class MyLinear(mn.Linear):
    pass


class MyLoss(mn.SoftmaxCrossEntropyLoss):
    pass


class MySequential(mn.Sequential):
    pass


UNKNOWN = {
    "a subclass of a layer": (mn.Sequential(MyLinear(6, 4, rng=0)), mn.SoftmaxCrossEntropyLoss()),
    "a subclass of Sequential": (MySequential(mn.Linear(6, 4, rng=0)), mn.SoftmaxCrossEntropyLoss()),
    "a subclass of a loss": (mn.Sequential(mn.Linear(6, 4, rng=0)), MyLoss()),
    "no Sequential": (mn.Linear(6, 4, rng=0), mn.SoftmaxCrossEntropyLoss()),
    "another layer": (mn.Sequential(mn.Linear(6, 4, rng=0), mn.Hardtanh()), mn.SoftmaxCrossEntropyLoss()),
    "a layer of one's own with the name of one of minnet's": (
        mn.Sequential(mn.Linear(6, 4, rng=0), type("Dropout", (mn.Dropout,), {})(0.5, rng=0)),
        mn.SoftmaxCrossEntropyLoss(),
    ),
    "a loss with weights": (mn.Sequential(mn.Linear(6, 4, rng=0)), mn.SoftmaxCrossEntropyLoss([1, 2, 3, 4])),
    "a smooth loss": (mn.Sequential(mn.Linear(6, 4, rng=0)), mn.SoftmaxCrossEntropyLoss(label_smoothing=0.1)),
    "ignored labels": (mn.Sequential(mn.Linear(6, 4, rng=0)), mn.SoftmaxCrossEntropyLoss(ignore_index=9)),
    "another loss": (mn.Sequential(mn.Linear(6, 4, rng=0)), mn.MultiMarginLoss()),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_other_models_and_losses_go_the_five_lines_way(steps, case):
    model, loss = UNKNOWN[case]
    mn.Trainer(model, loss, mn.SGD(model.parameters(), lr=0.1)).fit(mn.DataLoader(*data(), 16), epochs=1)
    assert not steps


@pytest.mark.parametrize("options", [{"accumulate": 2}, {"threads": 2}])
def test_a_batch_in_parts_goes_the_teams_way(steps, options):
    if "threads" in options:
        pytest.importorskip("threadpoolctl")
    make(mn.ReLU, **options).fit(mn.DataLoader(*data(), 16), epochs=1)
    assert not steps


def test_a_large_model_is_not_copied_for_a_trial(steps, monkeypatch):
    monkeypatch.setattr(fastpath, "LARGE", 6 * 4 + 4)
    make().fit(mn.DataLoader(*data(), 16), epochs=1)
    assert not steps
    monkeypatch.setattr(fastpath, "LARGE", 6 * 4 + 5)
    make().fit(mn.DataLoader(*data(), 16), epochs=1)
    assert steps


def test_batches_of_ever_new_shapes_are_tried_a_few_times_only(monkeypatch):
    tried, original = [], fastpath.agree
    monkeypatch.setattr(fastpath, "agree", lambda *arguments: tried.append(1) or original(*arguments))
    X, y = data()
    make().fit([(X[:n], y[:n]) for n in range(1, 30)], epochs=1)
    assert len(tried) == fastpath.KINDS


def test_labels_in_a_list(steps):
    X, y = data()
    trainer, other = make(), make()
    trainer.fit([(X[:16], y[:16].tolist())] * 3, epochs=1)
    other.fit([(X[:16], y[:16])] * 3, epochs=1)
    assert bits(trainer) == bits(other)
    assert steps == [16] * 3


# --- whoever changes a layer, or the five lines, sees what that does --------------------------------------------------


def test_a_changed_class_is_not_passed_by(steps, monkeypatch):
    def backward(self, dy):
        return 1.5 * dy * self.cache

    monkeypatch.setattr(mn.ReLU, "backward", backward)
    assert_same(make(mn.ReLU), make(mn.ReLU), *data(), 16)
    assert not steps


@pytest.mark.parametrize(
    ("owner", "method"),
    [(mn.Linear, "accumulate_grad"), (mn.Sequential, "forward"), (mn.SoftmaxCrossEntropyLoss, "backward")],
)
def test_a_method_that_does_nothing_is_not_passed_by(steps, monkeypatch, owner, method):
    original = getattr(owner, method)
    monkeypatch.setattr(owner, method, lambda self, *x: None if x and method != "forward" else 2 * original(self, *x))
    trainer = make(mn.ReLU)
    trainer.fit(mn.DataLoader(*data(), 16), epochs=1)
    assert not steps


def test_a_patched_object_is_not_passed_by(steps):
    trainer, seen = make(mn.ReLU), []
    layer = trainer.model.layers[0]
    layer.forward = lambda x: seen.append(len(x)) or mn.Linear.forward(layer, x)
    trainer.fit(mn.DataLoader(*data(), 16, drop_last=True), epochs=1)
    assert seen == [2] + [16] * 8  # two samples go through before the first step
    assert not steps


def test_changed_lines_are_not_passed_by(steps, monkeypatch):
    def train_step(self, x, y):
        self.optimizer.zero_grad()
        self.prediction = self.model.forward(x)
        value = self.loss.forward(self.prediction, y)
        self.model.accumulate_grad(2 * self.loss.backward())
        self.update()
        return value

    double, once = make(), make(lr=0.2)
    once.fit(mn.DataLoader(*data(), 16), epochs=1)
    assert steps
    steps.clear()
    monkeypatch.setattr(mn.Trainer, "train_step", train_step)
    double.fit(mn.DataLoader(*data(), 16), epochs=1)
    assert not steps
    for p, q in zip(double.model.parameters(), once.model.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method", ["train_step", "learn"])
def test_an_overridden_step_is_not_passed_by(steps, method):
    seen = []

    def own(self, x, y):
        seen.append(len(x))
        return getattr(mn.Trainer, method)(self, x, y)

    model = mn.Sequential(mn.Linear(6, 4, rng=0))
    trainer = type("Mine", (mn.Trainer,), {method: own})(
        model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1)
    )
    trainer.fit(mn.DataLoader(*data(), 65), epochs=1)
    assert seen == [65, 65]
    assert not steps


def test_an_overridden_update_is_called(steps):
    class Mine(mn.Trainer):
        updates = 0

        def update(self):
            self.updates += 1
            super().update()

    model = mn.Sequential(mn.Linear(6, 4, rng=0))
    trainer = Mine(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    trainer.fit(mn.DataLoader(*data(), 65), epochs=1)
    assert trainer.updates == 2
    assert steps == [65, 65]


# --- what is wrong is said as ever ----------------------------------------------------------------------------------


def failure(trainer, batches, **options):
    with pytest.raises((ValueError, TypeError, NonFiniteError)) as caught:
        trainer.fit(batches, epochs=1, **options)
    return type(caught.value), str(caught.value), getattr(caught.value, "__notes__", None), trainer.step


def wrong_label(x, y):
    y[-1] = 4


def negative_label(x, y):
    y[-1] = -1


def nan(x, y):
    x[0, 0] = math.nan


def infinite(x, y):
    x[:] = math.inf


def huge(x, y):
    x[:] = 3e38


@pytest.mark.parametrize("spoil", [nan, infinite, huge])
def test_errors_of_a_regression(steps, spoil):
    X, _ = data()
    batches = [(X[i : i + 10].copy(), X[i : i + 10, :1].copy()) for i in range(0, 50, 10)]
    spoil(*batches[3])

    def trainer():
        model = mn.Sequential(mn.Linear(6, 1, rng=0))
        return mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), lr=0.1))

    assert failure(trainer(), batches) == failure(slow(trainer()), batches)
    assert len(steps) >= 3


@pytest.mark.parametrize("composed", [False, True])
@pytest.mark.parametrize("batch_size", [1, 16])
@pytest.mark.parametrize("spoil", [wrong_label, negative_label, nan, infinite, huge])
def test_errors(steps, composed, batch_size, spoil):
    X, y = data()
    starts = range(0, 5 * batch_size, batch_size)
    batches = [(X[i : i + batch_size].copy(), y[i : i + batch_size].copy()) for i in starts]
    spoil(*batches[3])
    fast, by_hand = failure(make(composed=composed), batches), failure(slow(make(composed=composed)), batches)
    assert fast == by_hand
    assert len(steps) >= 3


@pytest.mark.parametrize("composed", [False, True])
def test_steps_that_are_not_finite_can_be_skipped(steps, composed):
    X, y = data()
    X[20] = math.nan
    batches = [(X[i : i + 16], y[i : i + 16]) for i in range(0, 96, 16)]
    fast, by_hand = (make(composed=composed, nonfinite="skip") for _ in range(2))
    for trainer in (fast, slow(by_hand)):
        trainer.fit(batches, epochs=2)
    assert bits(fast) == bits(by_hand)
    assert fast.history[-1]["skipped"] == 1
    assert len(steps) == 12


@pytest.mark.parametrize("composed", [False, True])
@pytest.mark.parametrize("scale", [1e20, math.inf])
def test_without_a_guard_it_goes_on_all_the_same(steps, composed, scale):
    X, y = data()
    batches = [(X[:16], y[:16]), (X[:16] * np.float32(scale), y[:16])]
    fast, by_hand = (make(composed=composed, nonfinite="ignore") for _ in range(2))
    with np.errstate(all="ignore"):
        for trainer in (fast, slow(by_hand)):
            trainer.fit(3 * batches, epochs=1)
    assert bits(fast) == bits(by_hand)
    assert len(steps) == 6


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.zeros((4, 5), np.float32), np.zeros(4, int)),
        (np.zeros((4, 6), np.int64), np.zeros(4, int)),
        (np.zeros((4, 6), np.float32), np.zeros(4)),
        (np.zeros((4, 6), np.float32), np.zeros((4, 1), int)),
        (np.zeros((4, 6), np.float32), np.zeros(3, int)),
        (np.zeros((2, 2, 6), np.float32), np.zeros(2, int)),
    ],
)
def test_a_batch_that_does_not_fit(steps, x, y):
    X, labels = data()
    batches = [(X[:4], labels[:4]), (x, y)]
    assert failure(make(mn.ReLU), batches) == failure(slow(make(mn.ReLU)), batches)
    assert steps == [4]


def test_samples_with_more_axes_go_the_five_lines_way(steps):
    X, y = data()
    batches = [(X[:12].reshape(4, 3, 6), y[:12].reshape(4, 3))] * 3
    fast, by_hand = make(mn.ReLU), slow(make(mn.ReLU))
    for trainer in (fast, by_hand):
        trainer.fit(batches, epochs=1)
    assert bits(fast) == bits(by_hand)
    assert not steps
