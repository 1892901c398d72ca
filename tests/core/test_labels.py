"""What losses and metrics of classes say of labels; tests/losses/test_labels.py and tests/test_metrics.py have more."""

import numpy as np
import pytest

from minnet.core.labels import check_labels, check_range

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
