"""Settings as texts: what is compared, and how a difference reads."""

import enum
import functools
import math
from pathlib import Path

import numpy as np
import pytest

import minnet as mn
from minnet.saving.settings import CLASS, LONGEST, as_text, differences, settings_of

Phase = enum.Enum("Phase", "FIRST SECOND")


class Own:
    def __init__(self, p, path=Path("a"), weight=None, rng=None, parts=(), function=len, phase=Phase.FIRST):
        self.p, self.path, self.weight, self.rng, self.parts = p, path, weight, rng, parts
        self.function, self.phase, self.inner = function, phase, object()
        self.started, self.count, self.kept = 0.5, 0, [1]


class Derived(Own):
    def __init__(self, more, **options):
        super().__init__(1, **options)
        self.more = more


def test_the_arguments_of_a_class_are_its_settings():
    given, others, fixed = settings_of(Own(0.5, weight=np.ones(2), rng=np.random.default_rng(0)), leave=["count"])
    assert given == {
        CLASS: "Own",
        "p": "0.5",
        "parts": "()",
        "function": "len",
        "phase": "Phase.FIRST",
        "rng": "a Generator",
    }
    assert others.keys() == {"weight", "started"}
    assert fixed == {"function": "len"}  # a path is the script's
    assert settings_of(Derived(2)).given.keys() >= {"more", "p"}


def test_an_array_of_minnets_own_is_a_setting():
    loss = mn.SoftmaxCrossEntropyLoss(weight=[1, 2], label_smoothing=0.1)
    assert settings_of(loss).given.keys() >= {"weight", "label_smoothing", "ignore_index"}
    assert settings_of(mn.Dropout(0.2)).given == {CLASS: "Dropout", "p": "0.2", "rng": "a Generator"}
    assert settings_of(functools.partial(len)).given == {CLASS: "partial"}
    assert settings_of(lambda: 1).given == {CLASS: "test_an_array_of_minnets_own_is_a_setting.<locals>.<lambda>"}


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (math.nan, float("nan"), True),
        (0.1, 0.1 + 2e-17, False),
        (np.float64(0.5), 0.5, True),
        (1, True, False),
        (1, 1.0, False),
        (np.zeros(3), np.zeros(3), True),
        (np.zeros(3), np.zeros(3, np.float32), False),
        (np.zeros(500), np.eye(500)[-1], False),
        (np.array([np.nan, 1]), np.array([np.nan, 1]), True),
        ((1, 2), [1, 2], False),
        ({3, 1, 2}, {1, 2, 3}, True),
        ({"a": (1, {2: 3})}, {"a": (1, {2: 4})}, False),
        (list(range(100)), [*range(99), 0], False),
        ("x" * 500, "x" * 499 + "y", False),
        (list(range(2000)), list(range(2001)), False),
        (np.tanh, np.sin, False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_texts_are_the_same_if_the_values_are(a, b, same):
    assert (as_text(a) == as_text(b)) is same
    assert len(as_text(a)) <= LONGEST + 20


def test_what_is_not_compared():
    for value in (np.random.default_rng(0), object(), mn.Linear(1, 1), [object()], {"a": object()}):
        assert as_text(value) is None


def test_differences():
    now = {"a": {CLASS: "A", "p": "1", "q": "2"}, "b": {CLASS: "B"}, "c": {CLASS: "C", "x": "1"}}
    then = {"a": {CLASS: "A", "p": "2", "r": "3"}, "b": {CLASS: "X", "y": "1"}, "d": {CLASS: "D"}}
    assert differences(now, then) == [
        "a.p: 1 now, 2 in the checkpoint",
        "a.q: 2 now, nothing in the checkpoint",
        "a.r: nothing now, 3 in the checkpoint",
        "b: B now, X in the checkpoint",
    ]
    assert differences(now, then, ["a.p", "a.q", "a.r", "b"]) == []


def test_the_constants_of_a_layer_are_settings_but_for_their_last_digits():
    mean = np.random.default_rng(0).normal(size=50)
    now, close, other = (settings_of(mn.Normalize(m, np.ones(50))).given for m in (mean, mean * (1 + 1e-15), 2 * mean))
    assert now["mean"].startswith("array (50,) float32")
    assert now["std"] == close["std"] == other["std"]
    assert now["mean"] == close["mean"] != other["mean"]
    assert settings_of(mn.BatchNorm1d(3)).given.keys().isdisjoint({"running_mean", "running_var"})
