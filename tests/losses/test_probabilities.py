"""Probabilities, log-probabilities and scores, told from each other."""

import numpy as np
import pytest
from scores import LOG_P, P, Z

import minnet as mn
from minnet.losses.probabilities import (
    check_log_probabilities,
    check_probabilities,
    is_log_probabilities,
    is_probabilities,
)


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


def test_nan_is_neither_and_is_named():
    rows = P.copy()
    rows[0, 0] = np.nan
    assert not is_probabilities(rows)
    assert not is_log_probabilities(rows)
    with pytest.raises(ValueError, match="MSELoss got NaN: the model diverged"):
        check_probabilities(mn.MSELoss(), rows)
    with pytest.raises(ValueError, match="MSELoss got NaN: the model diverged"):
        check_log_probabilities(mn.MSELoss(), rows, "", "")


def test_the_cure_depends_on_what_was_given():
    check_probabilities(mn.MSELoss(), P)
    check_log_probabilities(mn.MSELoss(), LOG_P, "", "")
    with pytest.raises(ValueError, match=r"MSELoss expected log-probabilities .*, got probabilities: first$"):
        check_log_probabilities(mn.MSELoss(), P, "first", "second")
    with pytest.raises(ValueError, match=r"MSELoss expected log-probabilities .*, got scores: second$"):
        check_log_probabilities(mn.MSELoss(), Z, "first", "second")
