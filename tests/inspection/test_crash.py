"""A crash knows what the method was, and how it should be defined."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.crash import Crash
from minnet.inspection.source import Place


@pytest.mark.parametrize(
    ("method", "arguments", "signature"),
    [
        ("forward", 1, "def forward(self, x)"),
        ("forward", 2, "def forward(self, prediction, target)"),
        ("backward", 1, "def backward(self, dy)"),
        ("backward", 0, "def backward(self)"),
        ("accumulate_grad", 1, "def accumulate_grad(self, dy)"),
    ],
)
def test_a_method_is_defined_so(method, arguments, signature):
    crash = Crash(ValueError("no"), mn.Tanh(), method, [np.ones(3)] * arguments, Place())
    assert crash.signature == signature


def test_without_a_source_the_place_is_some_line():
    assert Crash(ValueError("no"), mn.Tanh(), "forward", [], Place()).at == "some line"
    at = Crash(ValueError("no"), mn.Tanh(), "forward", [], Place(7, "x + y", "z = x + y")).at
    assert at == "`x + y` (line 7)"
