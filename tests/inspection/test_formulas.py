"""A gradient that follows a known formula is named, with the right one."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.evidence import Evidence
from minnet.inspection.formulas import of_formula
from minnet.inspection.layer_checks import Trial
from minnet.inspection.requirements import backward_runs

X = np.random.default_rng(0).normal(size=(4, 3))
LABELS = np.array([0, 2, 1, 2])
P = mn.Softmax().forward(X)


def said(layer, claim, *inputs, name="x"):
    """Return what is said if backward claims what a function makes of (x, y, dy)."""
    inputs = inputs or (X,)
    trial = Trial(layer, list(inputs), np.random.default_rng(1))
    trial.begin()
    backward_runs(trial)
    right = trial.clean.grads[name] if name in trial.clean.grads else trial.clean.dx[0]
    claimed = np.asarray(claim(inputs[0], trial.clean.y, trial.dy))
    return of_formula(Evidence(trial, name, name not in trial.clean.grads, claimed, right))


@pytest.mark.parametrize(
    ("layer", "claim", "used", "right"),
    [
        (mn.Tanh(), lambda x, y, dy: dy, "dy unchanged", "dy * (1 - y**2)"),
        (mn.Tanh(), lambda x, y, dy: dy * (1 - x**2), "dy * (1 - x**2)", "dy * (1 - y**2)"),
        (mn.Sigmoid(), lambda x, y, dy: y * (1 - y), "y * (1 - y)", "dy * y * (1 - y)"),
        (mn.ReLU(), lambda x, y, dy: dy * (x < 0), "dy * (x < 0)", "dy * (x > 0)"),
        (mn.Softmax(), lambda x, y, dy: dy * y, "dy * y", "(dy * y).sum(axis=1, keepdims=True)"),
        (mn.LogSoftmax(), lambda x, y, dy: dy, "dy unchanged", "dy - np.exp(y) * dy.sum(axis=1, keepdims=True)"),
    ],
)
def test_of_activations(layer, claim, used, right):
    message = said(layer, claim)
    assert message.startswith(f"it is {used}: the right one is ")
    assert right in message


@pytest.mark.parametrize(
    ("name", "claim", "used", "right"),
    [
        ("weight", lambda x, y, dy: x.T @ dy / len(x), "x.T @ dy / len(x)", "x.T @ dy"),
        ("weight", lambda x, y, dy: y.T @ dy, "y.T @ dy", "x.T @ dy"),
        ("bias", lambda x, y, dy: dy.mean(axis=0), "dy.mean(axis=0)", "dy.sum(axis=0)"),
        ("bias", lambda x, y, dy: np.full(3, dy.sum()), "dy.sum()", "dy.sum(axis=0)"),
        ("x", lambda x, y, dy: dy, "dy unchanged", "dy @ self.weight.data.T"),
    ],
)
def test_of_matrices_and_sums(name, claim, used, right):
    assert said(mn.Linear(3, 3, rng=0), claim, name=name) == f"it is {used}: the right one is {right}"


@pytest.mark.parametrize(
    ("loss", "inputs", "claim", "used", "right"),
    [
        (mn.MSELoss(), (X, P), lambda p, y, dy: 2 * (p - P), "2 * (p - target)", "2 * (p - target) / p.size"),
        (mn.L1Loss(), (X, P), lambda p, y, dy: p - P, "(p - target)", "np.sign(p - target) / p.size"),
        (
            mn.CrossEntropyLoss(),
            (P, LABELS),
            lambda p, y, dy: (p - np.eye(3)[LABELS]) / 4,
            "(p - onehot) / len(p)",
            "-onehot / p / len(p)",
        ),
        (
            mn.SoftmaxCrossEntropyLoss(),
            (X, LABELS),
            lambda p, y, dy: p - np.eye(3)[LABELS],
            "(p - onehot)",
            "(softmax(p) - onehot) / len(p)",
        ),
    ],
)
def test_of_losses(loss, inputs, claim, used, right):
    assert said(loss, claim, *inputs, name="prediction").startswith(f"it is {used}: the right one is {right}")


def test_what_is_unknown_is_not_named():
    assert said(mn.Tanh(), lambda x, y, dy: dy * 0.123) == ""
