"""The order of scores. tests/parity/test_metrics.py compares the values with scikit-learn's."""

import numpy as np
import pytest

from minnet.errors import NonFiniteError
from minnet.metrics import ROCAUC, AveragePrecision, average_precision, roc_auc

METRICS = [roc_auc, average_precision]
KINDS = [ROCAUC, AveragePrecision]
Z = np.random.default_rng(0).normal(size=(8, 3))
Y = np.array([0, 1, 2, 0, 1, 2, 0, 1])


def test_all_ranked_right_is_1():
    for metric in METRICS:
        assert metric(np.arange(5.0), [0, 0, 1, 1, 1]) == 1.0
        assert metric(np.eye(3)[Y], Y) == 1.0


def test_a_tie_is_half_of_each():
    assert roc_auc(np.zeros(4), [0, 1, 1, 0]) == 0.5
    assert average_precision(np.zeros(4), [0, 1, 1, 0]) == 0.5
    assert roc_auc(np.array([0, 1, 1]), [0, 1, 0]) == 0.75


def test_the_pairs_are_counted():
    rng = np.random.default_rng(0)
    scores, y = rng.integers(0, 5, 40), rng.integers(0, 2, 40)
    pairs = scores[y == 1][:, None] - scores[y == 0]
    assert roc_auc(scores, y) == pytest.approx(((pairs > 0) + (pairs == 0) / 2).mean(), abs=1e-15)


@pytest.mark.parametrize("metric", METRICS)
def test_any_shape(metric):
    p, y = np.linspace(0, 1, 8), Y > 0
    expected = metric(p, y)
    for shapes in [((8, 1), (8,)), ((8, 1), (8, 1)), ((2, 4, 1), (2, 4))]:
        assert metric(p.reshape(shapes[0]), y.reshape(shapes[1])) == expected
    assert metric(p, 2 * y - 1) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_of_two_classes_class_1_is_the_yes(kind):
    p = np.linspace(0.1, 0.9, 8)
    expected = kind()(p, Y > 0)
    assert kind()(np.array([1 - p, p]).T, (Y > 0).astype(int)) == expected
    scores = np.array([np.zeros(8), np.log(p / (1 - p))]).T
    assert kind(takes="scores")(scores + 5, (Y > 0).astype(int)) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_scores_of_classes_are_not_probabilities(kind):
    with pytest.raises(ValueError, match=r"expected probabilities, got .*say what they are, takes='scores'"):
        kind()(Z, Y)
    p = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    assert kind()(p, Y) == kind(takes="scores")(Z, Y) == kind(takes="log-probabilities")(np.log(p), Y)


@pytest.mark.parametrize("kind", KINDS)
def test_ignored_labels_do_not_count(kind):
    labels = np.where(np.arange(8) == 6, -1, Y)
    kept = labels >= 0
    metric = kind(takes="scores", ignore_index=-1)
    assert metric(Z, labels) == metric(Z[kept], labels[kept])
    assert metric(Z[:, 0], np.where(kept, Y > 0, -1)) == metric(Z[kept, 0], Y[kept] > 0)


def test_what_is_not_defined_is_an_error():
    for y, answer in ([1, 1], "no"), ([0, 0], "yes"):
        with pytest.raises(ValueError, match=f"ROCAUC is not defined without a sample whose target is {answer}"):
            roc_auc(np.arange(2.0), y)
    assert average_precision(np.arange(2.0), [1, 1]) == 1.0
    with pytest.raises(ValueError, match="AveragePrecision is not defined without a sample whose target is yes"):
        average_precision(np.arange(2.0), [0, 0])
    with pytest.raises(ValueError, match="without a sample whose target is yes for class 2"):
        roc_auc(Z, Y % 2, takes="scores")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_an_error(metric, bad):
    with pytest.raises(NonFiniteError, match="got NaN or infinity in the prediction"):
        metric(np.array([0.1, bad]), [0, 1])
    with pytest.raises(NonFiniteError, match="got NaN or infinity in the prediction"):
        metric(np.full((2, 3), bad), [0, 1])


@pytest.mark.parametrize("metric", METRICS)
def test_no_samples_are_an_error(metric):
    with pytest.raises(ValueError, match="at least one sample"):
        metric(np.empty(0), [])
    with pytest.raises(ValueError, match="at least one sample"):
        metric.compute()


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_options_are_refused(kind):
    with pytest.raises(ValueError, match="average to be one of 'macro', 'micro', 'weighted', got 'binary'"):
        kind("binary")
    with pytest.raises(ValueError, match=r"takes to be one of None, 'probabilities', .*, got 'logits'"):
        kind(takes="logits")
