"""How classes are taken for one another."""

import numpy as np
import pytest

from minnet.errors import NonFiniteError
from minnet.metrics import F1, ConfusionMatrix, Precision, Recall, accuracy, confusion_matrix, f1

SCORES = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0.1, 0.6, 0.3], [0.4, 0.5, 0.1]])  # 0, 2, 1, 1
LABELS = np.array([0, 2, 2, 0])
RATIOS = [Precision, Recall, F1]


def test_confusion_matrix_counts_truth_by_row_and_answer_by_column():
    np.testing.assert_array_equal(confusion_matrix(SCORES, LABELS), [[1, 1, 0], [0, 0, 0], [0, 1, 1]])


def test_confusion_matrix_holds_the_accuracy():
    generator = np.random.default_rng(0)
    scores, labels = generator.normal(size=(500, 7)), generator.integers(0, 7, 500)
    counts = confusion_matrix(scores, labels)
    assert counts.shape == (7, 7)
    assert counts.sum() == 500
    assert counts.trace() / 500 == accuracy(scores, labels)
    np.testing.assert_array_equal(counts.sum(axis=1), np.bincount(labels, minlength=7))


def test_yes_and_no_are_two_classes():
    assert ConfusionMatrix(threshold=0.5)(np.array([0.9, 0.2, 0.7]), [1, 1, 0]).tolist() == [[0, 1], [1, 1]]


def test_a_confusion_matrix_has_no_place_for_several_labels_or_nan():
    with pytest.raises(ValueError, match="expected one label for each sample, got 3"):
        ConfusionMatrix(threshold=0.5)(SCORES, SCORES > 0.5)
    for classes in (2, 3):
        scores = SCORES[:, :classes].copy()
        scores[1, 1] = np.nan
        with pytest.raises(NonFiniteError, match="no column for NaN"):
            confusion_matrix(scores, [0, 1, 1, 0])


def test_known_values():
    p, y = np.array([0.9, 0.8, 0.7, 0.3, 0.2]), [1, 0, 1, 1, 0]
    assert [kind(threshold=0.5)(p, y) for kind in RATIOS] == [2 / 3, 2 / 3, 2 / 3]
    # class 0: hits 1, chosen 1, right 2; class 1: 0, 2, 0; class 2: 1, 1, 2
    assert Precision("macro")(SCORES, LABELS) == pytest.approx((1 + 0 + 1) / 3)
    assert Recall("macro")(SCORES, LABELS) == pytest.approx((0.5 + 0 + 0.5) / 3)
    assert F1("weighted")(SCORES, LABELS) == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert F1("micro")(SCORES, LABELS) == accuracy(SCORES, LABELS) == 0.5


def test_options_in_the_call():
    assert f1(SCORES, LABELS, average="macro") == F1("macro")(SCORES, LABELS)
    with pytest.raises(TypeError, match="unexpected keyword argument 'avarage'"):
        f1(SCORES, LABELS, avarage="macro")


def test_binary_is_of_class_1():
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    for kind in RATIOS:
        assert kind()(scores, [0, 1, 0]) == kind(threshold=0.5)(scores[:, 1], [0, 1, 0])


@pytest.mark.parametrize("kind", RATIOS)
def test_binary_of_more_than_two_classes_is_refused(kind):
    with pytest.raises(ValueError, match=r"two classes for average='binary', got 3 classes: pass average='macro'"):
        kind()(SCORES, LABELS)
    with pytest.raises(ValueError, match=r"got 3 labels for each sample: pass average='macro'"):
        kind(threshold=0)(SCORES, SCORES > 0.5)
    with pytest.raises(ValueError, match="average to be one of 'binary', 'macro', 'micro', 'weighted', got 'mean'"):
        kind("mean")


@pytest.mark.parametrize("kind", RATIOS)
@pytest.mark.parametrize("average", ["binary", "macro", "weighted", "micro"])
def test_nothing_divided_by_nothing_is_0(kind, average):
    assert kind(average, threshold=0.5)(np.zeros(3), [1, 1, 1]) == 0.0
    if average != "binary":
        assert kind(average, threshold=0.5)(np.zeros((3, 2)), np.zeros((3, 2))) == 0.0


@pytest.mark.parametrize("kind", RATIOS)
@pytest.mark.parametrize("average", ["binary", "macro", "weighted", "micro"])
def test_nan_is_never_right(kind, average):
    y = np.array([0, 1, 1])
    assert kind(average)(np.full((3, 2), np.nan), y) == 0.0
    assert kind(average, threshold=0.5)(np.full(3, np.nan), y) == 0.0
    if average != "binary":
        assert kind(average)(np.full((3, 4), np.nan), y) == 0.0
        half = np.eye(3)[[0, 1, 1, 0]]
        half[2:] = np.nan
        assert 0 < kind(average)(half, [0, 1, 1, 2]) < 1


def test_batches_of_other_classes_are_refused():
    for metric in (F1("macro"), ConfusionMatrix()):
        metric.update(SCORES, LABELS)
        with pytest.raises(ValueError, match=r"same number of classes, got . and then"):
            metric.update(SCORES[:, :2], [0, 1, 1, 0])


@pytest.mark.parametrize("metric", [*(kind() for kind in RATIOS), confusion_matrix])
def test_no_samples_are_an_error(metric):
    with pytest.raises(ValueError, match="at least one sample"):
        metric(np.empty((0, 2)), [])
    with pytest.raises(ValueError, match="at least one sample"):
        metric.fresh().compute()
