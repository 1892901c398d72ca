"""Accuracies are shares of samples that are right: whose class has the largest score, or one of the k largest."""

import numpy as np
from numpy.typing import ArrayLike

from minnet.core.checks import check_int, check_number
from minnet.core.labels import check_ignore_index
from minnet.metrics.base import Mean
from minnet.metrics.decisions import Decisions
from minnet.metrics.predictions import class_scores, row_weights


class Accuracy(Mean, Decisions):
    """The share of samples that are right.

    With several labels per sample, all must be right, as in scikit-learn. For the share of single answers, pass each as
    a sample of its own, ``prediction.reshape(-1)`` and ``target.reshape(-1)``.

    Parameters
    ----------
    threshold, ignore_index
        See `minnet.metrics.decisions.Decisions`, also for shapes and errors.

    Examples
    --------
    >>> Accuracy()(np.array([[0.1, 0.9], [0.8, 0.2]]), [1, 1])
    0.5
    >>> Accuracy(threshold=0.5)(np.array([0.7, 0.2, 0.6]), [1, 0, 0])
    0.6666666666666666
    """

    better = "max"

    def update(self, prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Count the samples of a batch."""
        right = self.right(prediction, target)
        self.add(right, self.weights_of(len(right), target, sample_weight))


class TopKAccuracy(Mean):
    """The share of samples whose label is among the k largest scores.

    A sample is right if fewer than k scores are larger than its label's, so a tie counts as right (scikit-learn takes
    the class with the larger number). A row with NaN is wrong.

    Parameters
    ----------
    k
        1 … C. With k = 1 it is `Accuracy`, except for ties.
    ignore_index
        The label of samples that do not count. None: every sample counts. A Trainer takes its loss's, if it is None.

    Raises
    ------
    TypeError, ValueError
        If k is not a whole number, or beyond 1 … C; and as of `Accuracy` for scores (..., C) and labels (...).

    Examples
    --------
    >>> TopKAccuracy(k=2)(np.array([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]]), [2, 1])
    0.5
    """

    better = "max"

    def __init__(self, k: int = 5, *, ignore_index: int | None = None) -> None:
        self.k = check_int("TopKAccuracy", "k", k)
        self.ignore_index = check_ignore_index("TopKAccuracy", ignore_index)
        self.reset()

    def update(self, prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Count the samples of a batch, scores (..., C) and labels (...)."""
        rows, labels = class_scores("TopKAccuracy", prediction, target, self.ignore_index)
        check_number("TopKAccuracy", "k", self.k, 1, rows.shape[1], why="k is at most the number of classes")
        own = np.take_along_axis(rows, labels[:, None], axis=1)
        right = ((rows > own).sum(axis=1) < self.k) & ~np.isnan(rows).any(axis=1)
        self.add(right, row_weights("TopKAccuracy", len(rows), target, self.ignore_index, sample_weight))
