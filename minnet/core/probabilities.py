"""Probabilities and their logarithms are recognised by their values, because rows of probabilities sum to 1."""

import numpy as np

from minnet.core.arrays import Array, row_sums

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
