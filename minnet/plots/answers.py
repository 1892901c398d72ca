"""Answers are the probabilities of a model and the right classes, of any number of classes, or of yes and no."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.arrays import Array, Labels
from minnet.core.special import sigmoid
from minnet.metrics.predictions import (
    check_finite,
    check_probabilities,
    class_scores,
    is_one_answer,
    log_probabilities,
    yes_or_no,
)


def probabilities(
    owner: str, prediction: ArrayLike, target: ArrayLike, takes: str | None
) -> tuple[NDArray[np.float64], Labels]:
    """Return probabilities (N, C) and labels (N,); of one answer a sample, C is 2: no and yes.

    Raises
    ------
    ValueError, TypeError, NonFiniteError
        If they are something else.
    """
    if is_one_answer(prediction, target):
        rows, yes = yes_or_no(owner, prediction, target, None)
        p = _of_yes(owner, rows[:, 0], takes)
        return np.stack([1 - p, p], axis=1), yes[:, 0].astype(np.int64)
    rows, labels = class_scores(owner, prediction, target, None)
    if not len(rows):
        raise ValueError(f"{owner} expected at least one sample, got none")
    if takes in (None, "probabilities"):
        check_probabilities(owner, rows)
        return rows.astype(np.float64), labels
    return np.exp(log_probabilities(owner, rows, takes)), labels


def _of_yes(owner: str, answers: Array, takes: str | None) -> NDArray[np.float64]:
    """Return the probabilities of a yes."""
    if not len(answers):
        raise ValueError(f"{owner} expected at least one sample, got none")
    check_finite(owner, "prediction", answers)
    if takes == "scores":
        return sigmoid(answers).astype(np.float64)
    if takes == "log-probabilities":
        return np.exp(answers.astype(np.float64))
    check_probabilities(owner, answers[:, None])
    return answers.astype(np.float64)
