"""RMSprop, Adagrad, Adadelta: steps worked out by hand. (The comparison with PyTorch is in tests/parity.)"""

import math

import numpy as np
import pytest

from minnet import Parameter
from minnet.optimizers import Adadelta, Adagrad, RMSprop


def after(kind, *gradients, **options):
    """Return where a Parameter that starts at 0 is after a step for each gradient."""
    parameter = Parameter([0.0], np.float64)
    optimizer = kind([parameter], **options)
    for gradient in gradients:
        optimizer.zero_grad()
        parameter.grad += gradient
        optimizer.step()
    return parameter.data[0]


def test_rmsprop():
    # α = 3/4, g = 2, 4: v = 1, 19/4.
    assert after(RMSprop, 2.0, lr=0.5, alpha=0.75, eps=0) == -1
    assert after(RMSprop, 2.0, 4.0, lr=0.5, alpha=0.75, eps=0) == pytest.approx(-1 - 2 / math.sqrt(19 / 4), rel=1e-14)
    assert after(RMSprop, 2.0, lr=0.5, alpha=0.75, eps=1) == -0.5


def test_rmsprop_with_momentum():
    # u = 2, then 1/2 · 2 + 0
    assert after(RMSprop, 2.0, 0.0, lr=0.5, alpha=0.75, eps=0, momentum=0.5) == -1.5


def test_centered_rmsprop_divides_by_the_standard_deviation():
    # α = 1/2, g = 2: v = 2, m = 1: √(2 − 1) = 1
    assert after(RMSprop, 2.0, lr=0.5, alpha=0.5, eps=0, centered=True) == -1


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-2), (np.float64, 1e-10)])
@pytest.mark.parametrize("size", [1.0, 1e18])
def test_centered_rmsprop_with_gradients_that_stay_the_same(dtype, tolerance, size):
    """The variance of a constant g is g² αᵗ (1 − αᵗ). v − m² has no digit of it, and makes steps 8 times too short."""
    gradient = size * np.random.default_rng(0).uniform(0.1, 1, 1000).astype(dtype)
    parameter = Parameter(np.zeros(1000), dtype)
    parameter.grad += gradient
    optimizer = RMSprop([parameter], lr=1e-3, alpha=0.99, eps=0, centered=True)
    for _ in range(2000):
        optimizer.step()
    fading = 0.99 ** np.arange(1, 2001)
    right = -1e-3 * (1 / np.sqrt(fading * (1 - fading))).sum()
    np.testing.assert_allclose(parameter.data, right, rtol=tolerance)


def test_adagrad():
    # s = 9, 25: steps of 3/3 and 4/5
    assert after(Adagrad, 3.0, 4.0, lr=0.5, eps=0) == pytest.approx(-0.5 * (1 + 0.8), rel=1e-14)
    assert after(Adagrad, 3.0, 4.0, lr=0.5, eps=0, lr_decay=1.0) == pytest.approx(-0.5 * (1 + 0.4), rel=1e-14)
    assert after(Adagrad, 3.0, lr=0.5, eps=0, initial_accumulator_value=16.0) == pytest.approx(-0.3, rel=1e-14)


def test_adadelta():
    # ρ = 0: v = g², u = d². ε = 1, g = √3: d = √(0 + 1)/√(3 + 1) · √3 = √3/2; then √(3/4 + 1)/√(0 + 1) · 0
    assert after(Adadelta, math.sqrt(3), rho=0.0, eps=1.0) == pytest.approx(-math.sqrt(3) / 2, rel=1e-14)
    second = math.sqrt(3 / 4 + 1) / 2 * math.sqrt(3)
    twice = after(Adadelta, math.sqrt(3), math.sqrt(3), rho=0.0, eps=1.0, lr=2.0)
    assert twice == pytest.approx(-2 * (math.sqrt(3) / 2 + second), rel=1e-14)


def test_adadeltas_step_does_not_depend_on_the_unit_of_the_loss():
    steps = [after(Adadelta, *(scale * np.array([1.0, 2.0, -1.0])), eps=1e-30) for scale in (1.0, 1000.0)]
    assert steps[0] == pytest.approx(steps[1], rel=1e-10)
