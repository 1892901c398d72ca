"""A formula that overflows is found, and one that is infinite rightly is not."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.large_numbers import large_numbers
from minnet.inspection.layer_checks import LayerError, Trial
from minnet.inspection.requirements import backward_runs

X = np.random.default_rng(0).normal(size=(4, 3))


def formula(function, slope=lambda x: 0 * x):
    class Formula(mn.Layer):
        def forward(self, x):
            self.cache = x
            return function(x)

        def backward(self, dy):
            return dy * slope(self.cache)

    return Formula()


def ask(layer):
    trial = Trial(layer, [X], np.random.default_rng(0))
    trial.begin()
    backward_runs(trial)
    large_numbers(trial)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            formula(lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)),
            "forward gives NaN.*Subtract the largest",
        ),
        (formula(lambda x: np.exp(x) / (1 + np.exp(x))), r"forward gives NaN.*np\.exp\(-np\.abs\(x\)\)"),
        (formula(np.tanh, lambda x: np.exp(x) / (1 + np.exp(x))), "backward gives NaN"),
    ],
)
def test_an_overflow_that_gives_nan_is_found(layer, message):
    with pytest.raises(LayerError, match=message):
        ask(layer)


@pytest.mark.parametrize(
    "layer",
    [
        formula(np.exp, np.exp),
        formula(lambda x: 1 / (1 + np.exp(-x))),
        formula(lambda x: np.sqrt(1 - 0 * x)),
        mn.Softmax(),
    ],
)
def test_infinity_alone_is_no_mistake(layer):
    ask(layer)


def test_a_domain_that_ends_is_no_overflow():
    ask(formula(lambda x: np.log(100 - x)))
