"""A cache that is changed after it was kept is noticed, in every form that it has."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.layer_checks import Trial
from minnet.inspection.spied import changed_cache

X = np.random.default_rng(0).normal(size=(4, 3))


class Keeps(mn.Layer):
    def __init__(self, form="array", changes=True):
        self.form, self.changes = form, changes

    def forward(self, x):
        kept = x.copy()
        self.cache = {"array": kept, "tuple": (x, kept), "list": [kept]}[self.form]
        if self.changes:
            kept *= 2
        return x * 1

    def backward(self, dy):
        return dy


@pytest.mark.parametrize("form", ["array", "tuple", "list"])
def test_a_change_is_noticed(form):
    def said(changes):
        trial = Trial(Keeps(form, changes), [X], np.random.default_rng(0))
        trial.begin()
        return changed_cache(trial)

    assert "forward changes an array after it has kept it in self.cache" in said(changes=True)
    assert said(changes=False) == ""
