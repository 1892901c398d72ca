"""Lion, which PyTorch has not: against steps worked out by hand, and a closed form."""

import numpy as np
import pytest
from helpers import after

from minnet import Parameter
from minnet.optimizers import Lion


def test_three_steps_by_hand():
    parameter = Parameter([0.0], np.float64)
    optimizer = Lion([parameter], lr=0.5, betas=(0.5, 0.75))
    # m = 0, g = 4: c = 2, down; m = 1
    assert after(optimizer, 4.0)[0] == -0.5
    # m = 1, g = −0.5: c = 1/4, still down, for its momentum is larger; m = 3/4 − 1/8 = 5/8
    assert after(optimizer, -0.5)[0] == -1.0
    assert optimizer.state["mean"][0][0] == 5 / 8
    # m = 5/8, g = −1: c = −3/16, up; m = 15/32 − 1/4
    assert after(optimizer, -1.0)[0] == -0.5
    assert optimizer.state["mean"][0][0] == 7 / 32


def test_where_the_gradient_is_always_zero_nothing_moves():
    parameter = Parameter([1.0, 1.0])
    np.testing.assert_array_equal(after(Lion([parameter], lr=0.25), *[[0.0, 1.0]] * 3), [1.0, 0.25])


def test_a_constant_gradient_in_closed_form():
    """p(t) = (1 − lr λ)ᵗ (p(0) + s / λ) − s / λ with s = sign(g), and m(t) = (1 − β₂ᵗ) g."""
    gradient, start = np.array([3.0, -0.01, 200.0]), np.array([1.0, 2.0, -3.0])
    optimizer = Lion([Parameter(start, np.float64)], lr=0.01, betas=(0.9, 0.99), weight_decay=0.5)
    p = after(optimizer, *[gradient] * 100)
    away = np.sign(gradient) / 0.5
    np.testing.assert_allclose(p, (1 - 0.01 * 0.5) ** 100 * (start + away) - away, rtol=1e-12)
    np.testing.assert_allclose(optimizer.state["mean"][0], (1 - 0.99**100) * gradient, rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_only_signs_count(scale):
    gradients = scale * np.random.default_rng(0).normal(size=(20, 5))
    p = after(Lion([Parameter(np.zeros(5), np.float64)], lr=0.5), *gradients)
    again = after(Lion([Parameter(np.zeros(5), np.float64)], lr=0.5), *(gradients / scale))
    np.testing.assert_array_equal(p, again)
    assert (np.abs(p) % 0.5 == 0).all()


def test_the_defaults_are_the_papers():
    optimizer = Lion([Parameter([1.0])])
    assert (optimizer.lr, optimizer.betas, optimizer.weight_decay) == (1e-4, (0.9, 0.99), 0)


def test_where_gradients_stop_the_sign_of_what_is_left_goes_on_deciding():
    """m = β₂ᵗ m₀ is never 0. In float32 it leaves the range of numbers after 9,000 steps, and its sign must not."""
    parameter, steps = Parameter([0.0, 0.0, 0.0]), 10_000
    optimizer = Lion([parameter], lr=2.0**-10)
    after(optimizer, [1.0, -1.0, 0.0], *[np.zeros(3)] * (steps - 1))
    np.testing.assert_array_equal(parameter.data, np.array([-1, 1, 0]) * steps / 2**10)
    m = optimizer.state["mean"][0]
    assert (np.abs(m[:2]) > np.finfo(np.float32).tiny).all()  # with which processors are fast
    assert m[2] == 0
    after(optimizer, [-1.0, 1.0, 0.0])  # it is nothing beside a gradient
    np.testing.assert_array_equal(parameter.data, np.array([-1, 1, 0]) * (steps - 1) / 2**10)
