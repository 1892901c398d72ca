"""The log loss says how probable a model finds what is right."""

import numpy as np
from numpy.typing import ArrayLike

from minnet.core.arrays import Array
from minnet.core.checks import check_choice
from minnet.core.labels import check_ignore_index
from minnet.metrics.base import Mean
from minnet.metrics.predictions import (
    TAKES,
    Answers,
    check_finite,
    check_probabilities,
    class_scores,
    is_one_answer,
    log,
    log_probabilities,
    row_weights,
    yes_or_no,
)


class LogLoss(Mean):
    """The mean of −log p over the samples, with p the predicted probability of what is right.

    It takes classes, (..., C) and labels (...), or yes-or-no answers: (N,), or (..., 1), and targets 1 and 0 of the
    same shape, or of the shape (...). As in minnet's losses, a p of 0 counts as the smallest normal number;
    scikit-learn cuts p at 2.2·10⁻¹⁶ (float64).

    Parameters
    ----------
    takes
        What the prediction is: ``"probabilities"``, ``"scores"``, of which the softmax or the sigmoid is taken, or
        ``"log-probabilities"``, of classes. None: what the loss of the Trainer takes, or else probabilities.
    ignore_index
        The label of samples that do not count. None: every sample counts. A Trainer takes its loss's, if it is None.

    Raises
    ------
    TypeError, ValueError
        If an option is of the wrong type. In `update`, if prediction and target are none of these. In `compute`, if
        there is no sample that counts.
    NonFiniteError
        If there is NaN or infinity in the prediction.

    Examples
    --------
    >>> round(LogLoss()(np.array([[0.25, 0.75], [0.5, 0.5]]), [1, 1]), 6)
    0.490415
    >>> round(LogLoss(takes="scores")(np.array([0.0, 100.0]), [1, 1]), 6)
    0.346574
    """

    better = "min"

    def __init__(self, *, takes: str | None = None, ignore_index: int | None = None) -> None:
        self.takes = check_choice("LogLoss", "takes", takes, TAKES)
        self.ignore_index = check_ignore_index("LogLoss", ignore_index)
        self.reset()

    def update(self, prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add the samples of a batch."""
        if is_one_answer(prediction, target):
            losses = self._of_answers(*yes_or_no("LogLoss", prediction, target, self.ignore_index))
        else:
            rows, labels = class_scores("LogLoss", prediction, target, self.ignore_index)
            losses = -np.take_along_axis(log_probabilities("LogLoss", rows, self.takes), labels[:, None], axis=1)
        v = row_weights("LogLoss", len(losses), target, self.ignore_index, sample_weight)
        self.add(losses[:, 0], v)

    def _of_answers(self, rows: Array, yes: Answers) -> Array:
        """Return −log p of yes-or-no answers (N, 1)."""
        check_finite("LogLoss", "prediction", rows)
        if self.takes == "scores":
            z = np.where(yes, -1.0, 1.0) * rows  # log(1 + e^z)
            losses: Array = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
            return losses
        if self.takes == "log-probabilities":
            raise ValueError("LogLoss expected log-probabilities (..., classes), got one output for each sample")
        check_probabilities("LogLoss", rows)
        small = rows < 0.5  # where 1 - p would lose digits of p
        return -np.where(yes, log(rows), np.where(small, np.log1p(-rows * small, dtype=np.float64), log(1 - rows)))
