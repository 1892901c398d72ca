"""Values that an operation cannot use: the message says which, and what to do."""

import math
import re

import numpy as np
import pytest
from zoo_cases import error_of

import minnet as mn
from minnet.inspection import crashes

X = np.ones((2, 3))


def scope(x):
    return x.copy().sort(), (x, x), [x]


def none(x):
    y = scope(x)[0]
    return y + 1


def pair(x):
    y = scope(x)[1]
    return y * x[0, 0]


def called(x):
    return x(2)


def condition(x):
    if x > 0:
        return x
    return 0


def scalar(x):
    return math.exp(x)


def unpacked(x):
    a, b, c = x.shape
    return a, b, c


def floats(x):
    return x[x]


def large(x):
    return x[:, 5]


def axis(x):
    return x.sum(axis=2)


def empty(x):
    return x[:0].max()


def integers(x):
    y = np.zeros((2, 3), int)
    y += x
    return y


def divided(x):
    return x / (x - x)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (none, r"y is None at `y \+ 1`"),
        (pair, "computes with a tuple: .* Unpack them"),
        (called, r"round brackets behind x call it as a function"),
        (condition, r"`if x > 0:` .* asks for one yes or no"),
        (scalar, r"math\.exp takes one number, .* write np\.exp"),
        (unpacked, r"unpacks x\.shape into \(a, b, c\), but it has 2 sizes, \(2, 3\)"),
        (floats, "uses floats as an index"),
        (large, "index 5 does not exist, because axis 1 has only 3 places"),
        (axis, r"asks for axis 2, but the array has 2 axes, counted from 0: the last one is axis=1"),
        (empty, "asks for the largest or smallest of no numbers"),
        (integers, "writes floats into an array of integers"),
        (divided, "divides by 0 at .* max"),
    ],
)
def test_it_says_what_to_do(action, words):
    message = crashes.of_error(error_of(action, X), mn.Tanh(), "forward", [X])
    assert re.search(words, message), message
