"""Probabilities, log-probabilities and scores, told from each other."""

import numpy as np
import pytest
from scores import LOG_P, P, Z

from minnet.core.probabilities import is_log_probabilities, is_probabilities


@pytest.mark.parametrize("times", [1, 50])  # a few rows, and many
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_each_is(dtype, times):
    tables = {"scores": Z, "p": P, "log p": LOG_P, "one-hot": np.eye(3), "large": 1000 * Z, "negative": -np.abs(Z)}
    tables = {name: np.tile(rows, (times, 1)) for name, rows in tables.items()}
    with np.errstate(over="raise", invalid="raise"):
        assert [name for name, rows in tables.items() if is_probabilities(rows.astype(dtype))] == ["p", "one-hot"]
        assert [name for name, rows in tables.items() if is_log_probabilities(rows.astype(dtype))] == ["log p"]


def test_certainty_has_a_logarithm_of_minus_infinity():
    assert is_log_probabilities(np.array([[0, -np.inf]]))


@pytest.mark.parametrize("times", [1, 50])
@pytest.mark.parametrize("change", [1.01, 0.99, np.nan, -1])
def test_one_row_decides(times, change):
    mixed = np.tile(P, (times, 1))
    mixed[3] *= change
    assert not is_probabilities(mixed)
    with np.errstate(invalid="ignore"):
        assert not is_log_probabilities(np.log(mixed))


def test_nothing_is_both():
    empty = np.zeros((0, 3))
    assert is_probabilities(empty)
    assert is_log_probabilities(empty)


def test_nan_is_neither():
    rows = P.copy()
    rows[0, 0] = np.nan
    assert not is_probabilities(rows)
    assert not is_log_probabilities(rows)
