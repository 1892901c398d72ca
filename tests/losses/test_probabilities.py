"""Probabilities, log-probabilities and scores, told from each other."""

import numpy as np
import pytest
from scores import LOG_P, P, Z

import minnet as mn
from minnet.losses.probabilities import check_log_probabilities, check_probabilities


def test_nan_is_named():
    rows = P.copy()
    rows[0, 0] = np.nan
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
