"""The log loss is what the losses compute."""

import numpy as np
import pytest

import minnet as mn
from minnet.errors import NonFiniteError
from minnet.metrics import LogLoss, log_loss

Z = np.random.default_rng(0).normal(size=(6, 3)) * 5
Y = np.array([0, 1, 2, 0, 1, 2])
P = mn.Softmax().forward(Z)


def test_of_classes_it_is_the_cross_entropy():
    expected = mn.CrossEntropyLoss().forward(P, Y)
    assert log_loss(P, Y) == pytest.approx(expected, rel=1e-14)
    assert LogLoss(takes="scores")(Z, Y) == pytest.approx(expected, rel=1e-14)
    assert LogLoss(takes="log-probabilities")(np.log(P), Y) == pytest.approx(expected, rel=1e-14)
    assert log_loss(P.reshape(2, 3, 3), Y.reshape(2, 3)) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("shapes", [((6,), (6,)), ((6, 1), (6,)), ((6, 1), (6, 1))])
def test_of_answers_it_is_the_binary_cross_entropy(shapes):
    z, y = Z[:, 0].reshape(shapes[0]), (Y > 0).reshape(shapes[1])
    expected = mn.BCEWithLogitsLoss().forward(Z[:, 0], (Y > 0) * 1)
    assert LogLoss(takes="scores")(z, y) == pytest.approx(expected, rel=1e-14)
    assert log_loss(1 / (1 + np.exp(-z)), y) == pytest.approx(expected, rel=1e-12)


def test_small_probabilities_keep_their_digits():
    assert log_loss(np.array([1e-20]), [0]) == 1e-20
    assert log_loss(np.array([1e-300]), [1]) == pytest.approx(690.7755278982137)
    assert LogLoss(takes="scores")(np.array([-800.0]), [1]) == 800
    assert log_loss(np.array([0.0]), [1]) == log_loss(np.array([1.0]), [0]) == pytest.approx(708.3964185322641)


def test_ignored_labels_do_not_count():
    labels = np.where(Y == 1, -1, Y)
    assert LogLoss(ignore_index=-1)(P, labels) == log_loss(P[Y != 1], Y[Y != 1])


@pytest.mark.parametrize(
    ("takes", "p", "y", "message"),
    [
        (None, Z, Y, "expected probabilities, got .*takes='scores'"),
        (None, Z[:, 0], Y > 0, "expected probabilities, got .*takes='scores'"),
        ("log-probabilities", Z, Y, "expected log-probabilities"),
        ("log-probabilities", Z[:, 0], Y > 0, r"log-probabilities \(..., classes\), got one output"),
        (None, P, np.eye(3)[Y], "one-hot labels"),
        (None, np.empty((0, 3)), [], "at least one sample"),
    ],
)
def test_what_it_does_not_take_is_refused(takes, p, y, message):
    with pytest.raises(ValueError, match=message):
        LogLoss(takes=takes)(p, y)


@pytest.mark.parametrize("takes", [None, "scores"])
def test_nan_is_an_error(takes):
    for p, y in ((P * np.nan, Y), (P[:, 0] * np.nan, Y > 0)):
        with pytest.raises(NonFiniteError, match="LogLoss got NaN or infinity in the prediction"):
            LogLoss(takes=takes)(p, y)
