"""Schedules in cycles: rates worked out by hand. (OneCycleLR's are in test_schedules.py.)"""

import pickle

import pytest

from minnet.optimizers.schedules import CyclicLR


@pytest.mark.parametrize(
    ("schedule", "times", "expected"),
    [
        (CyclicLR(1, 5, 4), [0, 1, 2, 4, 6, 8, 9, 12], [1, 2, 3, 5, 3, 1, 2, 5]),
        (CyclicLR(1, 5, 2, 8), [0, 1, 2, 4, 6, 10, 11], [1, 3, 5, 4, 3, 1, 3]),
        (CyclicLR(1, 5, 2, mode="triangular2"), [0, 2, 4, 6, 8, 10], [1, 5, 1, 3, 1, 2]),
        (CyclicLR(1, 5, 2, mode="exp_range", gamma=0.5), [0, 2, 4, 6], [1, 2, 1, 1 + 4 / 64]),
    ],
)
def test_rates(schedule, times, expected):
    for other in (schedule, pickle.loads(pickle.dumps(schedule))):
        assert [other(99.0, t) for t in times] == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 5, 0), "needs step_size_up >= 1"),
        ((1, 5, 2, 0), "needs step_size_down >= 1"),
        ((-1, 5), "needs base_lr >= 0"),
        ((1, 0.5), "needs max_lr >= 1, got 0.5: base_lr is the lowest"),
        ((1, 5, 2, None, "square"), "expected mode to be one of 'triangular', 'triangular2', 'exp_range', got"),
        ((1, 5, 2, None, "exp_range", 2), "gamma"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=f"^CyclicLR .*{message}"):
        CyclicLR(*arguments)


def test_shown():
    assert repr(CyclicLR(0.1, 1.0)) == "CyclicLR(0.1, 1.0)"
