"""Whatever a model puts out, a plot gets probabilities of classes."""

import numpy as np
import pytest

from minnet.errors import NonFiniteError
from minnet.plots.answers import probabilities


def test_scores_log_probabilities_and_probabilities_are_the_same():
    scores, y = np.random.default_rng(0).normal(size=(9, 3)), np.arange(9) % 3
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    for given, takes in ((p, None), (p, "probabilities"), (scores, "scores"), (np.log(p), "log-probabilities")):
        got, labels = probabilities("plots.roc", given, y, takes)
        np.testing.assert_allclose(got, p, rtol=1e-12)
        assert labels.tolist() == y.tolist()


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_a_yes_has_two_classes(shape):
    z, y = np.array([-2.0, 0.0, 1.0, 3.0]).reshape(shape), np.array([0, 0, 1, 1])
    yes = 1 / (1 + np.exp(-z.ravel()))
    got = [
        probabilities("plots.roc", yes.reshape(shape), y, None),
        probabilities("plots.roc", z, y, "scores"),
        probabilities("plots.roc", np.log(yes).reshape(shape), y, "log-probabilities"),
    ]
    for p, labels in got:
        np.testing.assert_allclose(p, np.stack([1 - yes, yes], axis=1))
        assert labels.tolist() == y.tolist()


FLAWED = [
    (
        np.zeros((2, 3)),
        [0, 1],
        "expected probabilities, got other numbers, from 0 to 0: say what they are, takes='scores'",
    ),
    (
        [0.5, 1.5],
        [0, 1],
        "expected probabilities, got other numbers, from 0.5 to 1.5: say what they are, takes='scores'",
    ),
    (np.zeros((0, 3)), [], "expected at least one sample"),
    (np.zeros((0,)), [], "expected at least one sample"),
    (np.full((1, 2), np.nan), [0], "NaN or infinity in the prediction"),
    ([np.nan], [0], "NaN or infinity in the prediction"),
    (np.eye(3), np.eye(3), r"one-hot labels\? pass the class numbers"),
]


@pytest.mark.parametrize(("prediction", "target", "message"), FLAWED)
def test_what_is_no_probability_is_refused(prediction, target, message):
    with pytest.raises((ValueError, TypeError, NonFiniteError), match=message):
        probabilities("plots.roc", prediction, target, None)
