"""A metric is a number that says how good predictions are, for people to read; it has no gradient."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.arrays import Array, Labels
from minnet.core.checks import check_number
from minnet.core.labels import check_labels, check_range


def accuracy(prediction: ArrayLike, target: ArrayLike) -> float:
    """Return the share of samples whose largest score is at their label.

    Parameters
    ----------
    prediction
        Scores or probabilities, (..., C).
    target
        Labels 0 … C − 1, of shape (...).

    Raises
    ------
    TypeError, ValueError
        If the labels are not integers in 0 … C − 1, the shapes do not fit together, or there is no sample.

    Examples
    --------
    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), [1, 1])
    0.5
    """
    prediction, labels = _checked("accuracy", prediction, target)
    return float((prediction.argmax(axis=-1) == labels).mean())


def top_k_accuracy(prediction: ArrayLike, target: ArrayLike, k: int = 5) -> float:
    """Return the share of samples whose label is among the k largest scores.

    A sample counts as right if fewer than k scores are larger than its label's, so a tie counts as right.

    Parameters
    ----------
    prediction, target
        As for `accuracy`, with the same errors.
    k
        1 … C, or a ValueError. With k = 1 it is `accuracy`, except for ties.
    """
    prediction, labels = _checked("top_k_accuracy", prediction, target)
    check_number("top_k_accuracy", "k", k, 1, prediction.shape[-1], why="k is at most the number of classes")
    own = np.take_along_axis(prediction, labels[..., None], axis=-1)
    # Not `prediction > own`, which is never true of NaN: a model that has diverged would be right.
    return float(((~(prediction <= own)).sum(axis=-1) < k).mean())


def confusion_matrix(prediction: ArrayLike, target: ArrayLike) -> NDArray[np.int64]:
    """Count how often a sample of class i (row) was predicted to be of class j (column).

    The counts have the shape (C, C); the diagonal counts the right predictions. The arguments, and the errors, are
    those of `accuracy`.

    Examples
    --------
    >>> confusion_matrix(np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]), [1, 1, 1])
    array([[0, 0],
           [1, 2]])
    """
    prediction, labels = _checked("confusion_matrix", prediction, target)
    classes = prediction.shape[-1]
    cells = (labels * classes + prediction.argmax(axis=-1)).reshape(-1)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


class RunningAccuracy:
    """A running average of the accuracy: score ← decay · score + (1 − decay) · [right], sample by sample.

    The class notebook prints it during its online pass. The score starts at 0, so it is too low for about the first
    1/(1 − decay) samples.

    Parameters
    ----------
    decay
        The share of the old score that is kept, 0 <= decay < 1, or a ValueError.

    Attributes
    ----------
    score : float
        The running accuracy, 0 to 1.

    Examples
    --------
    >>> running = RunningAccuracy(decay=0.5)
    >>> running.update(np.array([[0.1, 0.9], [0.2, 0.8]]), [1, 1])
    0.75
    """

    def __init__(self, decay: float = 0.999) -> None:
        self.decay = check_number("RunningAccuracy", "decay", decay, 0, below=1)
        self.score = 0.0

    def update(self, prediction: ArrayLike, target: ArrayLike) -> float:
        """Count the samples of a batch, in order, and return the score; shapes as for `accuracy`."""
        prediction, labels = _checked("RunningAccuracy", prediction, target)
        for right in np.ravel(prediction.argmax(axis=-1) == labels).tolist():
            self.score = self.decay * self.score + (1 - self.decay) * right
        return self.score


def _checked(metric: str, prediction: ArrayLike, target: ArrayLike) -> tuple[Array, Labels]:
    """Return the prediction and the labels as arrays; raise ValueError or TypeError if something is wrong with them."""
    prediction, labels = np.asarray(prediction), np.asarray(target)
    check_labels(metric, prediction, labels)
    if labels.size == 0:
        raise ValueError(f"{metric} expected at least one sample, got none")
    check_range(metric, labels.reshape(-1), prediction.shape[-1])
    return prediction, labels.astype(np.int64, copy=False)
