"""Wrong gradients with a pattern are recognized by it."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.evidence import Evidence
from minnet.inspection.layer_checks import Trial
from minnet.inspection.patterns import of_offset, of_order, of_place, of_regions
from minnet.inspection.requirements import backward_runs

X = np.random.default_rng(0).normal(size=(4, 3))


def evidence(layer, change, x=X):
    """Return the evidence if backward claims what a function makes of the right gradient, x and dy."""
    trial = Trial(layer, [x], np.random.default_rng(1))
    trial.begin()
    backward_runs(trial)
    right = trial.clean.dx[0]
    return Evidence(trial, "x", True, np.asarray(change(right, x, trial.dy)), right)


@pytest.mark.parametrize(
    ("look", "layer", "change", "words"),
    [
        (
            of_place,
            mn.Softplus(),
            lambda d, x, dy: dy / (1 + np.exp(-np.logaddexp(0, x))),
            "derivative of forward at y",
        ),
        (of_regions, mn.ELU(), lambda d, x, dy: np.where(x > 0, d, 0.3 * d), "only where x is negative"),
        (of_regions, mn.Tanh(), lambda d, x, dy: np.where(x > 0, 2 * d, d), "only where x is positive"),
        (of_regions, mn.Hardtanh(), lambda d, x, dy: np.where(x > 1, dy, d), "only where x is above 1"),
        (of_order, mn.Tanh(), lambda d, x, dy: d[::-1], "reverse order along axis 0"),
        (of_order, mn.Tanh(), lambda d, x, dy: np.roll(d, 1, axis=1), "shifted by one place along axis 1"),
        (of_order, mn.Tanh(), lambda d, x, dy: d.T.reshape(d.shape), "right numbers in the wrong order"),
        (of_offset, mn.Tanh(), lambda d, x, dy: d + dy.mean(axis=0), "the same for all samples (along axis 0)"),
        (
            of_offset,
            mn.Tanh(),
            lambda d, x, dy: d + np.tanh(x) * dy.mean(axis=1, keepdims=True),
            "y times a number that is the same for all elements of a row (along axis 1)",
        ),
    ],
)
def test_a_pattern_is_recognized(look, layer, change, words):
    assert words in look(evidence(layer, change))
    assert look(evidence(layer, lambda d, x, dy: 1.3 * d + 0.01 * np.cos(7 * x))) == ""


def test_a_loss_is_wrong_on_one_side_of_its_target():
    trial = Trial(mn.L1Loss(), [X, X[::-1].copy()], np.random.default_rng(1))
    trial.begin()
    backward_runs(trial)
    right = trial.clean.dx[0]
    message = of_regions(Evidence(trial, "prediction", True, np.abs(right), right))
    assert "only where the prediction is below the target" in message
