"""Accuracies count right answers."""

import numpy as np
import pytest

from minnet.metrics import Accuracy, TopKAccuracy, accuracy, confusion_matrix, top_k_accuracy

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
    assert top_k_accuracy(SCORES, LABELS, k=k) == expected


def test_top_k_counts_ties_in_favour():
    assert top_k_accuracy(np.array([[0.5, 0.5, 0.0]]), [1], k=1) == 1.0
    assert top_k_accuracy(np.array([[0.5, 0.5, 0.0]]), [1], 1) == 1.0  # options by their place, as of a function
    assert top_k_accuracy(np.array([[0.5, 0.5, 0.0]]), [2], k=2) == 0.0


@pytest.mark.parametrize("k", [1, 3, 5])
def test_top_k_agrees_with_sorting(k):
    generator = np.random.default_rng(0)
    scores, labels = generator.normal(size=(200, 6)), generator.integers(0, 6, 200)
    best = np.argsort(scores, axis=1)[:, -k:]
    assert top_k_accuracy(scores, labels, k=k) == (best == labels[:, None]).any(axis=1).mean()


def test_a_diverged_model_is_not_right():
    nothing = np.full((4, 10), np.nan)
    assert top_k_accuracy(nothing, [1, 2, 3, 4], k=1) == 0.0


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
@pytest.mark.parametrize("metric", [*METRICS[:1], top_2, *METRICS[2:]])
def test_labels_that_do_not_fit_are_refused(metric, scores, labels, error, message):
    with pytest.raises(error, match=message):
        metric(scores, labels)


@pytest.mark.parametrize(
    ("k", "message"),
    [(-1, "needs k >= 1, got -1"), (0, "needs k >= 1, got 0"), (4, "needs 1 <= k <= 3, got 4: .* classes")],
)
def test_top_k_needs_a_k_within_the_classes(k, message):
    with pytest.raises(ValueError, match=message):
        top_k_accuracy(SCORES, LABELS, k=k)


# -- yes or no, and several labels


@pytest.mark.parametrize("shapes", [((4,), (4,)), ((4, 1), (4,)), ((4, 1), (4, 1)), ((2, 2, 1), (2, 2))])
def test_one_output_a_sample(shapes):
    p, y = np.array([0.9, 0.2, 0.6, 0.5]).reshape(shapes[0]), np.array([1, 0, 0, 1]).reshape(shapes[1])
    assert Accuracy(threshold=0.5)(p, y) == 0.5
    assert Accuracy(threshold=0.5)(p, y.astype(bool)) == 0.5
    assert Accuracy(threshold=0.5)(p, y.astype(np.float32)) == 0.5
    assert Accuracy(threshold=0.5)(p, 2 * y - 1) == 0.5
    assert Accuracy(threshold=0)(p - 0.5, y) == 0.5


def test_of_several_labels_all_must_be_right():
    p, y = np.array([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]]), np.array([[1, 0], [1, 1], [0, 1]])
    assert Accuracy(threshold=0.5)(p, y) == 2 / 3
    assert Accuracy(threshold=0.5)(p.reshape(-1), y.reshape(-1)) == 5 / 6


def test_one_output_needs_a_threshold():
    for p, y in [
        (np.ones(3), np.ones(3, int)),
        (np.ones((3, 1)), np.zeros(3, int)),
        (np.ones((3, 2)), np.ones((3, 2))),
    ]:
        with pytest.raises(ValueError, match=r"threshold=0.5 for probabilities, threshold=0 for scores"):
            accuracy(p, y)


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [
        ([0.5, 0.5], [0, 2], r"1 for yes and 0 \(or all -1\) for no, got 2: class numbers\?"),
        ([0.5, 0.5], [0.5, 1], "got 0.5"),
        ([0.5, 0.5, 0.5], [-1, 0, 1], "got 0"),
        ([0.5, 0.5], [0, np.nan], "got nan"),
        (
            [[0.1, 0.9], [0.5, 0.5]],
            [0, 1],
            r"a target of shape \(2, 2\), got \(2,\): class numbers\? Leave out the thres",
        ),
        (["a", "b"], [0, 1], "a prediction of numbers, got <U1"),
    ],
)
def test_answers_that_are_neither_yes_nor_no_are_refused(p, y, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Accuracy(threshold=0.5)(p, y)


# -- what does not count, and NaN


@pytest.mark.parametrize("ignored", [-1, 0, 2, -100])
@pytest.mark.parametrize("kind", [Accuracy, TopKAccuracy])
def test_ignored_labels_do_not_count(kind, ignored):
    labels, options = np.where([False, True, False, True], ignored, LABELS), {"k": 1} if kind is TopKAccuracy else {}
    counted = labels != ignored
    expected = kind(**options)(SCORES[counted], labels[counted])
    assert kind(**options, ignore_index=ignored)(SCORES, labels) == expected
    assert kind(**options, ignore_index=ignored)(SCORES.reshape(2, 2, 3), labels.reshape(2, 2)) == expected


def test_ignored_answers_do_not_count():
    metric = Accuracy(threshold=0, ignore_index=-1)
    assert metric(np.array([1.0, 2.0, -1.0]), [1, -1, 1]) == 0.5
    with pytest.raises(ValueError, match="one answer a sample for ignore_index, got 2"):
        metric(np.ones((3, 2)), np.ones((3, 2)))


@pytest.mark.parametrize("metric", [Accuracy(ignore_index=1), TopKAccuracy(1, ignore_index=1)])
def test_a_set_of_which_nothing_counts_is_an_error(metric):
    with pytest.raises(ValueError, match="expected at least one sample that counts, got none"):
        metric(SCORES, [1, 1, 1, 1])
    with pytest.raises(ValueError, match="at least one sample"):
        metric.compute()


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("where", [0, 1, slice(None)])
def test_a_row_with_nan_is_never_right(classes, where):
    scores = np.tile(np.arange(classes, dtype=float), (2 * classes, 1))
    scores[:, where] = np.nan
    labels = np.arange(2 * classes) % classes
    assert accuracy(scores, labels) == 0.0
    assert all(top_k_accuracy(scores, labels, k=k) == 0.0 for k in range(1, classes + 1))


@pytest.mark.parametrize("y", [[0, 0, 0], [1, 1, 1], [0, 1, 0]])
def test_an_answer_that_is_nan_is_never_right(y):
    assert Accuracy(threshold=0.5)(np.full(3, np.nan), y) == 0.0
    assert Accuracy(threshold=0.5)(np.full((1, 3), np.nan), [y]) == 0.0


# -- options


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Accuracy(threshold="0.5"), TypeError),
        (lambda: Accuracy(threshold=np.nan), ValueError),
        (lambda: Accuracy(ignore_index=0.5), TypeError),
        (lambda: TopKAccuracy(1.5), TypeError),
        (lambda: TopKAccuracy(ignore_index="a"), TypeError),
    ],
)
def test_wrong_options_are_refused(make, error):
    with pytest.raises(error, match=r"^(TopK)?Accuracy (expected|needs)"):
        make()
