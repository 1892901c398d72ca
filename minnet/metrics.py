"""A metric is a number that says how good predictions are, for people to read; it has no gradient."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.arrays import Array, Labels
from minnet.core.checks import check_number


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
    ValueError
        If the shapes do not fit together, or there is no sample.

    Examples
    --------
    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), [1, 1])
    0.5
    """
    prediction = np.asarray(prediction)
    labels = _labels("accuracy", prediction, target)
    return float((prediction.argmax(axis=-1) == labels).mean())


def top_k_accuracy(prediction: ArrayLike, target: ArrayLike, k: int = 5) -> float:
    """Return the share of samples whose label is among the k largest scores.

    A sample counts as right if fewer than k scores are larger than its label's, so a tie counts as right.

    Parameters
    ----------
    prediction, target
        As for `accuracy`.
    k
        1 … C. With k = 1 it is `accuracy`, except for ties.

    Raises
    ------
    ValueError
        If the shapes do not fit together, k is out of range, or there is no sample.
    """
    prediction = np.asarray(prediction)
    labels = _labels("top_k_accuracy", prediction, target)
    check_number("top_k_accuracy", "k", k, 1, prediction.shape[-1], why="k is at most the number of classes")
    own = np.take_along_axis(prediction, labels[..., None], axis=-1)
    # Not `prediction > own`, which is never true of NaN: a model that has diverged would be right.
    return float(((~(prediction <= own)).sum(axis=-1) < k).mean())


def confusion_matrix(prediction: ArrayLike, target: ArrayLike) -> NDArray[np.int64]:
    """Count how often a sample of class i (row) was predicted to be of class j (column).

    Parameters
    ----------
    prediction, target
        As for `accuracy`.

    Returns
    -------
    ndarray
        Counts of shape (C, C); the diagonal counts the right predictions.

    Raises
    ------
    ValueError
        If the shapes do not fit together, a label is not in 0 … C − 1, or there is no sample.

    Examples
    --------
    >>> confusion_matrix(np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]), [1, 1, 1])
    array([[0, 0],
           [1, 2]])
    """
    prediction = np.asarray(prediction)
    labels, classes = _labels("confusion_matrix", prediction, target).reshape(-1), prediction.shape[-1]
    cells = labels * classes + prediction.argmax(axis=-1).reshape(-1)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


class RunningAccuracy:
    """A running average of the accuracy: score ← decay · score + (1 − decay) · [right], sample by sample.

    The class notebook prints it during its online pass. The score starts at 0, so it is too low for about the first
    1/(1 − decay) samples.

    Parameters
    ----------
    decay
        The share of the old score that is kept, 0 <= decay < 1.

    Attributes
    ----------
    score : float
        The running accuracy, 0 to 1.

    Raises
    ------
    ValueError
        If decay is outside [0, 1).

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
        prediction = np.asarray(prediction)
        rights = prediction.argmax(axis=-1) == _labels("RunningAccuracy", prediction, target)
        for right in np.ravel(rights).tolist():
            self.score = self.decay * self.score + (1 - self.decay) * right
        return self.score


def _labels(metric: str, prediction: Array, target: ArrayLike) -> Labels:
    """Return the target as labels, or raise an error that says what is wrong with it."""
    labels = np.asarray(target)
    if prediction.ndim == 0 or labels.shape != prediction.shape[:-1]:
        if labels.shape[:-1] == prediction.shape and labels.ndim:
            cure = "are they swapped? pass (prediction, target)"
        elif labels.shape == prediction.shape and prediction.dtype.kind in "iu":
            cure = "pass the model's output, before argmax; of class numbers, it is np.mean(prediction == y)"
        elif labels.shape == prediction.shape:
            cure = "one-hot labels? pass y.argmax(axis=-1)"
        elif labels.shape == (*prediction.shape[:-1], 1):
            cure = "labels in a column? pass y.squeeze(-1)"
        else:
            cure = "prediction and labels must come from the same samples"
        raise ValueError(
            f"{metric} expected a prediction of scores (..., classes) and labels (...), "
            f"got {prediction.shape} and {labels.shape}: {cure}"
        )
    if labels.size == 0:
        raise ValueError(f"{metric} expected at least one sample, got none")
    if labels.dtype.kind not in "iu":
        cure = "pass y.astype(np.int64)"
        if labels.dtype.kind in "OSU":
            cure = "number the classes from 0: names, y = np.unique(y, return_inverse=True)"
        raise TypeError(f"{metric} expected integer labels, got {labels.dtype}: {cure}")
    classes = prediction.shape[-1]
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"{metric} expected labels from 0 to {classes - 1} for {classes} classes, got {labels.min()} to "
            f"{labels.max()}: count classes from 0"
        )
    return labels.astype(np.int64, copy=False)
