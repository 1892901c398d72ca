"""What a prediction and a target mean."""

import numpy as np
import pytest

from minnet.errors import NonFiniteError
from minnet.metrics import predictions

Z = np.random.default_rng(0).normal(size=(5, 3))


def test_all_three_give_the_same_logarithms():
    p = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    for takes, rows in [("scores", Z), ("probabilities", p), (None, p), ("log-probabilities", np.log(p))]:
        np.testing.assert_allclose(predictions.log_probabilities("a", rows, takes), np.log(p), rtol=1e-14)


def test_scores_do_not_overflow():
    logs = predictions.log_probabilities("a", np.array([[1e4, 0.0], [-1e4, 0.0]]), "scores")
    assert logs.tolist() == [[0, -1e4], [-1e4, 0]]


def test_a_probability_of_0_is_the_smallest_normal_number():
    for dtype in (np.float32, np.float64):
        logs = predictions.log_probabilities("a", np.array([[0, 1]], dtype), None)
        assert logs[0, 0] == pytest.approx(np.log(float(np.finfo(dtype).tiny)))


@pytest.mark.parametrize("takes", [None, "probabilities", "log-probabilities"])
def test_other_numbers_are_refused_with_the_cure(takes):
    with pytest.raises(ValueError, match=r"^a expected (log-)?probabilities, got other .* say what .*takes='scores'"):
        predictions.log_probabilities("a", Z, takes)


@pytest.mark.parametrize("takes", [None, "scores", "log-probabilities"])
def test_nan_is_an_error(takes):
    with pytest.raises(NonFiniteError, match="a got NaN or infinity in the prediction"):
        predictions.log_probabilities("a", Z * np.nan, takes)


def test_infinite_scores_are_an_error():
    with pytest.raises(NonFiniteError, match="a got NaN or infinity"):
        predictions.log_probabilities("a", np.array([[np.inf, 0]]), "scores")


@pytest.mark.parametrize(
    ("p", "y", "one"),
    [((3,), (3,), True), ((3, 1), (3,), True), ((3, 1), (3, 1), True), ((3, 2), (3,), False), ((2,), (), False)],
)
def test_one_answer_a_sample(p, y, one):
    assert predictions.is_one_answer(np.empty(p), np.empty(y)) is one


def test_a_yes_is_1_and_a_no_0_or_minus_1():
    for target in ([1, 0], [True, False], [1.0, -1.0]):
        rows, yes = predictions.yes_or_no("a", [0.5, 0.6], target, None)
        assert rows.tolist() == [[0.5], [0.6]]
        assert yes.tolist() == [[True], [False]]


def test_scores_are_rows():
    rows, labels = predictions.class_scores("a", Z.reshape(5, 1, 3), np.zeros((5, 1), np.uint8), None)
    np.testing.assert_array_equal(rows, Z)
    assert (labels.tolist(), labels.dtype) == ([0] * 5, np.int64)
    assert len(predictions.class_scores("a", Z, [0, -7, 1, -7, 0], -7)[0]) == 3
