"""What is measured about a wrong gradient is right."""

import numpy as np

import minnet as mn
from minnet.inspection.evidence import Evidence, alike, units
from minnet.inspection.layer_checks import Trial
from minnet.inspection.requirements import backward_runs

X = np.random.default_rng(0).normal(size=(2, 3))


def evidence(layer, name="x", x=X):
    trial = Trial(layer, [x], np.random.default_rng(1))
    trial.begin()
    backward_runs(trial)
    claimed = trial.clean.dx[0] if name == "x" else trial.clean.grads[name]
    return Evidence(trial, name, name == "x", claimed, claimed.copy())


def test_the_derivatives_are_those_of_a_closed_form():
    used, measured = evidence(mn.Tanh()).derivatives
    expected = np.diag(1 - np.tanh(X).reshape(-1) ** 2)
    np.testing.assert_allclose(used, expected, atol=1e-12)
    np.testing.assert_allclose(measured, expected, atol=1e-8)


def test_the_derivatives_of_a_softmax_are_those_of_its_rows():
    e = evidence(mn.Softmax())
    used, measured = e.derivatives
    for i in range(2):
        y = e.y[i]
        rows = slice(3 * i, 3 * i + 3)
        np.testing.assert_allclose(measured[rows, rows], np.diag(y) - np.outer(y, y), atol=1e-8)
    np.testing.assert_allclose(used, measured, atol=1e-8)


def test_large_layers_are_not_taken_apart():
    assert evidence(mn.Tanh(), x=np.ones((20, 20))).derivatives is None


def test_a_part_of_dy_gives_a_part_of_the_gradient():
    e = evidence(mn.Linear(3, 2, rng=0), "weight")
    first = e.dy * [[1], [0]]
    np.testing.assert_allclose(e.claimed_for(first), X[:1].T @ e.dy[:1])
    assert e.moves(first)
    assert not e.moves(0 * first)


def test_numbers_that_a_layer_keeps():
    assert evidence(mn.Dropout(0.3, rng=0)).numbers()["p"] == 0.3


def test_units_and_equality():
    assert [unit.tolist() for unit in units((1, 2))] == [[[1, 0]], [[0, 1]]]
    assert alike(np.ones(2), np.ones(2) + 1e-8)
    assert not alike(np.ones(2), np.ones((2, 1)))
