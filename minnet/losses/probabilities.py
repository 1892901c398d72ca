"""Losses of probabilities say what they were given instead."""

import numpy as np

from minnet.core.arrays import Array
from minnet.core.probabilities import is_log_probabilities, is_probabilities
from minnet.errors import NonFiniteError
from minnet.losses.base import DIVERGED, Loss


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
