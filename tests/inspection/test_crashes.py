"""Errors of a layer's methods are told in words that say what to do."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.crashes import of_error

X = np.arange(6.0).reshape(2, 3)


class Fails(mn.Layer):
    """Runs one expression in forward."""

    def __init__(self, action):
        self.action = action
        self.W = mn.Parameter(np.eye(3))

    def forward(self, x):
        return self.action(self, x)


def recurse(layer, x):
    return layer.forward(x)


def rebind(layer, x):
    layer.W.grad = x


def write(layer, x):
    x[0] = 1


def add(layer, x):
    x += 1


def written(text=None):
    raise NotImplementedError(text) if text else NotImplementedError


def said(action, x=X):
    x = x.copy()
    x.flags.writeable = False
    layer = Fails(action)
    with pytest.raises((Exception, SystemExit)) as caught:
        layer.forward(x)
    return of_error(caught.value, layer, "forward", [x])


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (lambda layer, x: x @ layer.W, ["a Parameter is not an array: use .data"]),
        (lambda layer, x: layer.cache, ["forward kept nothing for backward", "forward reads self.cache"]),
        (recurse, ["forward calls itself without end"]),
        (rebind, ["re-binds grad", "Write layer.W.grad += ..."]),
        (write, ["forward writes into x, which belongs to the caller", "`x[0] = 1`", "Write x = x.copy() before it"]),
        (add, ["Write x = x + 1"]),
        (lambda layer, x: written(), ["forward is not written yet"]),
        (lambda layer, x: written("Half has no backward: define backward(self, dy)"), ["write def backward(self, dy)"]),
        (lambda layer, x: exit(), ["SystemExit"]),
        (lambda layer, x: {}["no"], ["forward asks", "for 'no'", "but it is empty"]),
        (lambda layer, x: x @ np.ones(7), ["cannot multiply the matrices", "(2, 3)", "(7,)"]),
        (lambda layer, x: mn.Linear(4, 2).forward(x.astype(np.float32)), ["expected 4 features in the last axis"]),
    ],
)
def test_an_error_says_what_to_do(action, words):
    message = said(action)
    assert any(word in message for word in words[-1:]), message
    assert words[0] in message or words[-1] in message


def test_what_is_unknown_is_quoted_with_the_shapes_of_its_names():
    assert said(lambda layer, x: x.nonsense).endswith("has no attribute 'nonsense' (there, x has shape (2, 3))")


def test_an_error_without_a_source_is_told_without_its_line():
    names = {}
    exec("def action(layer, x):\n    return x @ x", names)
    assert said(names["action"]).startswith("forward multiplies matrices whose sizes do not fit at line 2")
