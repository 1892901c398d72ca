"""Rows of the history: the column that is monitored, in which direction it improves, and whether a value does."""

import math
from functools import partial

import pytest

from minnet.core.rows import improves, mode_of, monitored


def test_the_column_is_returned():
    assert monitored(object(), "loss", {"step": 1, "loss": 0.5}) == 0.5


def test_a_missing_column_is_an_error_that_names_the_others():
    with pytest.raises(ValueError, match="object monitors 'lost', but a row has only step, loss: pass fit"):
        monitored(object(), "lost", {"step": 1, "loss": 0.5})


@pytest.mark.parametrize(
    ("mode", "value", "best", "threshold", "better"),
    [
        ("min", 1.0, None, 0.0, True),
        ("min", 0.9, 1.0, 0.0, True),
        ("min", 1.0, 1.0, 0.0, False),
        ("min", 0.9, 1.0, 0.2, False),
        ("min", -1.1, -1.0, 0.2, False),
        ("min", -1.3, -1.0, 0.2, True),
        ("max", 0.9, 1.0, 0.0, False),
        ("max", 1.1, 1.0, 0.0, True),
        ("max", -0.9, -1.0, 0.2, False),
        ("max", -0.7, -1.0, 0.2, True),
        ("min", math.inf, None, 0.0, False),  # as bad as having none
        ("max", -math.inf, None, 0.0, False),
        ("max", math.inf, 1.0, 0.0, True),
        ("max", math.inf, math.inf, 0.0, False),
        ("min", 5.0, math.inf, 0.5, True),
    ],
)
def test_lower_or_higher_by_more_than_the_threshold(mode, value, best, threshold, better):
    assert improves(value, best, mode, threshold) is better


@pytest.mark.parametrize("best", [None, 1.0, -1.0, math.inf])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_nan_is_no_improvement(mode, best):
    assert not improves(math.nan, best, mode)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("mode", "changes"), [("min", {-11.0: True, -9.0: False, 0.0: False}), ("max", {11.0: True, 9.0: False})]
)
def test_a_relative_threshold_is_a_share_of_the_size_of_the_best(mode, changes, sign):
    for change, better in changes.items():
        assert improves(100.0 * sign + change, 100.0 * sign, mode, 0.1, relative=True) is better
    assert improves(-1.0 if mode == "min" else 1.0, 0.0, mode, 0.1, relative=True)
    worst = math.inf if mode == "min" else -math.inf
    assert improves(5.0, worst, mode, 0.1, relative=True)


def says(better):
    def metric(prediction, target):
        return 0.0

    metric.better = better
    return metric


@pytest.mark.parametrize(
    ("monitor", "mode", "metrics", "expected"),
    [
        ("loss", None, {}, "min"),
        ("v_loss", None, {}, "min"),
        ("v_loss", "max", {}, "max"),
        ("running_accuracy", None, {}, "max"),
        ("running_accuracy", None, {"accuracy": says(None)}, "max"),
        ("running_accuracy", "min", {}, "min"),
        ("v_mae", None, {"mae": says("min")}, "min"),
        ("v_mae", "max", {"mae": says("min")}, "max"),
        ("my_set_r2", None, {"r2": says("max"), "mae": says("min")}, "max"),
        ("v_top5", None, {"top5": partial(says("max"), k=5)}, "max"),
        ("v_log_loss", None, {"log_loss": says("min")}, "min"),
        ("v_won_minus_loss", None, {"won_minus_loss": says("max")}, "max"),
        ("v_top_accuracy", None, {"top_accuracy": says("max"), "accuracy": says("max")}, "max"),
        ("v_mae", "min", {"mae": says(None)}, "min"),
    ],
)
def test_the_direction_is_said_by_the_caller_or_the_metric_or_it_is_a_loss(monitor, mode, metrics, expected):
    assert mode_of(object(), monitor, mode, metrics) == expected


@pytest.mark.parametrize(
    ("monitor", "metrics"),
    [
        ("v_mae", {}),
        ("v_mae", {"mae": says(None)}),
        ("v_mae", {"mae": lambda prediction, target: 0.0}),
        ("v_mae", {"mae": says("up")}),
        ("v_mae", {"ae": says("min")}),
        ("v_loss", {"loss": says(None)}),
        ("v_top_error", {"top_error": says("max"), "error": says("min")}),  # or the set v_top's error
        ("glosses", {}),
        ("closs", {}),
        ("lr", {}),
    ],
)
def test_a_direction_that_nobody_says_is_asked_for(monitor, metrics):
    with pytest.raises(
        ValueError, match=rf"^object cannot know whether '{monitor}' is better .* `better` \(.*: pass mode=\"min\" or"
    ):
        mode_of(object(), monitor, None, metrics)
