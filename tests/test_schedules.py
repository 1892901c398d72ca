"""Schedules are functions of the first learning rate and of time."""

import math
import pickle

import pytest

from minnet.schedules import CosineAnnealingLR, ExponentialLR, StepLR


@pytest.mark.parametrize(
    ("schedule", "times", "expected"),
    [
        (StepLR(3), [0, 2, 3, 5, 6], [1, 1, 0.1, 0.1, 0.01]),
        (StepLR(2, gamma=0.5), [0, 1, 2, 3, 4], [1, 1, 0.5, 0.5, 0.25]),
        (ExponentialLR(0.5), [0, 1, 2, 3], [1, 0.5, 0.25, 0.125]),
        (CosineAnnealingLR(4), [0, 1, 2, 3, 4], [1, (2 + math.sqrt(2)) / 4, 0.5, (2 - math.sqrt(2)) / 4, 0]),
        (CosineAnnealingLR(3, eta_min=0.4), [0, 1, 2, 3], [1, 0.85, 0.55, 0.4]),
    ],
)
def test_known_values(schedule, times, expected):
    assert [schedule(1.0, t) for t in times] == pytest.approx(expected, rel=1e-14, abs=1e-16)


@pytest.mark.parametrize("schedule", [StepLR(3), ExponentialLR(0.9), CosineAnnealingLR(10)])
def test_all_scale_with_the_first_learning_rate_and_begin_with_it(schedule):
    assert schedule(0.3, 0) == 0.3
    assert schedule(0.3, 7) == pytest.approx(0.3 * schedule(1.0, 7), rel=1e-14)
    assert type(schedule(0.3, 7)) is float


@pytest.mark.parametrize("schedule", [StepLR(3), ExponentialLR(0.9), CosineAnnealingLR(10)])
def test_schedules_are_values(schedule):
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    with pytest.raises(AttributeError):
        schedule.gamma = 2


@pytest.mark.parametrize("base_lr", [1.0, 0.05])
@pytest.mark.parametrize(
    ("ours", "name", "arguments"),
    [
        (StepLR(7, 0.7), "StepLR", (7, 0.7)),
        (ExponentialLR(0.97), "ExponentialLR", (0.97,)),
        (CosineAnnealingLR(100), "CosineAnnealingLR", (100,)),
        (CosineAnnealingLR(30, 0.01), "CosineAnnealingLR", (30, 0.01)),  # past T_max it climbs again
    ],
)
def test_a_hundred_steps_as_in_pytorch(ours, name, arguments, base_lr):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: no parity to check")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base_lr)
    theirs = getattr(torch.optim.lr_scheduler, name)(optimizer, *arguments)
    for t in range(101):
        assert abs(ours(base_lr, t) - optimizer.param_groups[0]["lr"]) <= 1e-12
        optimizer.step()
        theirs.step()


def test_a_schedule_of_no_length_is_refused():
    with pytest.raises(ValueError, match="StepLR needs step_size >= 1, got 0"):
        StepLR(0)
    with pytest.raises(ValueError, match="CosineAnnealingLR needs T_max >= 1, got 0"):
        CosineAnnealingLR(0)
