"""Early stopping stops when it should, and puts the best weights back."""

import math

import numpy as np
import pytest
from helpers import linear_problem
from helpers import small_trainer as make

import minnet as mn
from minnet.callbacks import Callback, EarlyStopping

X, Y = linear_problem(40)


class Weights(Callback):
    """Keeps the weights of every row, and puts made-up numbers into the row."""

    def __init__(self, numbers):
        self.numbers, self.kept = list(numbers), []

    def on_row(self, trainer, row):
        row["made_up_loss"] = self.numbers[len(self.kept)]
        self.kept.append(trainer.model.layers[0].weight.data.copy())


@pytest.mark.parametrize(
    ("numbers", "options", "rows", "best"),
    [
        ([5, 4, 3, 9, 9, 9, 9, 9], {"patience": 3}, 6, 2),  # waits three rows, goes back to the third
        ([5, 4, 3, 2, 1, 0.5], {"patience": 1}, 6, 5),  # improves to the end
        ([5, 4.95, 4.89, 4.85, 4.8, 0], {"patience": 2, "min_delta": 0.1}, 5, 2),
        ([5, 4.95, 4.94, 4.93, 0, 0], {"patience": 2, "min_delta": 0.1}, 3, 0),
        ([math.nan, 5, 4, 9, 9, 9], {"patience": 2}, 5, 2),
        ([5, math.nan, math.nan, 1, 1, 1], {"patience": 2}, 3, 0),  # NaN is no improvement
    ],
)
def test_early_stopping_restores_the_best(numbers, options, rows, best):
    trainer, weights = make(), Weights(numbers)
    stopping = EarlyStopping("made_up_loss", **options)
    trainer.fit(mn.DataLoader(X, Y, 20), epochs=len(numbers), callbacks=[weights, stopping])
    assert len(trainer.history) == rows
    assert stopping.best == numbers[best]
    assert stopping.best_step == trainer.history[best]["step"]
    np.testing.assert_array_equal(trainer.model.layers[0].weight.data, weights.kept[best])


def said(better):
    """Return a metric that gives these values one after the other, and says in which direction it improves."""

    def metric(prediction, target):
        return metric.values.pop(0)

    metric.better = better
    return metric


@pytest.mark.parametrize(
    ("better", "mode", "values", "best"),
    [
        ("min", None, [0.9, 0.5, 0.2, 0.4, 0.3], 2),  # before, any column but a loss was to rise
        ("max", None, [0.5, 0.6, 0.55, 0.55], 1),
        (None, "min", [-0.5, -0.6, -0.55, -0.55], 1),
        (None, "max", [-0.5, -0.4, -0.45, -0.45], 1),
        ("min", "max", [0.5, 0.6, 0.55, 0.55], 1),
    ],
)
def test_a_metric_or_the_mode_says_in_which_direction_it_improves(better, mode, values, best):
    metric, weights = said(better), Weights(values)
    metric.values = list(values)
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Softmax())
    optimizer = mn.SGD(model.parameters(), lr=0.1)
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), optimizer, metrics={"score": metric})
    stopping = EarlyStopping("v_score", patience=2, mode=mode)
    options = {"evaluate": {"v": (X, Y)}, "callbacks": [weights, stopping]}
    trainer.fit(mn.DataLoader(X, Y, 20), epochs=len(values), **options)
    assert stopping.best == values[best]
    np.testing.assert_array_equal(trainer.model.layers[0].weight.data, weights.kept[best])


def test_a_direction_that_nobody_says_is_asked_for_before_the_first_step():
    trainer = make()
    with pytest.raises(
        ValueError, match="EarlyStopping cannot know whether 'v_mae' is better when it is lower or higher"
    ):
        trainer.fit(mn.DataLoader(X, Y, 20), epochs=4, callbacks=[EarlyStopping("v_mae")])
    assert trainer.step == 0
    with pytest.raises(ValueError, match="EarlyStopping expected mode to be one of 'min', 'max', None, got 'auto'"):
        EarlyStopping("v_mae", mode="auto")


def test_it_serves_two_fits_as_if_it_were_new():
    stopping = EarlyStopping("made_up_loss", patience=3)
    for numbers, rows in (([1, 2, 3, 4, 5], 4), ([9, 8, 7, 8, 9, 10], 6)):
        trainer, weights = make(lr=0.1 / rows), Weights(numbers)
        trainer.fit(mn.DataLoader(X, Y, 20), epochs=len(numbers), callbacks=[weights, stopping])
        assert len(trainer.history) == rows
        assert stopping.best == min(numbers)
        best = weights.kept[numbers.index(min(numbers))]
        np.testing.assert_array_equal(trainer.model.layers[0].weight.data, best)


def test_early_stopping_leaves_an_interrupted_model_as_it_is(capsys):
    class Interrupts(Callback):
        def on_epoch_end(self, trainer):
            if trainer.epoch == 3:
                raise KeyboardInterrupt

    trainer, weights = make(), Weights([1, 2, 3])
    stopping = EarlyStopping("made_up_loss", patience=9)
    trainer.fit(mn.DataLoader(X, Y, 20), epochs=9, callbacks=[weights, stopping, Interrupts()])
    np.testing.assert_array_equal(trainer.model.layers[0].weight.data, weights.kept[2])
    assert "interrupted after step 6" in capsys.readouterr().err


def test_early_stopping_says_which_columns_there_are():
    with pytest.raises(
        ValueError, match="monitors 'validation_loss', but a row has only step, epoch, seconds, lr, loss"
    ):
        make().fit(mn.DataLoader(X, Y, 20), epochs=1, callbacks=[EarlyStopping("validation_loss")])


@pytest.mark.parametrize("bad", [{"patience": 0}, {"min_delta": -1}])
def test_early_stopping_bad_numbers(bad):
    with pytest.raises(ValueError, match=f"EarlyStopping needs {next(iter(bad))} >= "):
        EarlyStopping("loss", **bad)


class Wrapped(mn.callbacks.Callback):
    """Hands everything on to another callback."""

    def __init__(self, *inner):
        self.inner = inner

    def on_fit_start(self, trainer):
        self.inner[0].on_fit_start(trainer)

    def on_row(self, trainer, row):
        self.inner[0].on_row(trainer, row)

    def on_fit_end(self, trainer):
        self.inner[0].on_fit_end(trainer)


def test_inside_another_callback_it_begins_anew_too():
    """The second run got the weights of the first."""
    X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    wrapped, ends = Wrapped(mn.callbacks.EarlyStopping("v_loss", patience=1)), []
    for callback in (wrapped, wrapped, mn.callbacks.EarlyStopping("v_loss", patience=1)):
        model = mn.Sequential(mn.Linear(3, 2, rng=0))
        lr = 1e-3 if ends else 1.0
        trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=lr))
        trainer.fit(mn.DataLoader(X, y, 10), epochs=4, evaluate={"v": (X, y)}, callbacks=[callback], progress=False)
        ends.append((trainer.step, *model.layers[0].weight.data.ravel()))
    assert ends[0] != ends[1] == ends[2]
