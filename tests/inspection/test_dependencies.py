"""Outputs that backward forgets, or takes for granted, are named by their places."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.dependencies import of_dependencies
from minnet.inspection.evidence import Evidence
from minnet.inspection.layer_checks import Trial
from minnet.inspection.requirements import backward_runs

X = np.random.default_rng(0).normal(size=(2, 3))


class Total(mn.Layer):
    """y = x + the sum of the row, with a backward of another layer."""

    def __init__(self, back):
        self.back = back

    def forward(self, x):
        return x + x.sum(axis=1, keepdims=True)

    def backward(self, dy):
        return self.back(dy)


def said(back):
    trial = Trial(Total(back), [X], np.random.default_rng(1))
    trial.begin()
    backward_runs(trial)
    right = trial.dy + trial.dy.sum(axis=1, keepdims=True)
    return of_dependencies(Evidence(trial, "x", True, trial.clean.dx[0], right))


@pytest.mark.parametrize(
    ("back", "words"),
    [
        (lambda dy: dy * 2, ["depends on x[", "a term is missing", "of the same sample, along axis 1"]),
        (lambda dy: dy + dy.sum(), ["in forward y[", "another sample (axis 0 is the batch)", "wrong axis"]),
        (
            lambda dy: dy + 3 * dy.sum(axis=1, keepdims=True),
            ["the derivative of y[", ", and backward multiplies dy by 4"],
        ),
        (np.ones_like, ["it does not grow with dy"]),
        (lambda dy: dy * (dy > 0), ["it does not grow with dy"]),
    ],
)
def test_the_places_are_named(back, words):
    message = said(back)
    assert [word for word in words if word not in message] == [], message


def test_losses_are_not_taken_apart():
    trial = Trial(mn.MSELoss(), [X, X * 2], np.random.default_rng(1))
    trial.begin()
    backward_runs(trial)
    dx = trial.clean.dx[0]
    assert of_dependencies(Evidence(trial, "prediction", True, dx, 2 * dx)) == ""
