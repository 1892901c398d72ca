"""Tests of the checks: what passes is returned as Python's own type, and what does not is explained."""

import math
import re

import numpy as np
import pytest

import minnet as mn
from minnet.core.arguments import signature_of
from minnet.core.checks import check_choice, check_flag, check_int, check_number, named


def says(message, call, *arguments, **options):
    kind = TypeError if " expected " in message and "one of" not in message else ValueError
    with pytest.raises(kind, match=re.escape(message)):
        call(*arguments, **options)


def test_an_int_is_returned_as_an_int():
    assert type(check_int("F", "n", np.int32(3))) is int
    assert check_int("F", "n", -3, None) == -3


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "F needs n >= 1, got 0: it says how many there are"),
        (2.0, "F expected n to be an int, got float 2.0: pass a whole number, such as n=int(2.0)"),
        ("2", "F expected n to be an int, got str '2': pass a whole number, such as n=int('2')"),
        ("all", "F expected n to be an int, got str 'all': pass a whole number: it says how many there are"),
        (math.inf, "F expected n to be an int, got float inf: pass a whole number: it says how many there are"),
        (True, "F expected n to be an int, got bool"),
        (None, "F expected n to be an int, got NoneType"),
    ],
)
def test_what_is_not_a_positive_int_is_explained(value, message):
    says(message, check_int, "F", "n", value)


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.float64(0.5)])
def test_a_number_is_returned_as_a_float(value):
    assert type(check_number("F", "p", value)) is float


@pytest.mark.parametrize(
    ("value", "bounds", "message"),
    [
        ("1", {}, "F expected p to be a number, got str"),
        (True, {}, "F expected p to be a number, got bool"),
        (np.nan, {}, "F needs a finite p, got nan"),
        (np.inf, {"low": 0}, "F needs a finite p >= 0, got inf"),
        (0, {"above": 0, "why": "use L1Loss"}, "F needs p > 0, got 0: use L1Loss"),
        (1, {"low": 0, "below": 1}, "F needs 0 <= p < 1, got 1"),
        (30, {"low": 0, "below": 1}, "F needs 0 <= p < 1, got 30: 30 percent are 0.3"),
        (3, {"high": 2}, "F needs p <= 2, got 3"),
    ],
)
def test_what_is_not_a_number_in_its_range_is_explained(value, bounds, message):
    says(message, check_number, "F", "p", value, **bounds)


def test_a_choice_is_one_of_a_few():
    assert check_choice("F", "mode", "a", ("a", "b")) == "a"
    says("F expected mode to be one of 'a', 'b', got 'c'", check_choice, "F", "mode", "c", ("a", "b"))


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ([1, 2], "a list of 2"),
        ((1,), "a tuple of 1"),
        (np.ones(3), "an array of shape (3,)"),
        (mn.ReLU, "the class ReLU"),
        (1, "an int"),
        (0.5, "a float"),
    ],
)
def test_what_something_is(value, name):
    assert named(value) == name


@pytest.mark.parametrize("make", [mn.Checkpoint, mn.callbacks.CSVLogger])
def test_a_path_is_text_or_a_path(make, tmp_path):
    with pytest.raises(TypeError, match=rf"{make.__name__} expected (path|folder) to be a path, got an int: pass one"):
        make(3)
    make(tmp_path / "new")


def test_a_flag_is_returned_as_a_bool():
    assert check_flag("F", "bias", np.True_) is True
    assert check_flag("F", "bias", False) is False


def test_a_flag_that_is_none_is_explained():
    """PyTorch's third argument of MultiheadAttention is the dropout, and its fifth of a block the activation."""
    says("F expected bias to be True or False, got 0.1: if another argument", check_flag, "F", "bias", 0.1)
    says("MultiHeadAttention expected bias to be True or False, got 0.1", mn.MultiHeadAttention, 8, 2, 0.1)
    says("TransformerBlock expected causal to be True or False", mn.TransformerBlock, 8, 2, 16, 0.1, "gelu")
    says("SGD expected nesterov to be True or False", mn.SGD, mn.Linear(3, 2).parameters(), 0.1, 0.9, 0, 1e-4, True)


FLAGS = [
    (kind, name)
    for kind in map(mn.__dict__.get, dir(mn))
    if isinstance(kind, type) and issubclass(kind, mn.Layer | mn.Optimizer)
    for name, parameter in signature_of(kind).items()
    if isinstance(parameter.default, bool)
]


@pytest.mark.parametrize(("kind", "flag"), FLAGS, ids=lambda part: getattr(part, "__name__", part))
def test_every_flag_of_every_class_is_checked(kind, flag):
    matrix = mn.Linear(2, 2, bias=False)
    others = {"layer": matrix, "parameters": matrix.parameters()}
    arguments = {
        name: others.get(name, 2)
        for name, parameter in signature_of(kind).items()
        if parameter.default is parameter.empty
    }
    for value in (0.1, "yes", 1, None):
        says(f"{kind.__name__} expected {flag} to be True or False, got {value!r}", kind, **arguments | {flag: value})


def test_a_word_is_no_number():
    """PyTorch's first argument of HuberLoss is the reduction."""
    with pytest.raises(TypeError, match=r"HuberLoss expected delta to be a number, got str 'sum'$"):
        mn.HuberLoss("sum")
