"""The running accuracy is that of the last samples."""

import numpy as np
import pytest

from minnet.metrics import RunningAccuracy

SCORES = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0.1, 0.6, 0.3], [0.4, 0.5, 0.1]])
LABELS = np.array([0, 2, 2, 0])  # right, right, wrong, wrong


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


def test_running_accuracy_takes_what_accuracy_takes():
    assert RunningAccuracy(0, threshold=0.5).update(np.array([0.1, 0.9]), [1, 1]) == 1.0
    assert RunningAccuracy(0, ignore_index=-1).update(SCORES[:2], [0, -1]) == 1.0
    assert RunningAccuracy(0).update(SCORES[:1] * np.nan, LABELS[:1]) == 0.0


def test_a_fresh_one_begins_at_0():
    running = RunningAccuracy(0.9)
    running.update(SCORES, LABELS)
    fresh = running.fresh()
    assert (fresh.decay, fresh.compute(), running.compute()) == (0.9, 0.0, running.score)
