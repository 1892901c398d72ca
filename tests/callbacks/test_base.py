"""A callback does nothing by itself, and says what is missing from a row."""

import inspect

import numpy as np
import pytest

import minnet as mn
from minnet import callbacks
from minnet.callbacks import Callback, RunningScore
from minnet.callbacks.base import MOMENTS, hooks, looks_at_every_step
from minnet.core.rows import monitored


def test_every_moment_of_the_base_does_nothing():
    moments = [method for name, method in vars(Callback).items() if name.startswith("on_")]
    assert len(moments) == 6
    for moment in moments:
        assert moment(*[None] * len(inspect.signature(moment).parameters)) is None


class Watches(Callback):
    def on_step_end(self, trainer):
        pass


def test_hooks_are_those_that_somebody_overrides():
    first, second = Watches(), Watches()
    found = hooks([first, Callback(), second])
    assert list(found) == MOMENTS
    assert found["on_step_end"] == [first.on_step_end, second.on_step_end]
    assert not any(methods for name, methods in found.items() if name != "on_step_end")


def test_a_method_that_was_set_on_one_callback_is_called():
    """It was not called, in silence."""
    first, second, seen = Callback(), RunningScore(), []
    first.on_row, second.on_step_end = seen.append, lambda trainer: seen.append(trainer)
    found = hooks([first, second])
    assert found["on_row"] == [seen.append, second.on_row]
    assert found["on_step_end"] == [second.on_step_end]
    assert [looks_at_every_step(callback) for callback in (first, second)] == [False, True]


def test_who_has_to_see_every_step():
    class Changed(RunningScore):
        def on_step_end(self, trainer):
            pass

    callbacks = [Watches(), Changed(), RunningScore(), Callback()]
    assert [looks_at_every_step(callback) for callback in callbacks] == [True, True, False, False]


def test_monitored():
    assert monitored(Callback(), "loss", {"loss": 0.5}) == 0.5
    with pytest.raises(ValueError, match="Callback monitors 'lost', but a row has only step, loss: pass fit"):
        monitored(Callback(), "lost", {"step": 1, "loss": 0.5})


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (callbacks.EMA, {"average": [np.zeros(7, np.float32)]}),
        (callbacks.EMA, {"average": ["x"]}),
        (lambda: callbacks.EarlyStopping("loss"), {"best": "x"}),
        (lambda: callbacks.EarlyStopping("loss"), {"_mode": "up"}),
        (lambda: callbacks.EarlyStopping("loss"), {"_weights": [np.zeros(7, np.float32)]}),
        (lambda: callbacks.ReduceLROnPlateau("loss"), {"best": [0.5]}),
        (lambda: callbacks.LearningRate(mn.schedules.StepLR(5)), {"base_lrs": []}),
        (lambda: callbacks.LearningRate(mn.schedules.StepLR(5)), {"base_lrs": [float("inf")]}),
        (lambda: callbacks.CSVLogger("rows.csv"), {"columns": [1]}),
    ],
)
def test_a_callback_refuses_a_state_that_is_none_of_its_own(make, change):
    model = mn.Sequential(mn.Linear(3, 2, rng=0), mn.BatchNorm1d(2))
    optimizer = mn.SGD(model.parameters(), lr=0.1)
    right = {
        "EMA": {"average": [p.data for p in model.parameters()]},
        "EarlyStopping": {"best": 0.5, "_mode": "max", "_weights": [a.data for _, a in model.named_arrays()]},
        "LearningRate": {"base_lrs": [0.1]},
    }
    state = make().state_dict() | right.get(type(make()).__name__, {})
    make().check_state(state, model, optimizer)
    with pytest.raises(ValueError, match=r"the .* (are|is)|there is not|a column's name"):
        make().check_state(state | change, model, optimizer)
