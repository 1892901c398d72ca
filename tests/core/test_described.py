"""Descriptions: what objects show at the prompt."""

import functools
from pathlib import Path

import numpy as np
import pytest

import minnet as mn
from minnet import callbacks, schedules
from minnet.core.described import WIDTH, counted, describe, wrapped
from minnet.data import augment


class Thing:
    """It keeps most of its arguments."""

    def __init__(self, first, *rest, size=3, text="a", lost=0, part=None, scale=1.0, **options):
        self.first, self.rest, self.size, self.text, self.part, self.scale = first, rest, size, text, part, scale

    @property
    def lost(self):
        raise RuntimeError("cannot be read now")


def a_function(x):
    return x


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (Thing(1), "Thing(1)"),
        (Thing("x", 2, 3.5), "Thing('x', 2, 3.5)"),
        (Thing(None, size=4, text="b", more=1), "Thing(None, size=4, text='b')"),
        (Thing(1, scale=None), "Thing(1, scale=None)"),
        (Thing(1, part={}), "Thing(1)"),
        (Thing(1, part=0, size=0), "Thing(1, size=0, part=0)"),
        (Thing(np.float32(0.5), size=np.int64(3)), "Thing(0.5, size=3)"),
        (Thing(True, size=True), "Thing(True, size=True)"),  # True is no 1
        (Thing(np.array([1.0, 2.0])), "Thing([1., 2.])"),
        (Thing(np.arange(50)), "Thing([0, 1, ..., 48, 49])"),
        (Thing(np.zeros((60_000, 784), np.uint8)), "Thing(array (60000, 784) uint8)"),
        (Thing({"a": np.zeros((2, 2)), "b": [1, "c"]}), "Thing({'a': array (2, 2) float64, 'b': [1, 'c']})"),
        (Thing((1,)), "Thing((1,))"),
        (Thing(list(range(100))), "Thing([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, ...])"),
        (Thing(Path("a") / "b"), "Thing('a/b')"),
        (Thing(a_function, part=Thing), "Thing(a_function, part=Thing)"),
        (Thing(functools.partial(a_function, x=1), part=np.tanh), "Thing(a_function, part=tanh)"),
        (Thing(object()), "Thing(object(...))"),
        (Thing(mn.Linear(2, 3)), "Thing(Linear(2, 3))"),
        (Thing(mn.Sequential(mn.ReLU())), "Thing(Sequential())"),
        (Thing(np.random.default_rng(0)), "Thing()"),
    ],
    ids=range(21),
)
def test_arguments_that_are_not_the_default(thing, text):
    assert describe(thing) == text


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (callbacks.EarlyStopping("validation_loss", patience=3), "EarlyStopping('validation_loss', patience=3)"),
        (callbacks.EMA(), "EMA()"),
        (callbacks.ClipGradNorm(1), "ClipGradNorm(1.0)"),
        (callbacks.CSVLogger("rows.csv"), "CSVLogger('rows.csv')"),
        (callbacks.LearningRate(schedules.StepLR(10)), "LearningRate(StepLR(10))"),
        (callbacks.LearningRate(lambda lr, t: lr, per="step"), "LearningRate(<lambda>, per='step')"),
        (schedules.SequentialLR([schedules.LinearLR(), schedules.StepLR(9)], [5]), None),
        (schedules.OneCycleLR(0.1, total_steps=100), "OneCycleLR(0.1, 100)"),
        (mn.Checkpoint("run", every=10), "Checkpoint('run', every=10)"),
        (mn.metrics.f1, "F1()"),
        (mn.metrics.F1("macro"), "F1(average='macro')"),
        (mn.metrics.R2(), "R2()"),
        (augment.Chain(augment.Rotate(20), augment.Shift(1)), "Chain(Rotate(degrees=20.0), Shift(pixels=1))"),
        (mn.HuberLoss(delta=2), "HuberLoss(delta=2.0)"),
        (mn.SoftmaxCrossEntropyLoss([1, 2]), "SoftmaxCrossEntropyLoss(weight=[1., 2.])"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_what_is_shown_at_the_prompt(thing, text):
    assert repr(thing) == (text or "SequentialLR((LinearLR(), StepLR(9)), (5,))")


def test_a_table_is_not_asked_to_describe_its_columns():
    class Table:
        def describe(self):
            raise AssertionError

        def __repr__(self):
            return "a\nb"

    assert describe(Thing(Table(), size=(np.ones(2),))) == "Thing(Table(...), size=([1., 1.],))"


def test_a_data_loader():
    loader = mn.DataLoader(np.zeros((600, 28, 28), np.uint8), np.arange(600) % 10, 32, shuffle=True, rng=0)
    lines = repr(loader).splitlines()
    assert lines[0].startswith("DataLoader(array (600, 28, 28) uint8, [0, 1, ..., 8, 9], batch_size=32,")
    assert lines[1] == "    shuffle=True)"
    batches = iter(loader)
    next(batches)
    assert repr(batches) == "Epoch(1 of 19 batches done)"


def test_a_callback_of_ones_own():
    class Shout(callbacks.Callback):
        def __init__(self, word, times=1):
            self.word, self.times = word, times

    assert repr(Shout("hey", times=3)) == "Shout('hey', times=3)"
    assert repr(callbacks.Callback()) == "Callback()"


def test_what_is_half_made_is_shown():
    """A debugger shows an object before its constructor has returned."""
    for kind in (callbacks.EarlyStopping, mn.DataLoader, mn.metrics.F1, mn.Checkpoint, mn.HuberLoss, mn.Linear):
        assert repr(object.__new__(kind)).startswith(kind.__name__ + "(")


def test_a_long_line_is_broken_between_words():
    callback = callbacks.ReduceLROnPlateau("validation_loss", factor=0.5, patience=3, threshold=1e-3, cooldown=2)
    first, second = repr(callback).splitlines()
    assert len(first) <= WIDTH
    assert second.startswith("    ")
    assert " ".join([first, second.strip()]) == describe(callback)
    assert wrapped("short") == "short"
    assert wrapped("x" * 100) == "x" * 100


def test_a_layer_shows_its_options_even_if_they_are_the_default():
    assert repr(mn.Dropout()) == "Dropout(p=0.5)"
    assert repr(mn.Linear(2, 3)) == "Linear(2, 3)"
    assert repr(mn.Linear(2, 3, bias=False)) == "Linear(2, 3, bias=False)"


def test_counted():
    assert [counted(n, "image") for n in (0, 1, 2000)] == ["0 images", "1 image", "2,000 images"]
