"""What a prediction and a target mean: scores of classes with labels, or yes-or-no answers with 0 and 1."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.arrays import TINY, Array, Labels
from minnet.core.labels import check_labels, check_range
from minnet.core.masks import refuse_mask
from minnet.core.probabilities import is_log_probabilities, is_probabilities
from minnet.core.trees import refuse_tree
from minnet.core.weights import Weights, sample_weights
from minnet.errors import NonFiniteError

Answers = NDArray[np.bool_]

TAKES = (None, "probabilities", "scores", "log-probabilities")
SEVERAL = (
    "pass those of one output, such as prediction['digit'] and target['digit']; in a Trainer, for one of several "
    "outputs there is mn.metrics.Of, such as Of('digit', mn.metrics.accuracy)"
)
THRESHOLD = "yes-or-no answers? Say where a yes begins: threshold=0.5 for probabilities, threshold=0 for scores"


def as_numbers(owner: str, name: str, value: ArrayLike) -> Array:
    """View anything as an array of numbers; a TypeError if it is something else."""
    if type(value) is not np.ndarray:
        refuse_mask(owner, name, value)
        refuse_tree(owner, name, value, SEVERAL)
    array = np.asarray(value)
    if array.dtype.kind not in "biuf" and array.size:
        raise TypeError(f"{owner} expected a {name} of numbers, got {array.dtype}")
    return array


def check_finite(owner: str, name: str, array: Array) -> None:
    """Raise a NonFiniteError if a number is NaN or infinite."""
    if not np.isfinite(array).all():
        raise NonFiniteError(f"{owner} got NaN or infinity in the {name}: did the model diverge, or are data missing?")


def class_scores(
    owner: str, prediction: ArrayLike, target: ArrayLike, ignore_index: int | None
) -> tuple[Array, Labels]:
    """Return scores (..., C) as rows (N, C), and their labels (N,), without the samples that are ignored."""
    if type(target) is not np.ndarray:
        refuse_mask(owner, "target", target)
    scores, labels = as_numbers(owner, "prediction", prediction), np.asarray(target)
    are_classes = scores.ndim == 1 and scores.dtype.kind in "iu"  # after argmax
    if is_one_answer(scores, labels) and not are_classes:
        raise ValueError(
            f"{owner} expected scores (..., classes), got one output for each sample, {scores.shape}: {THRESHOLD}"
        )
    try:
        check_labels(owner, scores, labels)
    except ValueError as error:
        if scores.shape == labels.shape:
            raise ValueError(f"{error}; {THRESHOLD}") from None
        raise
    rows, labels = scores.reshape(-1, scores.shape[-1]), labels.reshape(-1)
    check_range(owner, labels, rows.shape[1], ignore_index)
    if ignore_index is not None:
        counted = labels != ignore_index
        rows, labels = rows[counted], labels[counted]
    return rows, labels.astype(np.int64, copy=False)


def row_weights(
    owner: str, rows: int, target: ArrayLike, ignore_index: int | None, sample_weight: ArrayLike | None
) -> Weights | None:
    """Return the weights (N,) of the rows that `class_scores` or `yes_or_no` return; None if there are no weights.

    The weights are of the targets' shape, or of its first axes.
    """
    if sample_weight is None:
        return None
    targets = np.asarray(target)
    counted: Any = slice(None) if ignore_index is None else targets.reshape(-1) != ignore_index
    several = ignore_index is None and targets.size != rows  # labels for each sample
    shape = targets.shape[:-1] if several else targets.shape
    weights = sample_weights(owner, sample_weight, shape)
    every: Weights = np.broadcast_to(weights, shape).reshape(-1)[counted]
    return every


def is_one_answer(prediction: ArrayLike, target: ArrayLike) -> bool:
    """Whether a model has one output a sample: (N,), or (..., 1) with targets (...) or (..., 1)."""
    shape = np.shape(prediction)
    return (len(shape) < 2 and shape == np.shape(target)) or shape[-1:] == (1,)


def yes_or_no(owner: str, prediction: ArrayLike, target: ArrayLike, ignore_index: int | None) -> tuple[Array, Answers]:
    """Return answers (..., C) as rows (N, C), and whether each is to be yes; C is 1 for (N,), or if C is left out."""
    answers, truth = as_numbers(owner, "prediction", prediction), as_numbers(owner, "target", target)
    if answers.shape == (*truth.shape, 1):
        truth = truth[..., None]
    if answers.shape != truth.shape:
        raise ValueError(
            f"{owner} expected a yes or no (1 or 0) for each output, a target of shape {answers.shape}, got "
            f"{truth.shape}: class numbers? Leave out the threshold"
        )
    labels = answers.shape[-1] if answers.ndim > 1 else 1
    rows, truth = answers.reshape(-1, labels), truth.reshape(-1, labels)
    if ignore_index is not None:
        if labels > 1:
            raise ValueError(f"{owner} expected one answer a sample for ignore_index, got {labels}")
        counted = truth[:, 0] != ignore_index
        rows, truth = rows[counted], truth[counted]
    no = -1 if (truth == -1).any() else 0
    wrong = truth[(truth != 1) & (truth != no)]
    if wrong.size:
        raise ValueError(
            f"{owner} expected targets that are 1 for yes and 0 (or all -1) for no, got {wrong[0]:g}: class numbers? "
            "Then a prediction needs one column for each class"
        )
    return rows, truth == 1


def log_probabilities(owner: str, rows: Array, takes: str | None) -> Array:
    """Return the logarithms (N, C) of probabilities, in float64, from what the metric takes."""
    if np.isnan(rows).any() or (takes == "scores" and np.isinf(rows).any()):
        check_finite(owner, "prediction", rows)
    if takes == "scores":
        z = rows - rows.max(axis=1, keepdims=True).astype(np.float64)
        logs: Array = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return logs
    if takes == "log-probabilities":
        if not is_log_probabilities(rows):
            raise ValueError(f"{owner} expected log-probabilities, got {_others(rows, takes)}")
        return rows.astype(np.float64)
    check_probabilities(owner, rows)
    return log(rows)


def log(p: Array) -> Array:
    """Return log p in float64; as in the losses, a p of 0 counts as the smallest normal number of its dtype."""
    logs: Array = np.log(np.maximum(p, TINY.get(p.dtype, TINY[np.dtype(np.float64)])), dtype=np.float64)
    return logs


def check_probabilities(owner: str, rows: Array) -> None:
    """Check that rows (N, C) are probabilities: of classes, or of a yes, if C is 1."""
    check_finite(owner, "prediction", rows)
    if not (rows.min(initial=0) >= 0 and rows.max(initial=1) <= 1 if rows.shape[1] == 1 else is_probabilities(rows)):
        raise ValueError(f"{owner} expected probabilities, got {_others(rows, 'probabilities')}")


def _others(rows: Array, takes: str) -> str:
    others = " or ".join(f"takes={kind!r}" for kind in TAKES[1:] if kind != takes)
    return f"other numbers, from {rows.min():.4g} to {rows.max():.4g}: say what they are, {others}"
