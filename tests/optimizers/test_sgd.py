"""SGD steps downhill by known amounts."""

import numpy as np
import pytest

from minnet import Parameter
from minnet.optimizers import SGD


def steps(gradients, **options):
    """Return where SGD takes a Parameter that starts at 1, given the gradient of each step."""
    parameter = Parameter([1.0], np.float64)
    optimizer = SGD([parameter], **options)
    values = []
    for gradient in gradients:
        optimizer.zero_grad()
        parameter.grad += gradient
        optimizer.step()
        values.append(float(parameter.data[0]))
    return values


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"lr": 0.5}, [0.0, -0.5, -1.5]),  # g = 2, 1, 2: minus half of each
        ({"lr": 0.5, "momentum": 0.5}, [0.0, -1.0, -2.5]),  # v = 2, 2, 3
        ({"lr": 0.5, "momentum": 0.5, "nesterov": True}, [-0.5, -1.5, -3.25]),  # g + v/2 = 3, 2, 3.5
        ({"lr": 0.5, "momentum": 0.5, "dampening": 0.5}, [0.0, -0.75, -1.625]),  # v = 2, 1.5, 1.75
        ({"lr": 0.5, "weight_decay": 0.5}, [-0.25, -0.6875, -1.515625]),  # g = 2.5, 0.875, 1.65625
        ({"lr": 0.5, "weight_decay": 0.5, "momentum": 0.5}, [-0.25, -1.3125, -2.515625]),  # v = 2.5, 2.125, 2.40625
    ],
)
def test_known_steps(options, expected):
    assert steps([2.0, 1.0, 2.0], **options) == pytest.approx(expected, rel=1e-15)


def test_on_a_parabola_each_step_shrinks_the_distance_by_1_minus_lr():
    parameter = Parameter([8.0], np.float64)  # L = p²/2, so the gradient is p itself
    optimizer = SGD([parameter], lr=0.25)
    for _ in range(10):
        optimizer.zero_grad()
        parameter.grad += parameter.data
        optimizer.step()
    assert parameter.data[0] == 8 * 0.75**10


def test_the_learning_rate_may_change_between_steps():
    parameter = Parameter([1.0], np.float64)
    parameter.grad += 1
    optimizer = SGD([parameter], lr=0.5)
    optimizer.step()
    optimizer.lr = 0.25
    optimizer.step()
    assert parameter.data[0] == 0.25


def test_momentum_may_be_switched_on_later():
    p = Parameter([1.0])
    p.grad += 1
    optimizer = SGD([p], lr=0.5)
    optimizer.step()
    optimizer.momentum = 0.5
    optimizer.step()
    assert p.data == 0
    optimizer.step()  # velocity 0.5 · 1 + 1
    assert p.data == -0.75


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9, "dampening": 0.1}])
def test_nesterov_needs_momentum(options):
    with pytest.raises(ValueError, match=r"nesterov=True needs a momentum, such as momentum=0.9, and no dampening"):
        SGD([Parameter([1.0])], 0.1, nesterov=True, **options)


def test_without_momentum_nothing_is_remembered():
    optimizer = SGD([Parameter([1.0])], 0.1)
    optimizer.step()
    assert list(optimizer.state) == ["step"]
