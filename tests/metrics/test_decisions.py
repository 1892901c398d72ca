"""What was chosen, and what is right."""

import numpy as np
import pytest

from minnet.metrics.decisions import Decisions


class Only(Decisions):
    def reset(self):
        pass


def test_classes():
    chosen, right, classes = Only().decided(np.eye(3)[[0, 2, 1]].reshape(3, 1, 3), [[0], [1], [1]])
    assert (chosen.tolist(), right.tolist(), classes) == ([0, 2, 1], [0, 1, 1], 3)


def test_nan_chooses_a_class_too_many_or_the_other_of_two():
    for classes, expected in [(3, [3, 3]), (2, [1, 0])]:
        chosen, _, _ = Only().decided(np.full((2, classes), np.nan), [0, 1])
        assert chosen.tolist() == expected


def test_one_answer_is_two_classes():
    chosen, right, classes = Only(threshold=0.5).decided([[0.9], [0.1], [np.nan]], [1, 1, 0])
    assert (chosen.tolist(), right.tolist(), classes) == ([1, 0, 1], [1, 1, 0], 2)


def test_the_threshold_itself_is_a_no():
    chosen, _, _ = Only(threshold=0.5).decided([0.5, np.nextafter(0.5, 1)], [1, 1])
    assert chosen.tolist() == [0, 1]


def test_several_labels():
    said, yes, labels = Only(threshold=0).decided([[1.0, -1.0, np.nan]], [[1, 1, 1]])
    assert (said.tolist(), yes.tolist(), labels) == ([[True, False, False]], [[True, True, True]], 3)


@pytest.mark.parametrize("threshold", [None, 0.5])
def test_ignored_samples_are_left_out(threshold):
    p = np.array([0.1, 0.9, 0.8])
    scores = p if threshold else np.array([1 - p, p]).T
    chosen, right, _ = Only(threshold=threshold, ignore_index=-1).decided(scores, [0, -1, 1])
    assert (chosen.tolist(), right.tolist()) == ([0, 1], [0, 1])
