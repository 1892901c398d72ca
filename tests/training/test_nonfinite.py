"""What the checks find, and what they restore. (What the message says: test_nonfinite_messages.py.)"""

import math
import warnings

import numpy as np
import pytest

import minnet as mn
from minnet.errors import NonFiniteError

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
Y = np.arange(60) % 3


class Bad(mn.Layer):
    """The identity, but for one step, in which one number forward or backward is `value`."""

    def __init__(self, at, value=math.nan, where="forward"):
        self.at, self.value, self.where = at, value, where
        self.step = 0

    def forward(self, x):
        if self.training:
            self.step += 1
            if self.where == "forward" and self.step == self.at:
                x = x.copy()
                x[0, 0] = self.value
        self.cache = x.shape
        return x

    def backward(self, dy):
        if self.where == "backward" and self.step == self.at:
            dy = dy.copy()
            dy[0, 0] = self.value
        return dy


def make(at=4, value=math.nan, where="forward", lr=0.1, optimizer=mn.SGD, loss=None, **options):
    model = mn.Sequential(
        mn.Linear(4, 5, rng=0), mn.BatchNorm1d(5), Bad(at, value, where), mn.LeakyReLU(), mn.Linear(5, 3, rng=1)
    )
    loss = loss or mn.SoftmaxCrossEntropyLoss()
    return mn.Trainer(model, loss, optimizer(model.parameters(), lr=lr), **options)


def loader():
    return mn.DataLoader(X, Y, 10, shuffle=True, rng=0)


def arrays(trainer):
    return [parameter.data.copy() for parameter in trainer.model.parameters()]


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", ["forward", "backward"])
def test_it_stops_with_the_weights_and_statistics_of_before_the_step(value, where):
    expected = make(at=99)
    expected.fit(loader(), steps=3, progress=False)
    trainer = make(4, value, where)
    with pytest.raises(NonFiniteError, match="step 4 of epoch 1"):
        trainer.fit(loader(), steps=10, progress=False)
    assert trainer.step == 3
    assert trainer.interrupted
    assert equal(arrays(trainer), arrays(expected))


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_skip_goes_on_as_if_the_step_were_not(where):
    trainer = make(4, where=where, nonfinite="skip")
    before = []

    class Watch(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            before.append(arrays(trainer))

    history = trainer.fit(loader(), steps=10, every=5, callbacks=[Watch()], progress=False)
    assert equal(before[3], before[2])
    assert not equal(before[4], before[3])
    assert [row["skipped"] for row in history] == [1, 0]
    assert all(math.isfinite(row["loss"]) for row in history)
    assert trainer.optimizer.state["step"][0] == 9


@pytest.mark.parametrize("row", [3, 15])
def test_skip_with_threads_keeps_the_bad_batch_out_of_every_copy(row):
    """One of two threads meets it; neither its statistics nor its gradients may be there in the next step."""
    trainer = make(at=99, nonfinite="skip", threads=2)
    bad, good = X[:20].copy(), [(X[i : i + 20], Y[i : i + 20]) for i in (20, 40)]
    bad[row] = math.nan
    trainer.fit([(bad, Y[:20]), *good], epochs=1, progress=False)
    other = make(at=99, threads=2)
    other.fit(good, epochs=1, progress=False)
    assert trainer.history[-1]["skipped"] == 1
    assert equal(arrays(trainer), arrays(other))


def test_ignore_lets_a_gradient_through_and_loses_the_weights():
    trainer = make(4, where="backward", nonfinite="ignore")
    history = trainer.fit(loader(), steps=10, every=5, progress=False)
    assert trainer.step == 10
    assert any(np.isnan(array).any() for array in arrays(trainer))
    assert history[-1]["skipped"] == 5  # the loss refused what came of it


def test_a_weight_that_overflows_in_the_update_is_put_back():
    model = mn.Sequential(mn.Linear(4, 3, rng=0))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=3e38))
    before = arrays(trainer)
    with pytest.raises(NonFiniteError, match=r"(?s)step 1 .*the update made layers\[0\].* infinite of .* before this"):
        trainer.fit(mn.DataLoader(1e3 * X, Y, 60), steps=3, progress=False)
    assert equal(arrays(trainer), before)


def test_a_group_with_a_learning_rate_of_its_own_is_watched():
    model = mn.Sequential(mn.Linear(4, 3, rng=0))
    weight, bias = model.parameters()
    optimizer = mn.SGD([{"params": weight}, {"params": bias, "lr": 3e38}], lr=0.1)
    trainer = mn.Trainer(model, mn.MSELoss(), optimizer)
    before = arrays(trainer)
    with pytest.raises(NonFiniteError, match=r"(?s)the update made layers\[0\].bias hold .* before this step"):
        trainer.fit(mn.DataLoader(X, np.full((len(X), 3), 1e4), 60), steps=3, progress=False)
    assert equal(arrays(trainer), before)


def test_a_learning_rate_that_is_nan_costs_no_weights():
    trainer = make(at=99)
    trainer.optimizer.param_groups[0]["lr"] = math.nan
    before = [parameter.data.copy() for parameter in trainer.optimizer.parameters if parameter.trainable]
    with pytest.raises(NonFiniteError, match=r"(?s)the update made layers\[0\].weight hold 20 NaN.*before this step"):
        trainer.fit(loader(), steps=3, progress=False)
    assert equal([p.data for p in trainer.optimizer.parameters if p.trainable], before)


def test_an_optimizer_that_makes_nan_is_found_at_once():
    class Divides(mn.Optimizer):
        def update(self, i, p, g, group):
            p -= group["lr"] * g / (0.0 if self.state["step"][i] == 3 else 1.0)

    trainer = make(at=99, optimizer=Divides)
    with pytest.raises(NonFiniteError, match=r"(?s)step 3 .*the update made .*optimizer's update.*no longer good"):
        trainer.fit(loader(), steps=9, progress=False)


def test_an_optimizer_that_divides_by_zero_is_found_at_once():
    model = mn.Sequential(mn.Linear(4, 3, rng=0))
    x = X.copy()
    x[:, 0] = 0  # so that the gradient of the first row of weights is 0, and 0 / (√0 + 0) is NaN
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters(), eps=0.0))
    with pytest.raises(NonFiniteError, match=r"step 1 of epoch 1: the update made layers\[0\].weight hold 3 NaN of 12"):
        trainer.fit(mn.DataLoader(x, Y, 10), steps=3, progress=False)


@pytest.mark.parametrize("method", ["update", "step"])
def test_a_method_that_was_replaced_on_one_optimizer_is_not_trusted(method):
    trainer = make(at=99)

    def spoil(*_):
        trainer.model.layers[0].weight.data[0] = np.nan

    setattr(trainer.optimizer, method, spoil)
    with pytest.raises(NonFiniteError, match=r"step 1 of epoch 1: the update made .*weight hold"):
        trainer.fit(loader(), steps=1, progress=False)


@pytest.mark.parametrize("method", ["update", "train_step"])
def test_an_override_that_checks_no_gradient_is_found_at_once(method):
    """Of the last step of a run nobody was told."""

    class Own(mn.Trainer):
        def train_step(self, x, y):
            self.optimizer.zero_grad()
            value = self.loss.forward(self.model.forward(x), y)
            self.model.backward(self.loss.backward())
            self.optimizer.parameters[0].grad[0] = np.inf
            self.update() if method == "update" else self.optimizer.step()
            return value

        def update(self):
            self.optimizer.step()

    parts = make(at=99)
    trainer = Own(parts.model, parts.loss, parts.optimizer)
    with pytest.raises(NonFiniteError, match=r"step 1 of epoch 1: the update made .*weight hold"):
        trainer.fit(loader(), steps=1, progress=False)


def test_an_optimizer_that_was_put_in_the_place_of_another_is_watched():
    trainer = make(at=99)

    class Other(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            if trainer.step == 1:
                trainer.model = mn.Sequential(mn.Linear(4, 3, rng=9))
                trainer.optimizer = mn.SGD(trainer.model.parameters(), lr=0.1)

        def on_gradients(self, trainer):
            if trainer.step == 1:
                trainer.model.layers[0].weight.grad[0] = np.nan

    with pytest.raises(NonFiniteError, match=r"step 2 of epoch 1: the gradient of layers\[0\].weight holds"):
        trainer.fit(loader(), steps=2, callbacks=[Other()], progress=False)


def test_a_decay_that_multiplies_is_found_at_once():
    trainer = make(at=99)
    trainer.optimizer = mn.AdamW(trainer.model.parameters(), lr=1.0, weight_decay=1e39)
    with pytest.raises(NonFiniteError, match=r"the update made .* infinite"):
        trainer.fit(loader(), steps=3, progress=False)


def test_weights_that_are_unfrozen_on_the_way_are_looked_at():
    class Unfreeze(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            trainer.model.layers[0].weight.trainable = True

    trainer = make(3, where="backward")
    trainer.model.layers[0].weight.trainable = False
    for layer in trainer.model.layers[1:2]:
        for parameter in layer.parameters():
            parameter.trainable = False
    trainer.model.layers[0].bias.trainable = False
    with pytest.raises(NonFiniteError, match=r"step 3 of epoch 1: the gradient of layers\[0\].weight holds"):
        trainer.fit(loader(), steps=5, callbacks=[Unfreeze()], progress=False)


def test_a_loss_of_ones_own_that_is_infinite():
    class Log(mn.Loss):
        classifies = True

        def forward(self, prediction, target):
            self.cache = prediction.shape
            return -math.inf

        def backward(self):
            return np.zeros(self.cache, np.float32)

    with pytest.raises(NonFiniteError, match="the loss is -inf"):
        make(at=99, loss=Log()).fit(loader(), steps=1, progress=False)


def test_clipping_saves_a_gradient_that_is_only_large():
    trainer = make(2, 1e30, "backward")
    trainer.fit(loader(), steps=4, callbacks=[mn.callbacks.ClipGradNorm(1.0)], progress=False)
    trainer = make(2, 1e30, "backward")
    with pytest.raises(NonFiniteError, match="is too large"):
        trainer.fit(loader(), steps=4, progress=False)


def test_frozen_weights_are_not_looked_at_and_not_copied():
    trainer = make(at=99)
    trainer.model.layers[0].weight.trainable = False
    trainer.model.layers[0].weight.data[0, 0] = 1e30
    trainer.fit(mn.DataLoader(np.where(np.arange(4) == 0, 0, X).astype(np.float32), Y, 10), steps=3, progress=False)
    assert trainer.step == 3


def test_no_warnings_of_numpy_beside_the_error():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(NonFiniteError):
            make(at=99, lr=1e30).fit(mn.DataLoader(1e3 * X, Y, 10), steps=20, progress=False)
    assert not caught


def test_in_the_evaluation(tmp_path):
    bad = X.copy()
    bad[7] = math.inf
    sets = {"test": mn.DataLoader(bad, Y, 10, transform=lambda x, rng: x)}
    with pytest.raises(NonFiniteError) as caught:
        make(at=99).fit(loader(), steps=2, evaluate=sets, progress=False)
    assert "in the evaluation on 'test' after step 2" in caught.value.__notes__
    history = make(at=99, nonfinite="skip").fit(loader(), steps=2, evaluate=sets, progress=False)
    assert math.isnan(history[-1]["test_loss"])


def test_the_choice_is_one_of_three():
    with pytest.raises(ValueError, match="nonfinite to be one of 'stop', 'skip', 'ignore', got 'raise'"):
        make(nonfinite="raise")
