"""Decisions are what metrics of right and wrong answers compare: the class that was chosen, and the right one."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.checks import check_number
from minnet.core.labels import check_ignore_index
from minnet.core.weights import Weights
from minnet.metrics.base import Metric
from minnet.metrics.predictions import class_scores, row_weights, yes_or_no

Chosen = NDArray[Any]


class Decisions(Metric):
    """The base of metrics that compare what was chosen with what is right.

    A metric takes one of these, in any number of batches:

    - *classes*: scores or probabilities (..., C) and labels (...), 0 … C − 1. The largest score is chosen.
    - *yes or no* (binary), with a `threshold`: scores or probabilities (N,), or (..., 1), and targets of the same
      shape, or of the shape (...): 1 for yes, 0 (or −1) for no. A prediction above the threshold is a yes. It is then
      as if there were two classes, no and yes.
    - *several labels per sample* (multi-label), with a `threshold`: (..., C) and as many targets, each a yes or
      no.

    NaN is never right: with two classes it counts as the other answer, with more as one that no sample has.

    Parameters
    ----------
    threshold
        Above which number a prediction is a yes: usually 0.5 for probabilities, 0 for scores. None: the prediction is
        scores of classes. A Trainer whose loss is of yes-or-no answers (`BCELoss`, `BCEWithLogitsLoss`, `HingeLoss`)
        sets it, if it is None.
    ignore_index
        The label of samples that do not count. None: every sample counts. A Trainer takes its loss's, if it is None.

    Raises
    ------
    TypeError, ValueError
        If an option is of the wrong type. In `update`, if the labels are not integers in 0 … C − 1, if the targets are
        neither yes nor no, or if the shapes do not belong together. In `compute`, if there is no sample that counts.
    """

    def __init__(self, *, threshold: float | None = None, ignore_index: int | None = None) -> None:
        name = type(self).__name__
        self.threshold = None if threshold is None else check_number(name, "threshold", threshold)
        self.ignore_index = check_ignore_index(name, ignore_index)
        self.reset()

    def weights_of(self, rows: int, target: ArrayLike, sample_weight: ArrayLike | None) -> Weights | None:
        """Return the weights (N,) of the samples that `decided` returns; None if they count the same."""
        return row_weights(type(self).__name__, rows, target, self.ignore_index, sample_weight)

    def right(self, prediction: ArrayLike, target: ArrayLike) -> NDArray[np.bool_]:
        """Return which samples are right, (N,); of several labels a sample, all must be."""
        chosen, right, _ = self.decided(prediction, target)
        same: Any = chosen == right
        samples: NDArray[np.bool_] = same.all(axis=1) if same.ndim == 2 else same
        return samples

    def decided(self, prediction: ArrayLike, target: ArrayLike) -> tuple[Chosen, Chosen, int]:
        """Return what was chosen, what is right, and the number of classes or labels.

        Both are class numbers (N,), where NaN has chosen a class too many; or, for several labels per sample, whether
        it is a yes, (N, C).
        """
        owner = type(self).__name__
        if self.threshold is None:
            rows, labels = class_scores(owner, prediction, target, self.ignore_index)
            classes = rows.shape[1]
            chosen = rows.argmax(axis=1)
            lowest = rows.min(initial=0)
            if lowest != lowest:  # there is NaN; np.isnan takes as long as all of `min`
                lost = np.isnan(rows).any(axis=1)
                chosen[lost] = 1 - labels[lost] if classes == 2 else classes
            return chosen, labels, classes
        rows, yes = yes_or_no(owner, prediction, target, self.ignore_index)
        said = np.where(np.isnan(rows), ~yes, rows > self.threshold)
        if rows.shape[1] > 1:
            return said, yes, rows.shape[1]
        return said[:, 0].astype(np.int64), yes[:, 0].astype(np.int64), 2
