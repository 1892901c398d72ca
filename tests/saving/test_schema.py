"""The form of a state, piece by piece. (Whole checkpoints that are made to hurt: tests/fuzz/test_crafted.py.)"""

import re

import numpy as np
import pytest

import minnet as mn
from minnet.saving.schema import (
    MOST,
    alike,
    check_attributes,
    check_counts,
    check_history,
    check_optimizer,
)

TRAINER = {"step": 7, "epoch": 1, "last_loss": 0.5, "stopped": False}
RUN = {"first_step": 2, "first_epoch": 0, "in_epoch": 2, "row_at": -1, "skipped": 0, "seconds": 0.5, "best": None}
ROWS = 3


def refuses(message):
    return pytest.raises(ValueError, match=re.escape(message))


def test_counts_that_are_right():
    check_counts({"trainer": TRAINER, "run": RUN})
    check_counts({"trainer": TRAINER | {"step": MOST - 1}, "run": RUN})


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("trainer", "step", MOST),
        ("trainer", "epoch", -(2**70)),
        ("trainer", "step", 1),  # before the first
        ("run", "in_epoch", 10**15),
        ("run", "first_epoch", 2),
        ("run", "row_at", 8),
        ("run", "skipped", 8),
        ("run", "seconds", float("inf")),
        ("run", "seconds", -1.0),
    ],
)
def test_counts_that_are_wrong(part, name, value):
    state = {"trainer": TRAINER, "run": RUN}
    state[part] = state[part] | {name: value}
    with pytest.raises(ValueError, match=r"is -?\d|is out of order|is no time"):
        check_counts(state)


NUMBERS, MASK = np.zeros(ROWS), np.ones(ROWS, bool)


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"step": (None, np.arange(ROWS)), "loss": (MASK, NUMBERS), "note": (None, ["a", None, 2**70])},
        {"note": (None, ["a"] * 1000)},
    ],
    ids=len,
)
def test_histories_that_are_right(columns):
    check_history(columns)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], "no dict of columns"),
        ({1: (None, NUMBERS)}, "no dict of columns"),
        ({"a": [None, NUMBERS]}, "no pair"),
        ({"a": (None, np.zeros((2**40, 0)))}, "no vector of int64 or float64"),
        ({"a": (None, np.zeros(3, np.uint8))}, "no vector of int64 or float64"),
        ({"a": (None, np.array(3.0))}, "no vector of int64 or float64"),
        ({"a": (None, "abc")}, "no vector of int64 or float64"),
        ({"a": (NUMBERS, NUMBERS)}, "a mask that is no vector of bool"),
        ({"a": (np.ones((3, 1), bool), NUMBERS)}, "a mask that is no vector of bool"),
        ({"a": (MASK[:2], NUMBERS)}, "2 lengths"),
        ({"a": (None, NUMBERS), "b": (None, [1])}, "2 lengths"),
        ({"a": (None, [0] * 1001)}, "more rows than numbers"),
    ],
)
def test_histories_that_are_wrong(columns, message):
    with refuses(message):
        check_history(columns)


class Owner:
    kind = 3

    def __init__(self):
        self.weight = mn.Parameter([1.0])
        self.count, self.sums, self.rng, self.nothing = 0, np.zeros(3), np.random.default_rng(0), None

    @property
    def size(self):
        return 3

    def reset(self):
        pass


def plain(owner):
    return {name: value for name, value in vars(owner).items() if name != "weight"}


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"count": 10, "sums": np.ones(5), "nothing": {"a": [1]}},
        {"count": 0.5},  # a sum that began as 0
        {"more": [1, "a"], "kind": 4},
    ],
    ids=str,
)
def test_attributes_that_are_right(state):
    owner = Owner()
    check_attributes("x", owner, plain(owner), state)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ([], "x is a list"),
        ({"weight": None}, "x.weight is a Parameter of Owner"),
        ({"weight": 5}, "x.weight is a Parameter of Owner"),
        ({"reset": 5}, "x.reset is a method or a property of Owner"),
        ({"size": 5}, "x.size is a method or a property of Owner"),
        ({"__class__": 5}, "x.__class__ is no name of an attribute"),
        ({"a b": 5}, "x.a b is no name of an attribute"),
        ({3: 5}, "x.3 is no name of an attribute"),
        ({"kind": "a"}, "x.kind is a str, where the run has a number"),
        ({"count": None}, "x.count is None, where the run has a number"),
        ({"count": True}, "x.count is a bool, where the run has a number"),
        ({"sums": np.zeros(3, np.float32)}, "x.sums is an array of float32, where the run has an array of float64"),
        ({"sums": np.zeros((3, 1))}, "x.sums has the shape (3, 1), where the run has (3,)"),
        ({"rng": np.random.Generator(np.random.Philox(1))}, "x.rng is a Generator of Philox"),
        ({"nothing": "a/b"}, "x.nothing names a place to write to"),
        ({"nothing": "~"}, "x.nothing names a place to write to"),
        ({"log_file": "a"}, "x.log_file names a place to write to"),
        ({"paths": ["a"]}, "x.paths names a place to write to"),
    ],
)
def test_attributes_that_are_wrong(state, message):
    owner = Owner()
    with refuses(message):
        check_attributes("x", owner, plain(owner), state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p": -0.5}, "x.p is 0.2 now, and -0.5 in the checkpoint"),
        ({"p": 1.5}, "x.p is 0.2 now, and 1.5 in the checkpoint"),
        ({"p": float("nan")}, "x.p is 0.2 now, and nan in the checkpoint"),
        ({"more": 1}, "x.more is no attribute of Dropout"),
        ({"_cache": 1}, "x._cache is never in a file"),
        ({"training": 1}, "x.training is a number, where the run has a bool"),
    ],
)
def test_a_layer_of_minnet_has_what_it_has(change, message):
    layer = mn.Dropout(0.2, rng=0)
    now = {"p": 0.2, "rng": layer.rng}
    check_attributes("x", layer, now, now | {"training": False, "p": 0.5})
    with refuses(message):
        check_attributes("x", layer, now, now | change)
    with refuses("x lacks p"):
        check_attributes("x", layer, now, {"rng": layer.rng})


def test_a_layer_gets_what_it_expects_of_its_inputs():
    layer = mn.ReLU()
    for right in ({"input_scale": 0.5}, {"input_scale": None}, {"class_names": ["cat", "a/b"]}, {"class_names": None}):
        check_attributes("x", layer, {}, right)
    for name, wrong in (("input_scale", -1.0), ("input_scale", "a"), ("class_names", "cat"), ("class_names", [1])):
        with refuses(f"x.{name} is a "):
            check_attributes("x", layer, {}, {name: wrong})


def test_none_stands_for_what_is_not_there_yet():
    alike("x", None, [1, {"a": 2}])
    alike("x", [None, 1], [np.zeros(3), 2])
    with refuses("x[1] is a str, where the run has a number"):
        alike("x", [None, 1], [np.zeros(3), "a"])


def test_what_is_closed_keeps_its_names_and_lengths():
    alike("x", {"a": [1, 2]}, {"a": [1], "b": 3})
    with refuses("x has other entries: b"):
        alike("x", {"a": [1, 2]}, {"a": [1, 2], "b": 3}, closed=True)
    with refuses("x.a has 1 entries, where the run has 2"):
        alike("x", {"a": [1, 2]}, {"a": [1]}, closed=True)


def optimizer():
    return mn.Adam([mn.Parameter(np.ones((2, 3))), mn.Parameter(np.ones(3))])


def test_an_optimizer_gets_arrays_like_its_parameters():
    now, trained = optimizer(), optimizer()
    trained.step()
    check_optimizer(now, now.state_dict(), trained.state_dict())
    state = trained.state_dict()
    state["attributes"]["state"]["mean"][0] = np.zeros((3, 2), np.float32)
    with refuses("optimizer.state.mean has not the shapes"):
        check_optimizer(now, now.state_dict(), state)
    state["attributes"]["state"]["mean"] = [None]
    with refuses("optimizer.state.mean has not an entry for each Parameter"):
        check_optimizer(now, now.state_dict(), state)


@pytest.mark.parametrize(
    "change", [{"lr": float("nan")}, {"lr": -1.0}, {"lr": "a"}, {"betas": (0.9, 1.0)}, {"more": 1}]
)
def test_an_optimizer_checks_its_options(change):
    now, trained = optimizer(), optimizer()
    state = trained.state_dict()
    state["groups"][0] |= change
    with pytest.raises(ValueError, match=r"Adam needs|optimizer\.groups"):
        check_optimizer(now, now.state_dict(), state)


def test_an_optimizer_of_ones_own_keeps_what_it_likes():
    class Own(mn.SGD):
        def __init__(self, parameters):
            super().__init__(parameters, lr=0.1)
            self.state["history"] = []

    now, trained = (Own([mn.Parameter(np.ones(3))]) for _ in range(2))
    trained.state["history"] += [1, 2, 3]
    trained.state["table"] = [np.zeros((7, 7))]
    check_optimizer(now, now.state_dict(), trained.state_dict())
