"""What losses and metrics of classes say of labels; tests/losses/test_labels.py and tests/test_metrics.py have more."""

import numpy as np
import pytest

from minnet.core.labels import check_integers, check_labels, check_range

SCORES, LABELS = np.zeros((4, 3)), np.array([0, 1, 2, 0])


@pytest.mark.parametrize("labels", [LABELS, LABELS.astype(np.uint8)])
def test_labels_that_fit(labels):
    check_labels("accuracy", SCORES, labels)
    check_labels("accuracy", SCORES[:0], np.array([]))  # an empty list is an array of floats
    check_range("accuracy", labels, 3)


@pytest.mark.parametrize("owner", ["accuracy", "NLLLoss"])
@pytest.mark.parametrize("prediction", [np.zeros(()), np.zeros((4, 0))])
def test_a_prediction_without_classes(owner, prediction):
    with pytest.raises(ValueError, match=rf"^{owner} expected .* \(..., classes\), got \(.*: no class axis"):
        check_labels(owner, prediction, LABELS)


@pytest.mark.parametrize("times", [1, 9])  # a few, and many
@pytest.mark.parametrize("dtype", [np.int64, np.int8])
def test_only_what_is_not_ignored_must_be_a_class(dtype, times):
    labels = np.tile(np.array([0, -1, 2], dtype), times)
    check_range("NLLLoss", labels, 3, ignore_index=-1)
    message = r"got -1 \(at 1\): .*; to leave such samples out, ignore_index=-1 in a cross-entropy"
    with pytest.raises(ValueError, match=message):
        check_range("NLLLoss", labels, 3)


SEVERAL = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0]])


@pytest.mark.parametrize(
    ("shape", "labels", "message"),
    [
        (
            (4, 3),
            SEVERAL,
            "several labels for each sample. Each is a yes or no: use BCEWithLogitsLoss, or BCELoss after Sig",
        ),
        ((4, 3), SEVERAL.astype(float), "several labels for each sample"),
        ((4, 3), SEVERAL.astype(bool), "several labels for each sample"),
        ((4, 5), SEVERAL, "several labels for each sample"),
        ((4, 3), np.full((4, 3), 1 / 3), "probabilities of the classes. Use KLDivLoss after LogSoftmax"),
        ((4, 3), np.arange(12.0).reshape(4, 3), "quantities to predict. Use MSELoss"),
        ((4, 3), np.eye(3)[LABELS], r"one-hot labels. pass the class numbers, y.argmax\(axis=-1\)"),
        ((4, 1), np.array([[0], [1], [1], [0]]), "a yes or no. Use BCEWithLogitsLoss for one output"),
        ((4, 3), np.full((4, 3), "cat"), "pass one class number for each sample"),
        (
            (2, 3, 4, 5),
            np.zeros((2, 4, 5), int),
            r"are the classes along axis 1. .* Permute\(0, 2, 3, 1\), or pass np.moveaxis",
        ),
        ((2, 3, 7), np.zeros((2, 7), int), r"are the classes along axis 1. .* Permute\(0, 2, 1\)"),
        (
            (2, 3, 4, 4),
            np.moveaxis(np.eye(3)[np.zeros((2, 4, 4), int)], -1, 1),
            r"y.argmax\(axis=1\); and are the classes along axis 1.",
        ),
        ((4, 3), np.zeros((5, 2, 2), int), "must come from the same samples"),
    ],
)
def test_labels_of_another_shape(shape, labels, message):
    with pytest.raises(ValueError, match=rf"^NLLLoss expected labels of shape .* got \(.*\): .*{message}"):
        check_labels("NLLLoss", np.zeros(shape), labels)


def test_a_yes_or_no_for_one_output():
    with pytest.raises(ValueError, match=r"got 1 \(at 1\): a yes or no\? Use BCEWithLogitsLoss for one output, or"):
        check_range("NLLLoss", np.array([0, 1, 1, 0]), 1)


def test_rows_in_place_of_integers_whose_shape_was_not_checked():
    with pytest.raises(TypeError, match=r"^L expected labels that are integers, got float64: one-hot labels\? pass"):
        check_integers("L", np.eye(3))
    with pytest.raises(TypeError, match=r"^L expected labels that are integers, 0 to 2, got float64: class numbers\?"):
        check_integers("L", np.zeros((2, 4)), ", 0 to 2")
