"""Metrics count right answers."""

import numpy as np
import pytest

from minnet.metrics import RunningAccuracy, accuracy, confusion_matrix, top_k_accuracy

#                  class  0    1    2      largest
SCORES = np.array([[0.9, 0.1, 0.0],  # 0
                   [0.2, 0.3, 0.5],  # 2
                   [0.1, 0.6, 0.3],  # 1
                   [0.4, 0.5, 0.1]])  # 1  # fmt: skip
LABELS = np.array([0, 2, 2, 0])
METRICS = [accuracy, top_k_accuracy, confusion_matrix]


def top_2(prediction, target):
    return top_k_accuracy(prediction, target, k=2)


# -- known values


def test_accuracy_is_the_share_of_right_answers():
    assert accuracy(SCORES, LABELS) == 0.5


@pytest.mark.parametrize(("k", "expected"), [(1, 0.5), (2, 1.0), (3, 1.0)])
def test_top_k(k, expected):
    assert top_k_accuracy(SCORES, LABELS, k) == expected


def test_top_k_counts_ties_in_favour():
    assert top_k_accuracy(np.array([[0.5, 0.5, 0.0]]), [1], k=1) == 1.0
    assert top_k_accuracy(np.array([[0.5, 0.5, 0.0]]), [2], k=2) == 0.0


@pytest.mark.parametrize("k", [1, 3, 5])
def test_top_k_agrees_with_sorting(k):
    generator = np.random.default_rng(0)
    scores, labels = generator.normal(size=(200, 6)), generator.integers(0, 6, 200)
    best = np.argsort(scores, axis=1)[:, -k:]
    assert top_k_accuracy(scores, labels, k) == (best == labels[:, None]).any(axis=1).mean()


def test_a_diverged_model_is_not_right():
    nothing = np.full((4, 10), np.nan)
    assert top_k_accuracy(nothing, [1, 2, 3, 4], k=1) == 0.0


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


# -- what they take


@pytest.mark.parametrize("labels", [LABELS.tolist(), LABELS.astype(np.uint8), LABELS.astype(np.int32)])
@pytest.mark.parametrize("metric", [*METRICS[:1], top_2, *METRICS[2:]])
def test_labels_may_be_a_list_or_any_integers(metric, labels):
    np.testing.assert_array_equal(metric(SCORES, labels), metric(SCORES, LABELS))


def test_many_classes_fit_though_labels_are_bytes():
    counts = confusion_matrix(np.eye(200), np.arange(200, dtype=np.uint8))
    np.testing.assert_array_equal(counts, np.eye(200))


@pytest.mark.parametrize("metric", [*METRICS[:1], top_2, *METRICS[2:]])
def test_any_leading_axes(metric):
    np.testing.assert_array_equal(metric(SCORES.reshape(2, 2, 3), LABELS.reshape(2, 2)), metric(SCORES, LABELS))
    assert np.sum(metric(SCORES[0], 0)) == 1


@pytest.mark.parametrize(
    ("scores", "labels", "error", "message"),
    [
        (SCORES, np.eye(3)[LABELS], ValueError, r"one-hot labels\? pass the class numbers, y.argmax"),
        (SCORES, LABELS[:3], ValueError, r"of shape \(4, 3\), got \(3,\): .* from the same samples"),
        (SCORES, LABELS[:, None], ValueError, r"of shape \(4, 3\), got \(4, 1\): labels in a column"),
        (SCORES[:, 0], SCORES, ValueError, r"of shape \(4,\), got \(4, 3\): are they swapped"),
        (LABELS, LABELS, ValueError, r"of shape \(4,\), got \(4,\): pass the model's output, before argmax"),
        (np.array(1.0), 0, ValueError, r"scores \(..., classes\)"),
        (SCORES[:0], LABELS[:0], ValueError, "at least one sample"),
        (SCORES, LABELS.astype(float), TypeError, r"integers, 0 to 2, got float64: .* pass y.astype\(np.int64\)"),
        (SCORES, LABELS > 0, TypeError, "integers, 0 to 2, got bool"),
        (SCORES, ["a", "b", "c", "d"], TypeError, "integers, 0 to 2, got <U1: number the classes from 0"),
        (SCORES, LABELS + 1, ValueError, r"from 0 to 2 for 3 classes, got 3 \(at 1\): count classes from 0"),
        (SCORES, LABELS - 1, ValueError, r"from 0 to 2 for 3 classes, got -1 \(at 0\): count classes from 0"),
    ],
)
@pytest.mark.parametrize("metric", [*METRICS[:1], top_2, *METRICS[2:], RunningAccuracy().update])
def test_labels_that_do_not_fit_are_refused(metric, scores, labels, error, message):
    with pytest.raises(error, match=message):
        metric(scores, labels)


@pytest.mark.parametrize("k", [-1, 0, 4])
def test_top_k_needs_a_k_within_the_classes(k):
    with pytest.raises(ValueError, match=f"needs 1 <= k <= 3, got {k}: .* number of classes"):
        top_k_accuracy(SCORES, LABELS, k)


# -- the running accuracy


def test_running_accuracy_of_single_samples():
    running = RunningAccuracy(decay=0.9)
    assert running.score == 0.0
    assert running.update(SCORES[:1], LABELS[:1]) == pytest.approx(0.1)  # right
    assert running.update(SCORES[2:3], LABELS[2:3]) == pytest.approx(0.09)  # wrong
    assert running.update(SCORES[1], LABELS[1]) == pytest.approx(0.181)  # right
    assert running.score == pytest.approx(0.181)


def test_running_accuracy_of_a_batch_is_that_of_its_samples_in_order():
    batch, online = RunningAccuracy(0.9), RunningAccuracy(0.9)
    batch.update(SCORES, LABELS)
    for scores, label in zip(SCORES, LABELS, strict=True):
        online.update(scores[None], [label])
    assert batch.score == online.score


def test_running_accuracy_without_memory_is_the_last_sample():
    assert RunningAccuracy(0).update(SCORES, LABELS) == 0.0
    assert RunningAccuracy(0).update(SCORES[:2], LABELS[:2]) == 1.0


@pytest.mark.parametrize(("labels", "error"), [([3], ValueError), ([-1], ValueError), ([0.0], TypeError)])
def test_running_accuracy_refuses_a_bad_label_of_a_single_sample_too(labels, error):
    with pytest.raises(error, match="labels"):
        RunningAccuracy().update(SCORES[:1], labels)


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2, float("nan")])
def test_running_accuracy_refuses_a_bad_decay(decay):
    with pytest.raises(ValueError, match="needs 0 <= decay < 1"):
        RunningAccuracy(decay)
