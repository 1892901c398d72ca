"""Rows of the history: the column that is monitored, and whether its value improves."""

import math

import pytest

from minnet.core.rows import improves, monitored


def test_the_column_is_returned():
    assert monitored(object(), "loss", {"step": 1, "loss": 0.5}) == 0.5


def test_a_missing_column_is_an_error_that_names_the_others():
    with pytest.raises(ValueError, match="object monitors 'lost', but a row has only step, loss: pass fit"):
        monitored(object(), "lost", {"step": 1, "loss": 0.5})


@pytest.mark.parametrize(
    ("monitor", "value", "best", "min_delta", "better"),
    [
        ("validation_loss", 1.0, None, 0.0, True),
        ("validation_loss", 0.9, 1.0, 0.0, True),
        ("validation_loss", 1.0, 1.0, 0.0, False),
        ("validation_loss", 0.9, 1.0, 0.2, False),
        ("validation_accuracy", 0.9, 1.0, 0.0, False),
        ("validation_accuracy", 1.1, 1.0, 0.0, True),
        ("validation_loss", math.nan, None, 0.0, False),
        ("validation_loss", math.nan, 1.0, 0.0, False),
    ],
)
def test_a_loss_improves_when_it_falls_and_anything_else_when_it_rises(monitor, value, best, min_delta, better):
    assert improves(monitor, value, best, min_delta) is better
