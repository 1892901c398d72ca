"""The learning rate follows a schedule or a metric."""

import pickle

import numpy as np
import pytest
from helpers import linear_problem
from helpers import small_trainer as make

import minnet as mn
from minnet.callbacks import Callback, LearningRate, ReduceLROnPlateau
from minnet.errors import TrainingWarning
from minnet.optimizers.schedules import CosineAnnealingLR, ExponentialLR, OneCycleLR, StepLR

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


# -- one fit after the other


@pytest.mark.parametrize("per", ["epoch", "step"])
def test_a_second_fit_begins_anew(per):
    """Neither at the trainer's step, nor at the rate that the first fit ended with."""
    trainer, rates, schedule = make(lr=0.1), Rates(), LearningRate(CosineAnnealingLR(4), per)
    for callback in (schedule, schedule, LearningRate(CosineAnnealingLR(4), per)):
        trainer.fit(mn.DataLoader(X, Y, 40), epochs=4, callbacks=[callback, rates])
        assert rates.seen == [CosineAnnealingLR(4)(0.1, t) for t in range(4)]
    assert trainer.optimizer.lr == 0.0


def test_one_cycle_in_a_second_fit():
    trainer, rates = make(lr=0.1), Rates()
    trainer.fit(mn.DataLoader(X, Y, 20), epochs=5)
    trainer.fit(mn.DataLoader(X, Y, 20), steps=50, callbacks=[LearningRate(OneCycleLR(0.1, 50), "step"), rates])
    assert rates.seen == [OneCycleLR(0.1, 50)(0, t) for t in range(50)]
    assert max(rates.seen) == 0.1


def test_a_rate_that_was_set_between_two_fits_is_the_second_ones():
    trainer, rates = make(lr=0.1), Rates()
    schedule = LearningRate(StepLR(1, 0.5))
    trainer.fit(mn.DataLoader(X, Y, 40), epochs=3, callbacks=[schedule])
    trainer.fit(mn.DataLoader(X, Y, 40), epochs=2, callbacks=[rates])  # without a schedule, it stays as it is
    assert rates.seen == [0.1 / 2**3] * 2
    trainer.optimizer.lr = 0.3
    trainer.fit(mn.DataLoader(X, Y, 40), epochs=2, callbacks=[schedule, rates])
    assert rates.seen == [0.3, 0.15]


def test_one_schedule_for_two_trainers():
    schedule, rates = LearningRate(StepLR(1, 0.5)), Rates()
    for lr in (0.1, 0.01):
        make(lr=lr).fit(mn.DataLoader(X, Y, 40), epochs=2, callbacks=[schedule, rates])
        assert rates.seen == [lr, lr / 2]


@pytest.mark.parametrize("per", ["epoch", "step"])
def test_a_run_that_is_resumed_goes_on_with_the_schedule(per, tmp_path):
    """It was not the trainer's first, and its rates are of the step and of the rate at which it began."""
    seen = []
    for checkpoint in (None, tmp_path):
        rates = Rates()
        for epochs in (2, 5) if checkpoint else (5,):  # the script is started again
            trainer = make(lr=0.1)
            trainer.fit(mn.DataLoader(X, Y, 10), steps=5, callbacks=[LearningRate(ExponentialLR(0.5), "step")])
            callbacks = [LearningRate(ExponentialLR(0.9), per), rates]
            trainer.fit(mn.DataLoader(X, Y, 10), epochs=epochs, callbacks=callbacks, checkpoint=checkpoint)
        seen.append(rates.seen)
        rates = Rates()
        trainer.fit(mn.DataLoader(X, Y, 10), epochs=2, callbacks=[LearningRate(ExponentialLR(0.8), per), rates])
        seen.append(rates.seen)
    assert seen[0][0] == 0.1
    assert seen[2:] == seen[:2]


# -- a schedule that never moves


def endless():
    while True:
        yield X, Y


class Endless:
    def __iter__(self):
        return endless()


def test_a_schedule_by_the_epoch_needs_an_end_of_the_epoch():
    with pytest.raises(ValueError, match="a generator, which has one epoch only, so the learning rate"):
        make().fit(endless(), steps=5, callbacks=[LearningRate(StepLR(1))])
    with pytest.warns(
        TrainingWarning, match=r"never moved: .* ended before the end of its first epoch\. Pass per=.step"
    ):
        make().fit(Endless(), steps=5, callbacks=[LearningRate(StepLR(1))])
    make().fit(endless(), steps=5, callbacks=[LearningRate(StepLR(1), "step")])


def test_a_schedule_by_the_epoch_in_fits_of_one_epoch():
    trainer = make()
    with pytest.warns(TrainingWarning, match=r"never moved: .* ended after its first epoch\. .* call fit once"):
        trainer.fit(mn.DataLoader(X, Y, 20), epochs=1, callbacks=[LearningRate(StepLR(1))])


def test_a_run_that_is_stopped_early_needs_no_warning():
    class Stops(Callback):
        def on_step_end(self, trainer):
            trainer.stop()

    make().fit(mn.DataLoader(X, Y, 20), epochs=5, callbacks=[LearningRate(StepLR(1)), Stops()])


@pytest.mark.parametrize(("rate", "error"), [(-0.1, ValueError), (float("nan"), ValueError), (None, TypeError)])
def test_a_schedule_that_returns_no_rate(rate, error):
    schedule = LearningRate(lambda base, t: rate if t == 3 else np.float32(base), per="step")
    trainer = make(lr=0.5)
    with pytest.raises(error, match=r"^LearningRate .* schedule\(base_lr, t=3\) .*, got"):
        trainer.fit(mn.DataLoader(X, Y, 20), steps=4, callbacks=[schedule])
    assert type(trainer.optimizer.lr) is float


def test_the_history_has_the_rate_in_force():
    history = make(lr=1.0).fit(mn.DataLoader(X, Y, 20), epochs=3, callbacks=[LearningRate(ExponentialLR(0.5))])
    assert history.column("lr") == [1, 0.5, 0.25]


def test_learning_rate_refuses_other_clocks():
    with pytest.raises(ValueError, match="LearningRate expected per to be one of 'epoch', 'step', got 'batch'"):
        LearningRate(StepLR(1), per="batch")


def test_each_group_has_a_rate_of_its_own():
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Softmax())
    groups = [{"params": model.layers[0].weight, "lr": 0.1}, {"params": model.layers[0].bias}]
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(groups, lr=1.0))
    trainer.fit(mn.DataLoader(X, Y, 20), epochs=2, callbacks=[LearningRate(ExponentialLR(0.5))])
    assert [group["lr"] for group in trainer.optimizer.param_groups] == [0.025, 0.25]
    assert trainer.history.column("lr") == [1.0, 0.5]
    trainer.optimizer.param_groups[0]["lr"] = 0.01  # of the first group alone
    trainer.fit(mn.DataLoader(X, Y, 20), epochs=2, callbacks=[LearningRate(ExponentialLR(0.5))])
    assert [group["lr"] for group in trainer.optimizer.param_groups] == [0.0025, 0.25]
    assert trainer.history.column("lr") == [1.0, 0.5] * 2


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


def test_every_group_is_cut():
    """Also where a group's rate was changed by hand: each is cut by the factor, and none goes below the lowest."""
    groups = [{"params": mn.Parameter([0.0]), "lr": 0.1}, {"params": mn.Parameter([0.0])}]
    trainer = make()
    optimizer = trainer.optimizer = mn.SGD(groups, lr=1.0)
    optimizer.param_groups[0]["lr"] = 0.4
    callback = ReduceLROnPlateau("x_loss", patience=0, factor=0.5, min_lr=0.15)
    rates = []
    for _ in range(4):
        callback.on_row(trainer, {"x_loss": 1.0})
        rates.append([group["lr"] for group in optimizer.param_groups])
    assert rates == [[0.4, 1.0], [0.2, 0.5], [0.15, 0.25], [0.15, 0.15]]


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


def test_its_warnings_name_the_line_that_called_fit():
    """They named a line of minnet."""
    model = mn.Sequential(mn.Linear(2, 3, rng=0), mn.Linear(3, 2, rng=1))
    groups = [{"params": model.layers[0].parameters(), "lr": 0.5}, {"params": model.layers[1].parameters()}]
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(groups, lr=0.1))
    schedule = mn.callbacks.LearningRate(lambda base_lr, t: 0.1)
    with pytest.warns(mn.errors.TrainingWarning) as caught:
        trainer.fit(mn.DataLoader(np.eye(2), [0, 1], 1), epochs=1, callbacks=[schedule], progress=False)
    assert [warning.filename for warning in caught] == [__file__, __file__]
