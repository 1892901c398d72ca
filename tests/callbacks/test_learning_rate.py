"""The learning rate follows a schedule or a metric."""

import pickle

import pytest
from helpers import linear_problem
from helpers import small_trainer as make

import minnet as mn
from minnet.callbacks import Callback, LearningRate, ReduceLROnPlateau
from minnet.optimizers.schedules import ExponentialLR, StepLR

X, Y = linear_problem(40)


class Rates(Callback):
    """Writes down the learning rate that each step used."""

    def __init__(self):
        self.seen = []

    def on_gradients(self, trainer):
        self.seen.append(trainer.optimizer.lr)


def test_a_learning_rate_per_epoch():
    rates = Rates()
    make(lr=1.0).fit(mn.DataLoader(X, Y, 20), epochs=4, callbacks=[LearningRate(StepLR(2, 0.1)), rates])
    assert rates.seen == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.1, 0.1])


def test_a_learning_rate_per_step_by_any_function():
    rates = Rates()
    schedule = LearningRate(lambda base, t: base / (1 + t), per="step")
    trainer = make(lr=1.0)
    trainer.fit(mn.DataLoader(X, Y, 20), steps=4, callbacks=[schedule, rates])
    assert rates.seen == [1, 1 / 2, 1 / 3, 1 / 4]


def test_the_history_has_the_rate_in_force():
    history = make(lr=1.0).fit(mn.DataLoader(X, Y, 20), epochs=3, callbacks=[LearningRate(ExponentialLR(0.5))])
    assert history.column("lr") == [1, 0.5, 0.25]


def test_learning_rate_refuses_other_clocks():
    with pytest.raises(ValueError, match="LearningRate expected per to be one of 'epoch', 'step', got 'batch'"):
        LearningRate(StepLR(1), per="batch")


def test_groups_keep_their_ratio():
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Softmax())
    groups = [{"params": model.layers[0].weight, "lr": 0.1}, {"params": model.layers[0].bias}]
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(groups, lr=1.0))
    trainer.fit(mn.DataLoader(X, Y, 20), epochs=2, callbacks=[LearningRate(ExponentialLR(0.5))])
    assert [group["lr"] for group in trainer.optimizer.param_groups] == [0.025, 0.25]
    assert trainer.history.column("lr") == [1.0, 0.5]


# -- ReduceLROnPlateau


class Column(Callback):
    """Puts made-up numbers into the rows."""

    def __init__(self, name, numbers):
        self.name, self.numbers = name, iter(numbers)

    def on_row(self, trainer, row):
        row[self.name] = next(self.numbers)


def plateau(name, numbers, lr=1.0, **options):
    """Return the learning rate of each epoch."""
    trainer, rates = make(lr), Rates()
    callbacks = [Column(name, numbers), ReduceLROnPlateau(name, **options), rates]
    trainer.fit(mn.DataLoader(X, Y, 40), epochs=len(numbers), callbacks=callbacks)
    return rates.seen


def test_after_more_than_patience_rows_without_improvement_the_rate_falls():
    assert plateau("x_loss", [5, 4, 4, 4, 4, 3, 3], patience=2, factor=0.5) == [1, 1, 1, 1, 1, 0.5, 0.5]


def test_a_loss_is_to_fall_and_anything_else_as_the_mode_says():
    assert plateau("x_mae", [4, 3, 2, 1], patience=0, factor=0.5, mode="min") == [1, 1, 1, 1]
    assert plateau("x_r2", [1, 2, 3, 4], patience=0, factor=0.5, mode="max") == [1, 1, 1, 1]
    with pytest.raises(ValueError, match=r"ReduceLROnPlateau cannot know whether 'x_mae' is better .*: pass mode="):
        plateau("x_mae", [1, 2])
    assert plateau("x_loss", [1, 2, 3, 4], patience=0, factor=0.5) == [1, 1, 0.5, 0.25]
    assert plateau("x_loss", [1, 2, 3, 4], patience=0, factor=0.5, mode="max") == [1, 1, 1, 1]


def test_a_threshold_is_a_share_or_a_difference():
    numbers = [100, 95, 85.4, 0]
    assert plateau("x_loss", numbers, patience=0, factor=0.5, threshold=0.1) == [1, 1, 0.5, 0.5]  # below 90 counts
    absolute = {"threshold": 5.0, "threshold_mode": "abs"}  # below, not at, 95 counts; then below 80.4
    assert plateau("x_loss", [100, 95, 94, 89], patience=0, factor=0.5, **absolute) == [1, 1, 0.5, 0.5]


@pytest.mark.parametrize(("mode", "sign"), [("min", 1), ("max", -1)])
def test_a_relative_threshold_works_for_negative_values(mode, sign):
    numbers = [-100 * sign, -105 * sign, -111 * sign, -115 * sign]  # 10 % of 100 better is beyond -110
    options = {"patience": 0, "factor": 0.5, "threshold": 0.1, "mode": mode}
    assert plateau("x_loss", numbers, **options) == [1, 1, 0.5, 0.5]


def test_a_plateau_serves_two_fits_as_if_it_were_new():
    callback, rates = ReduceLROnPlateau("x_loss", patience=1, factor=0.5), Rates()
    for _ in range(2):
        trainer = make(lr=1.0)
        trainer.fit(mn.DataLoader(X, Y, 40), epochs=4, callbacks=[Column("x_loss", [1, 2, 3, 4]), callback, rates])
        assert rates.seen == [1, 1, 1, 0.5]
        assert (callback.best, callback.bad_rows) == (1, 1)


def test_cooldown_and_the_lowest_rate():
    assert plateau("x_loss", [1] * 8, patience=0, factor=0.5, cooldown=2) == [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]
    assert plateau("x_loss", [1] * 5, patience=0, factor=0.5, min_lr=0.3) == [1, 1, 0.5, 0.3, 0.3]
    assert plateau("x_loss", [1] * 4, patience=0, factor=0.5, eps=0.3) == [1, 1, 0.5, 0.5]  # 0.25 less is too little


def test_nan_is_no_improvement():
    assert plateau("x_loss", [float("nan")] * 3, patience=0, factor=0.5) == [1, 0.5, 0.25]


def test_a_row_without_the_column_says_which_there_are():
    with pytest.raises(ValueError, match="ReduceLROnPlateau monitors 'validation_loss', but a row has only step"):
        make().fit(mn.DataLoader(X, Y, 20), epochs=1, callbacks=[ReduceLROnPlateau("validation_loss")])


@pytest.mark.parametrize(
    "bad",
    [
        {"mode": "up"},
        {"threshold_mode": "log"},
        {"factor": 1.0},
        {"factor": 0.0},
        {"patience": -1},
        {"cooldown": -1},
        {"min_lr": -0.1},
        {"threshold": -1},
        {"eps": -1},
    ],
)
def test_plateau_bad_arguments(bad):
    with pytest.raises(ValueError, match=f"ReduceLROnPlateau .*{next(iter(bad))}"):
        ReduceLROnPlateau("loss", **bad)


def test_plateau_is_plain_data():
    callback = ReduceLROnPlateau("loss", patience=3)
    assert vars(pickle.loads(pickle.dumps(callback))) == vars(callback)


def test_a_schedule_is_a_function():
    with pytest.raises(
        TypeError, match=r"^LearningRate expected schedule to be a function \(base_lr, t\) -> lr, got float: "
    ):
        LearningRate(0.1)
