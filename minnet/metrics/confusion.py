"""How classes are taken for one another: the confusion matrix, and precision, recall and F1, made of counts."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.checks import check_choice
from minnet.errors import NonFiniteError
from minnet.metrics.decisions import Decisions

Counts = NDArray[Any]  # integers, or floats if samples have weights
Numbers = NDArray[np.float64]

AVERAGES = ("binary", "macro", "micro", "weighted")


class ConfusionMatrix(Decisions):
    """How often a sample of class i (row) was predicted to be of class j (column), as integers (C, C).

    The diagonal counts the right predictions. With weights of samples, their sums are floats. It is no
    single number, so a Trainer does not take it as a metric: call it with what `Trainer.predict` returns.

    Parameters
    ----------
    threshold, ignore_index
        See `minnet.metrics.decisions.Decisions`, also for shapes and errors. Several labels per sample are a
        ValueError, and NaN, which has no column, is a `NonFiniteError`.

    Examples
    --------
    >>> ConfusionMatrix()(np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]), [1, 1, 1])
    array([[0, 0],
           [1, 2]])
    """

    def reset(self) -> None:
        """Forget all samples."""
        self.counts: Counts = np.zeros((0, 0), np.int64)

    def update(self, prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Count the samples of a batch."""
        chosen, right, classes = self.decided(prediction, target)
        if right.ndim == 2:
            raise ValueError(
                f"ConfusionMatrix expected one label for each sample, got {classes}: make a matrix for each label"
            )
        if np.isnan(prediction).any():
            raise NonFiniteError("ConfusionMatrix has no column for NaN in the prediction: did the model diverge?")
        v = self.weights_of(len(right), target, sample_weight)
        counts = np.bincount(right * classes + chosen, v, classes * classes).reshape(classes, classes)
        self.counts = _added(self, self.counts, counts)

    def merge(self, other: Self) -> None:
        """Add the counts of another matrix with the same options."""
        self.check_merges(other)
        self.counts = _added(self, self.counts, other.counts)

    def compute(self) -> Counts:
        """Return the counts, (C, C)."""
        self._some(self.counts.sum())
        return self.counts


class CountRatio(Decisions):
    """The base of metrics that are a quotient of counts, for one class or as a mean over classes.

    A quotient of 0 by 0 counts as 0, as in scikit-learn, but without a warning.

    Parameters
    ----------
    average
        - ``"binary"``: of the class 1 alone, if there are two classes, or yes and no.
        - ``"macro"``: the mean over classes, each of which counts the same.
        - ``"weighted"``: the mean over classes, each weighted by how many samples are of it.
        - ``"micro"``: of the counts of all classes together.

        A class that no sample is of, and that was never chosen, is left out. With several labels per sample, no label
        is left out, and "binary" is a ValueError.
    threshold, ignore_index
        See `minnet.metrics.decisions.Decisions`, also for shapes and errors.
    """

    better = "max"

    def __init__(
        self, average: str = "binary", *, threshold: float | None = None, ignore_index: int | None = None
    ) -> None:
        self.average = check_choice(type(self).__name__, "average", average, AVERAGES)
        super().__init__(threshold=threshold, ignore_index=ignore_index)

    def reset(self) -> None:
        """Forget all samples."""
        self.samples, self.labels = 0.0, False  # labels: whether there are several a sample
        # Of each class: hits, how often chosen, how often right; and whether it was one of these, whatever the weights.
        self.counts: Counts = np.zeros((4, 0), np.int64)

    def update(self, prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Count the samples of a batch."""
        chosen, right, classes = self.decided(prediction, target)
        self.labels = right.ndim == 2
        if self.average == "binary" and (self.labels or classes > 2):
            raise ValueError(
                f"{type(self).__name__} expected two classes for average='binary', got {classes} "
                f"{'labels for each sample' if self.labels else 'classes'}: pass average='macro', 'weighted' or 'micro'"
            )
        v = self.weights_of(len(right), target, sample_weight)
        if self.labels:
            parts = chosen & right, chosen, right
            counts = [part.sum(axis=0) if v is None else v @ part for part in parts]
            seen = (chosen | right).sum(axis=0)
        else:  # one class more, which NaN chooses
            hit = chosen == right
            places = (right[hit], None if v is None else v[hit]), (chosen, v), (right, v)
            counts = [np.bincount(part, weights, classes + 1) for part, weights in places]
            seen = counts[1] + counts[2] if v is None else _sizes(chosen, classes) + _sizes(right, classes)
        self.counts = _added(self, self.counts, np.array([*counts, seen]))
        self.samples += len(right) if v is None else float(v.sum())

    def merge(self, other: Self) -> None:
        """Add the counts of another metric with the same options."""
        self.check_merges(other)
        self.labels = other.labels if other.counts.size else self.labels
        self.counts = _added(self, self.counts, other.counts)
        self.samples += other.samples

    def compute(self) -> float:
        """Return the metric, 0 to 1; a quotient of 0 by 0 counts as 0."""
        self._some(self.samples)
        counts = self.counts
        if self.average == "binary":
            return float(self._ratios(counts[:, 1:2])[0])
        if self.average == "micro":
            return float(self._ratios(counts.sum(axis=1, keepdims=True))[0])
        ratios, right = self._ratios(counts), counts[2]
        if self.average == "weighted":
            return float(_quotients(ratios @ right, right.sum()))
        return float(ratios.mean() if self.labels else ratios[counts[3] > 0].mean())

    def _ratios(self, counts: Counts) -> Numbers:
        """Return the metric of each column of counts."""
        raise NotImplementedError


class Precision(CountRatio):
    """The share of right ones among the samples that were predicted to be of a class: hits / chosen.

    Parameters
    ----------
    average, threshold, ignore_index
        See `minnet.metrics.confusion.CountRatio`.

    Examples
    --------
    >>> Precision(threshold=0.5)(np.array([0.9, 0.8, 0.3, 0.1]), [1, 0, 1, 1])
    0.5
    """

    def _ratios(self, counts: Counts) -> Numbers:
        return _quotients(counts[0], counts[1])


class Recall(CountRatio):
    """The share of the samples of a class that were found: hits / right.

    Parameters
    ----------
    average, threshold, ignore_index
        See `minnet.metrics.confusion.CountRatio`.

    Examples
    --------
    >>> Recall(threshold=0.5)(np.array([0.9, 0.8, 0.3, 0.1]), [1, 0, 1, 1])
    0.3333333333333333
    """

    def _ratios(self, counts: Counts) -> Numbers:
        return _quotients(counts[0], counts[2])


class F1(CountRatio):
    """The harmonic mean of precision and recall: 2 · hits / (chosen + right).

    Parameters
    ----------
    average, threshold, ignore_index
        See `minnet.metrics.confusion.CountRatio`.

    Examples
    --------
    >>> F1(threshold=0.5)(np.array([0.9, 0.8, 0.3, 0.1]), [1, 0, 1, 1])
    0.4
    >>> F1("macro")(np.eye(3)[[0, 1, 1, 2]], [0, 1, 2, 2])
    0.7777777777777777
    """

    def _ratios(self, counts: Counts) -> Numbers:
        return _quotients(2 * counts[0], counts[1] + counts[2])


def _sizes(classes: Any, number: int) -> Counts:
    """Return how many samples are of each class, the one that NaN chooses included."""
    return np.bincount(classes, minlength=number + 1)


def _quotients(above: Any, below: Any) -> Numbers:
    """Return above / below, and 0 for 0 / 0."""
    quotients: Numbers = np.divide(above, below, out=np.zeros(np.shape(above)), where=np.asarray(below) != 0)
    return quotients


def _added(metric: Decisions, counts: Counts, more: Counts) -> Counts:
    """Add the counts of other samples to those of the samples before; either may be none."""
    if not (counts.size and more.size):
        return counts if counts.size else more
    if counts.shape != more.shape:
        raise ValueError(
            f"{type(metric).__name__} expected batches with the same number of classes, got {counts.shape[1]} and then "
            f"{more.shape[1]}"
        )
    return counts + more
