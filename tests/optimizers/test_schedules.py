"""Schedules are functions of the first learning rate and of time."""

import math
import pickle

import pytest

from minnet.optimizers.schedules import (
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    SequentialLR,
    StepLR,
    WarmupCosineLR,
)

EVERY = [
    StepLR(3),
    MultiStepLR([2, 5]),
    ExponentialLR(0.9),
    LinearLR(0.5),
    ConstantLR(0.5),
    PolynomialLR(10, 2.0),
    CosineAnnealingLR(10),
    CosineAnnealingWarmRestarts(3, 2),
    SequentialLR([LinearLR(0.1, total_iters=2), StepLR(3)], [2]),
    WarmupCosineLR(2, 10),
]
SPREAD = (2 + math.sqrt(2)) / 4, 0.5, (2 - math.sqrt(2)) / 4  # cosines a quarter, half, three quarters down


@pytest.mark.parametrize(
    ("schedule", "times", "expected"),
    [
        (StepLR(3), [0, 2, 3, 5, 6], [1, 1, 0.1, 0.1, 0.01]),
        (StepLR(2, gamma=0.5), [0, 1, 2, 3, 4], [1, 1, 0.5, 0.5, 0.25]),
        (MultiStepLR([3, 1, 3], 0.5), [0, 1, 2, 3, 9], [1, 0.5, 0.5, 0.125, 0.125]),  # in any order, and twice
        (ExponentialLR(0.5), [0, 1, 2, 3], [1, 0.5, 0.25, 0.125]),
        (LinearLR(0.5, total_iters=2), [0, 1, 2, 9], [0.5, 0.75, 1, 1]),
        (ConstantLR(0.25, 2), [0, 1, 2, 9], [0.25, 0.25, 1, 1]),
        (PolynomialLR(4, 2.0), [0, 1, 2, 4, 9], [1, 9 / 16, 1 / 4, 0, 0]),
        (LinearLR(1.0, 0.0, 4), [0, 1, 3, 4, 5], [1, 0.75, 0.25, 0, 0]),
        (CosineAnnealingLR(4), [0, 1, 2, 3, 4], [1, *SPREAD, 0]),
        (CosineAnnealingLR(3, eta_min=0.4), [0, 1, 2, 3], [1, 0.85, 0.55, 0.4]),
        (CosineAnnealingWarmRestarts(4), [0, 1, 2, 3, 4, 6, 8], [1, *SPREAD, 1, 0.5, 1]),
        (CosineAnnealingWarmRestarts(2, 2, 0.4), [0, 1, 2, 4, 6, 10, 14], [1, 0.7, 1, 0.7, 1, 0.7, 1]),
        (SequentialLR([LinearLR(0.5, total_iters=2), StepLR(1, 0.1)], [2]), [0, 1, 2, 3], [0.5, 0.75, 1, 0.1]),
        (SequentialLR([lambda lr, t: 10 * lr + t, lambda lr, t: t], [3]), [0, 2, 3, 5], [10, 12, 0, 2]),
        (WarmupCosineLR(2, 6, 0.5), [0, 1, 2, 3, 4, 5, 6], [0.5, 0.75, 1, *SPREAD, 0]),
        # 10 steps, up until 0.4 · 10 − 1 = 3; down until 9; the ends are 1/4 and 1/8
        (OneCycleLR(1, 10, 0.4, "linear", 4, 2), [0, 1, 2, 3, 6, 9, 10], [0.25, 0.5, 0.75, 1, 9 / 16, 1 / 8, 1 / 8]),
        (OneCycleLR(1, 10, 0.4, "cos", 4, 2), [0, 1.5, 3, 6, 9, 20], [0.25, 0.625, 1, 9 / 16, 1 / 8, 1 / 8]),
        (OneCycleLR(1, 10, 0.4, "linear", 4, 2, True), [0, 3, 6, 7.5, 9], [0.25, 1, 0.25, 3 / 16, 1 / 8]),
        (OneCycleLR(1, 1), [0], [1 / 25e4]),
        (OneCycleLR(1, 4, 0.25), [0], [1]),  # a way up of no steps
    ],
)
def test_known_values(schedule, times, expected):
    assert [schedule(1.0, t) for t in times] == pytest.approx(expected, rel=1e-14, abs=1e-16)


@pytest.mark.parametrize("schedule", EVERY, ids=str)
def test_all_scale_with_the_first_learning_rate(schedule):
    for t in range(20):
        assert schedule(0.3, t) == pytest.approx(0.3 * schedule(1.0, t), rel=1e-14)
    assert type(schedule(0.3, 7)) is float


@pytest.mark.parametrize("schedule", [*EVERY, OneCycleLR(1.0, 10)], ids=str)
def test_schedules_are_values(schedule):
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert pickle.loads(pickle.dumps(schedule))(1.0, 3) == schedule(1.0, 3)
    assert hash(schedule) == hash(pickle.loads(pickle.dumps(schedule)))
    with pytest.raises(AttributeError):
        schedule.gamma = 2


def test_a_repr_can_be_typed_in():
    for schedule in EVERY:
        assert eval(repr(schedule)) == schedule


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (StepLR, (0,), "StepLR needs step_size >= 1, got 0"),
        (CosineAnnealingLR, (0,), "CosineAnnealingLR needs T_max >= 1, got 0"),
        (CosineAnnealingWarmRestarts, (0,), "CosineAnnealingWarmRestarts needs T_0 >= 1, got 0"),
        (CosineAnnealingWarmRestarts, (1, 0), "CosineAnnealingWarmRestarts needs T_mult >= 1, got 0"),
        (LinearLR, (0.0,), "LinearLR needs 0 < start_factor <= 1"),
        (LinearLR, (1.1,), "LinearLR needs 0 < start_factor <= 1"),
        (LinearLR, (0.1, -1), "0 <= end_factor <= 1, got -1"),
        (LinearLR, (0.1, 1, 0), "LinearLR needs total_iters >= 1"),
        (SequentialLR, ([StepLR(1)], [1]), "one milestone fewer than schedules, got 1 and 1"),
        (SequentialLR, ([StepLR(1)] * 3, [2, 2]), r"milestones that rise from above 0, got \(2, 2\)"),
        (SequentialLR, ([StepLR(1)] * 2, [0]), "milestones that rise from above 0"),
        (WarmupCosineLR, (0, 5), "WarmupCosineLR needs warmup >= 1"),
        (WarmupCosineLR, (5, 5), "WarmupCosineLR needs T_max > warmup, got 5 and 5"),
        (OneCycleLR, (1, 0), "OneCycleLR needs total_steps >= 1"),
        (OneCycleLR, (1, 10, 1.5), "0 <= pct_start <= 1, got 1.5"),
        (OneCycleLR, (1, 10, 0.5, "exp"), "expected anneal_strategy to be one of 'cos', 'linear', got 'exp'"),
    ],
)
def test_bad_arguments(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(*arguments)
