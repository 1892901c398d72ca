"""Names that are not there: the message says what was meant."""

import re

import numpy as np
import pytest
from zoo_cases import error_of

import minnet as mn
from minnet.inspection import crashes
from minnet.inspection.layer_checks import Trial

X = np.ones((2, 3))


class Layer(mn.Layer):
    def __init__(self):
        self.weight = mn.Parameter(np.eye(3))
        self.plain = np.eye(3)

    def forward(self, x):
        return x


def variable(self, x):
    return weight  # noqa: F821


def nowhere(self, x):
    return h  # noqa: F821


def attribute(self, x):
    return self.weigth


def plain(self, x):
    return self.plain.grad


def none(self, x):
    return None.shape


def unset(self, x):
    for i in range(0):
        last = i
    return last


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (variable, "there is no variable weight: write self.weight"),
        (nowhere, "there is no variable h: is it misspelt"),
        (attribute, "it is called self.weight in __init__"),
        (plain, "self.plain is a plain NumPy array, and has no grad"),
        (none, "it was never given a value"),
        (unset, "uses last at `last` .* before it has a value"),
    ],
)
def test_it_says_what_was_meant(method, words):
    cls = type("Layer", (Layer,), {"forward": method})
    layer = cls()
    assert re.search(words, crashes.of_error(error_of(layer.forward, X), layer, "forward", [X]))


def test_in_backward_a_variable_of_forward_is_to_be_kept():
    layer = Layer()
    assert "Keep it there, self.cache = h" in crashes.of_error(error_of(nowhere, layer, X), layer, "backward", [X])


def test_a_loss_gets_no_dy():
    class WithDy(Layer):
        def backward(self, dy):
            return dy

    loss = Trial(WithDy(), [X], np.random.default_rng(0))
    loss.is_loss = True
    layer = loss.new()
    with pytest.raises(AssertionError, match="backward of a loss gets no dy"):
        loss.backward(layer, None)


def test_self_is_the_first_argument():
    class WithoutSelf(Layer):
        def forward(x):  # noqa: N805
            return x

    trial = Trial(WithoutSelf(), [X], np.random.default_rng(0))
    with pytest.raises(AssertionError, match=r"forward lacks self, its first argument: write def forward\(self, x\)"):
        trial.begin()
