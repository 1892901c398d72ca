"""The learning rate finder: what it tries, what it finds, and that it leaves everything as it was."""

import math
import pickle

import numpy as np
import pytest

import minnet as mn
from minnet.callbacks import Callback
from minnet.training.lr_finder import LRCurve, lr_finder

random = np.random.default_rng(0)
X = random.normal(size=(200, 4)).astype(np.float32)
Y = (X @ random.normal(size=(4, 3))).argmax(axis=1)


def make(kind=mn.SGD, lr=0.1, **options):
    model = mn.Sequential(mn.Dropout(0.1, rng=0), mn.Linear(4, 3, rng=0), mn.Softmax())
    return mn.Trainer(model, mn.CrossEntropyLoss(), kind(model.parameters(), lr=lr, **options))


def loader():
    return mn.DataLoader(X, Y, 20, shuffle=True, rng=0)


def test_the_rates_rise_by_a_factor_from_start_to_end():
    curve = lr_finder(make(), loader(), start=1e-4, end=1e-1, steps=4)
    assert curve.lrs == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1], rel=1e-12)
    assert len(curve.losses) == len(curve.smoothed) == 4


def test_the_losses_are_those_of_a_run_at_these_rates():
    curve = lr_finder(make(), loader(), start=0.1, end=0.4, steps=3)

    class By(Callback):
        def __init__(self):
            self.losses = []

        def on_gradients(self, trainer):
            trainer.optimizer.lr = [0.1, 0.2, 0.4][trainer.step]

        def on_step_end(self, trainer):
            self.losses.append(trainer.last_loss)

    by_hand = By()
    make().fit(loader(), steps=3, callbacks=[by_hand])
    assert curve.losses == by_hand.losses


def test_the_smoothed_loss_is_an_average_corrected_for_its_start():
    curve = lr_finder(make(), loader(), steps=3)
    a, b, c = curve.losses
    assert curve.smoothed == pytest.approx([a, (0.9 * a + b) / 1.9, (0.81 * a + 0.9 * b + c) / 2.71], rel=1e-12)


def test_everything_stays_as_it_was():
    trainer, batches = make(momentum=0.9), loader()
    trainer.fit(batches, steps=3, progress=False)
    trainer.model.eval()
    before = pickle.dumps((trainer, batches))
    lr_finder(trainer, batches)
    assert pickle.dumps((trainer, batches)) == before


def test_it_goes_on_from_where_the_trainer_is_and_uses_its_own_train_step():
    class Own(mn.Trainer):
        def train_step(self, x, y):
            return super().train_step(x, y) + 100

    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Softmax())
    trainer = Own(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    trainer.fit(loader(), epochs=1, progress=False)
    assert lr_finder(trainer, loader(), steps=2).losses[0] > 100


def test_it_ends_when_the_loss_diverges():
    model = mn.Sequential(mn.Linear(4, 1, rng=0))
    trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), lr=0.1))
    curve = lr_finder(trainer, mn.DataLoader(X, X[:, :1], 20), end=1e6)
    assert len(curve.lrs) < 90
    assert curve.smoothed[-1] > 4 * min(curve.smoothed)
    assert all(map(math.isfinite, curve.losses))
    assert 1e-3 < curve.suggestion < 1


def test_it_ends_when_the_loss_is_no_longer_finite():
    class Fails(mn.Trainer):
        def train_step(self, x, y):
            return math.inf if self.step == 5 else super().train_step(x, y)

    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Softmax())
    trainer = Fails(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    assert len(lr_finder(trainer, loader()).lrs) == 5


def test_the_suggestion_is_a_tenth_of_where_the_average_is_lowest():
    assert LRCurve([0.1, 1.0, 10.0], [3, 0, 2], [3.0, 1.0, 2.0]).suggestion == 0.1


@pytest.mark.parametrize("kind", [mn.SGD, mn.optimizers.Adam, mn.optimizers.Lion])
def test_the_suggestion_trains_well(kind):
    curve = lr_finder(make(kind), loader())
    trainer = make(kind, lr=curve.suggestion)
    before = trainer.evaluate((X, Y))["loss"]
    trainer.fit(loader(), epochs=5, progress=False)
    assert trainer.evaluate((X, Y))["loss"] < 0.7 * before


def test_groups_keep_their_ratio():
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Softmax())
    weight, bias = model.parameters()
    seen = []

    class Watched(mn.SGD):
        def step(self):
            seen.append([group["lr"] for group in self.param_groups])
            super().step()

    optimizer = Watched([{"params": weight}, {"params": bias, "lr": 0.5}], lr=1.0)
    lr_finder(mn.Trainer(model, mn.CrossEntropyLoss(), optimizer), loader(), steps=5)
    assert all(b == pytest.approx(0.5 * a) for a, b in seen)
    assert seen[0] == [1e-7, 0.5e-7]


def test_after_a_schedule_that_ended_at_zero():
    trainer = make()
    schedule = mn.callbacks.LearningRate(mn.schedules.CosineAnnealingLR(2))
    trainer.fit(loader(), epochs=2, callbacks=[schedule], progress=False)
    assert trainer.optimizer.lr == 0
    assert lr_finder(trainer, loader(), start=1e-4, end=1e-1, steps=4).lrs == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])
    assert trainer.optimizer.lr == 0
    assert trainer.optimizer.initial_lrs == [0.1]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"start": 0}, "0 < start < end"),
        ({"start": 1, "end": 1}, "0 < start < end"),
        ({"end": math.inf}, "0 < start < end"),
        ({"steps": 1}, "steps >= 2"),
    ],
)
def test_bad_arguments(bad, message):
    with pytest.raises(ValueError, match=f"lr_finder needs {message}"):
        lr_finder(make(), loader(), **bad)


def test_it_ends_when_the_loss_refuses_what_the_model_predicts():
    """Losses raise ValueError for NaN; here, it only says that the learning rate was too high."""

    class Explodes(mn.SGD):
        def step(self):
            for parameter in self.parameters:
                parameter.data += np.nan if self.lr > 1e-3 else 0

    curve = lr_finder(make(Explodes), loader(), start=1e-4, end=1e-1, steps=31)
    assert curve.lrs[-1] < 1.3e-3


def test_other_errors_are_not_hidden():
    with pytest.raises(ValueError, match="label"):
        lr_finder(make(), mn.DataLoader(X, np.where(np.arange(200) < 100, Y, 7), 20))


def test_a_loss_that_is_never_finite():
    class Fails(mn.Trainer):
        def train_step(self, x, y):
            return math.inf

    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Softmax())
    trainer = Fails(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    with pytest.raises(ValueError, match="training diverged in step 1 of epoch 1: the loss is inf"):
        lr_finder(trainer, loader())
    model = mn.Sequential(mn.Linear(4, 1, rng=0))
    trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), lr=0.1))
    with pytest.raises(ValueError, match="MSELoss got NaN"):
        lr_finder(trainer, mn.DataLoader(np.full((4, 4), np.nan), np.zeros((4, 1)), 2, check=False))


def test_ctrl_c_ends_it(capsys):
    class Interrupted(mn.Trainer):
        def train_step(self, x, y):
            raise KeyboardInterrupt

    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Softmax())
    with pytest.raises(KeyboardInterrupt):
        lr_finder(Interrupted(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1)), loader())
    assert "interrupted" in capsys.readouterr().err


def test_the_curve_shows_itself_in_a_line():
    assert repr(LRCurve([0.001, 0.1, 1.0], [2.0, 1.0, 3.0], [2.0, 1.0, 3.0])) == (
        "LRCurve of 3 learning rates, 0.001 to 1; suggestion 0.01"
    )
    assert repr(LRCurve([], [], [])) == "LRCurve of 0 learning rates"
