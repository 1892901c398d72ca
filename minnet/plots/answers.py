"""Answers are the probabilities of a model and the right classes, of any number of classes, or of yes and no."""

import numpy as np
from numpy.typing import ArrayLike

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


def probabilities(owner: str, prediction: ArrayLike, target: ArrayLike, takes: str | None) -> tuple[Array, Labels]:
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
        return _floats(rows), labels
    return np.exp(log_probabilities(owner, rows, takes)), labels


def _of_yes(owner: str, answers: Array, takes: str | None) -> Array:
    """Return the probabilities of a yes."""
    if not len(answers):
        raise ValueError(f"{owner} expected at least one sample, got none")
    check_finite(owner, "prediction", answers)
    if takes == "scores":
        return sigmoid(_floats(answers))
    if takes == "log-probabilities":
        logs: Array = np.exp(_floats(answers))
        return logs
    check_probabilities(owner, answers[:, None])
    return _floats(answers)


def _floats(numbers: Array) -> Array:
    """Return integers as float64, and floats as they are: those of a thousand classes may fill the memory."""
    return numbers if numbers.dtype.kind == "f" else numbers.astype(np.float64)
