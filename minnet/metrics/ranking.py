"""Ranking metrics look at the order of scores: whether those of yes are above those of no, whatever the threshold."""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.arrays import Array
from minnet.core.checks import check_choice
from minnet.core.gathered import Gathered
from minnet.core.labels import check_ignore_index
from minnet.core.weights import Weights
from minnet.metrics.base import Metric
from minnet.metrics.predictions import (
    TAKES,
    Answers,
    check_finite,
    check_probabilities,
    class_scores,
    log_probabilities,
    row_weights,
    yes_or_no,
)

Counts = NDArray[Any]  # integers, or sums of weights

AVERAGES = ("macro", "micro", "weighted")


class Ranking(Metric):
    """The base of metrics of a ranking. They need the whole set, so they keep the scores of all samples.

    A metric takes one of these, in any number of batches:

    - *yes or no* (binary): scores or probabilities (N,), or (..., 1), and targets of the same shape, or of the
      shape (...): 1 for yes, 0 (or −1) for no.
    - *several labels per sample* (multi-label): (..., C) and as many targets.
    - *classes*: (..., C) and labels (...), 0 … C − 1. Samples are ranked by their probability of a class; each of
      several classes is compared with all others. Of two classes, only class 1 is looked at, as a yes.

    Equal scores are one place in the ranking.

    Parameters
    ----------
    average
        What becomes of several classes or labels: ``"macro"``, the mean; ``"weighted"``, the mean weighted by how many
        samples are of each; ``"micro"``: one ranking of all answers.
    takes
        What a prediction for classes is: ``"probabilities"`` (rows that sum to 1), ``"scores"``, of which the softmax
        is taken, or ``"log-probabilities"``. None: what the loss of the Trainer takes, or else probabilities.
    ignore_index
        The label of samples that do not count. None: every sample counts. A Trainer takes its loss's, if it is None.

    Raises
    ------
    TypeError, ValueError
        In `update`, if prediction and target are none of these. In `compute`, if there is no sample that counts, or
        if the metric is not defined: a class has no sample (scikit-learn returns NaN or 0 with a warning).
    NonFiniteError
        If there is NaN or infinity in the prediction.
    """

    better = "max"
    needs: ClassVar[tuple[str, ...]] = ()  # without which it is not defined: "yes", "no"

    def __init__(self, average: str = "macro", *, takes: str | None = None, ignore_index: int | None = None) -> None:
        name = type(self).__name__
        self.average = check_choice(name, "average", average, AVERAGES)
        self.takes = check_choice(name, "takes", takes, TAKES)
        self.ignore_index = check_ignore_index(name, ignore_index)
        self.reset()

    def reset(self) -> None:
        """Forget all samples."""
        self._scores, self._yes = Gathered(), Gathered()
        self._weights: Gathered | None = None  # from the first batch that has any

    def update(self, prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Keep the scores of a batch."""
        owner, shape = type(self).__name__, np.shape(prediction)
        if shape == np.shape(target) or shape[-1:] == (1,):
            scores, yes = yes_or_no(owner, prediction, target, self.ignore_index)
            check_finite(owner, "prediction", scores)
        else:
            scores, labels = class_scores(owner, prediction, target, self.ignore_index)
            if self.takes in (None, "probabilities"):
                check_probabilities(owner, scores)
            else:  # their logarithms have the same order, and more digits near 1
                scores = log_probabilities(owner, scores, self.takes)
            yes = labels[:, None] == np.arange(scores.shape[1])
            if scores.shape[1] == 2:
                scores, yes = scores[:, 1:], yes[:, 1:]
        self._add(scores, yes, row_weights(owner, len(scores), target, self.ignore_index, sample_weight))

    def merge(self, other: Self) -> None:
        """Add the scores of another metric with the same options."""
        self.check_merges(other)
        if len(other._scores):
            v = None if other._weights is None else other._weights.array
            self._add(other._scores.array, other._yes.array, v)

    def _add(self, scores: Array, yes: Answers, v: Weights | None) -> None:
        """Keep the scores of samples, whether each is a yes, and their weights, if they have any."""
        if v is not None and self._weights is None:
            self._weights = Gathered()
            self._weights.add(np.ones(len(self._scores)))
        self._scores.add(scores)
        self._yes.add(yes)
        if self._weights is not None:
            self._weights.add(np.ones(len(scores)) if v is None else v)

    def compute(self) -> float:
        """Return the metric of all samples, 0 to 1."""
        v = None if self._weights is None else self._weights.array
        self._some(len(self._scores) if v is None else v.sum())
        scores, yes = self._scores.array, self._yes.array
        if v is not None:
            scores, yes, v = scores[v > 0], yes[v > 0], v[v > 0]
        if self.average == "micro":
            v = None if v is None else np.repeat(v, yes.shape[1])
            scores, yes = scores.reshape(-1, 1), yes.reshape(-1, 1)
        values = [
            self._of(scores[:, i], yes[:, i], v, f" for class {i}" * (yes.shape[1] > 1)) for i in range(yes.shape[1])
        ]
        of_each = yes.sum(axis=0) if v is None else v @ yes
        return float(np.average(values, weights=of_each if self.average == "weighted" else None))

    def _of(self, scores: Array, yes: Answers, v: Weights | None, which: str) -> float:
        """Return the metric of one ranking, of samples with the weights v, if they have any."""
        found = {"yes": yes.any(), "no": not yes.all()}
        for answer in self.needs:
            if not found[answer]:
                raise ValueError(
                    f"{type(self).__name__} is not defined without a sample whose target is {answer}{which}: "
                    "evaluate on more samples"
                )
        _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
        if v is not None:
            counts = np.bincount(place, v)
        hits = np.bincount(place[yes], None if v is None else v[yes], len(counts))
        return self._of_counts(hits[::-1], counts[::-1])

    def _of_counts(self, hits: Counts, counts: Counts) -> float:
        """Return the metric from how many are yes, and how many there are, or their weights, at each place."""
        raise NotImplementedError


class ROCAUC(Ranking):
    """The area under the ROC curve: the probability that a yes has a higher score than a no, where a tie counts ½.

    T. Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27, 2006.

    Parameters
    ----------
    average, takes, ignore_index
        See `minnet.metrics.ranking.Ranking`, also for shapes and errors. Classes are compared one against the rest.

    Examples
    --------
    >>> ROCAUC()(np.array([0.1, 0.4, 0.35, 0.8]), [0, 0, 1, 1])
    0.75
    """

    needs = ("yes", "no")

    def _of_counts(self, hits: Counts, counts: Counts) -> float:
        others = counts - hits
        below = others.sum() - np.cumsum(others)
        return float((hits @ (2 * below + others)) / (2 * float(hits.sum()) * float(others.sum())))


class AveragePrecision(Ranking):
    """The precision at each place of the ranking, averaged over the samples that are yes: Σ_k (R_k − R_{k−1}) P_k.

    P_k and R_k are precision and recall if the first k places are predicted to be yes. Nothing is interpolated.

    Parameters
    ----------
    average, takes, ignore_index
        See `minnet.metrics.ranking.Ranking`, also for shapes and errors.

    Examples
    --------
    >>> AveragePrecision()(np.array([0.1, 0.4, 0.35, 0.8]), [0, 0, 1, 1])
    0.8333333333333333
    """

    needs = ("yes",)

    def _of_counts(self, hits: Counts, counts: Counts) -> float:
        return float((hits / hits.sum()) @ (np.cumsum(hits) / np.cumsum(counts)))
