"""Probabilities and their logarithms are recognised by their values, because rows of probabilities sum to 1."""

import numpy as np

from minnet.core.arrays import Array, row_sums
from minnet.errors import NonFiniteError
from minnet.losses.base import DIVERGED, Loss

TOLERANCE = 1e-3  # of a row's sum: more than rounding makes, even in float32 and with many classes


def is_probabilities(rows: Array) -> bool:
    """Say whether rows (N, C) are probabilities: numbers >= 0 that sum to 1."""
    if rows.size <= 64:  # for so few, Python is faster than NumPy
        return all(min(row) >= 0 and abs(sum(row) - 1) <= TOLERANCE for row in rows.tolist())
    return bool(rows.min() >= 0 and np.abs(row_sums(rows) - 1).max() <= TOLERANCE)


def is_log_probabilities(rows: Array) -> bool:
    """Say whether rows (N, C) are log-probabilities: numbers <= 0 whose exponentials sum to 1."""
    # e^x overflows only for x > 88, and then the maximum has settled the question.
    return rows.size == 0 or bool(rows.max() <= TOLERANCE and np.abs(row_sums(np.exp(rows)) - 1).max() <= TOLERANCE)


def check_probabilities(loss: Loss, rows: Array) -> None:
    """Check that the prediction, rows (N, C), is probabilities; a ValueError says what it is instead."""
    if is_probabilities(rows):
        return
    name = type(loss).__name__
    if np.isnan(rows).any():
        raise NonFiniteError(f"{name} got {DIVERGED}")
    if is_log_probabilities(rows):
        raise ValueError(f"{name} expected probabilities, got log-probabilities: use NLLLoss after LogSoftmax")
    raise ValueError(
        f"{name} expected probabilities (rows of numbers >= 0 that sum to 1), got values from "
        f"{rows.min():.4g} to {rows.max():.4g} and row sums from {rows.sum(axis=1).min():.4g} to "
        f"{rows.sum(axis=1).max():.4g}: end the model with Softmax(), or give scores to SoftmaxCrossEntropyLoss"
    )


def check_log_probabilities(loss: Loss, rows: Array, if_p: str, if_scores: str) -> None:
    """Check that the prediction, rows (N, C), is log-probabilities.

    A ValueError has the cure `if_p` if it is probabilities, and `if_scores` if it is neither.
    """
    if is_log_probabilities(rows):
        return
    name = type(loss).__name__
    if np.isnan(rows).any():
        raise NonFiniteError(f"{name} got {DIVERGED}")
    raise ValueError(
        f"{name} expected log-probabilities (numbers <= 0 whose exponentials sum to 1), got "
        f"{f'probabilities: {if_p}' if is_probabilities(rows) else f'scores: {if_scores}'}"
    )
