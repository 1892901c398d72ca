"""Adamax: steps worked out by hand, and its source. (The comparison with PyTorch is in tests/parity.)"""

import numpy as np
import pytest
from helpers import after

from minnet import Parameter
from minnet.optimizers import Adamax


def test_three_steps_by_hand():
    optimizer = Adamax([Parameter([0.0], np.float64)], lr=0.5, betas=(0.5, 0.75), eps=0)
    # g = 4: m = 2, m̂ = 4, u = 4
    assert after(optimizer, 4.0)[0] == -0.5
    # g = −1: m = 1/2, m̂ = 1/2 / (3/4) = 2/3, u = max(3, 1) = 3
    assert after(optimizer, -1.0)[0] == pytest.approx(-0.5 - 0.5 * 2 / 9, rel=1e-14)
    # g = −8: m = 1/4 − 4 = −15/4, m̂ = −15/4 / (7/8) = −30/7, u = 8
    assert after(optimizer, -8.0)[0] == pytest.approx(-0.5 - 1 / 9 + 0.5 * 30 / 56, rel=1e-14)
    assert optimizer.state["largest"][0] == [8.0]


def test_it_is_the_limit_of_averages_of_powers():
    """uₛ = (average of |g|ˢ)^(1/s), with the share β₂ˢ, tends to the largest |g| β₂ᵏ."""
    gradients = np.random.default_rng(0).normal(size=10)
    optimizer = Adamax([Parameter([0.0], np.float64)], betas=(0.9, 0.9), eps=0)
    after(optimizer, *gradients)
    s, v = 2000, 0.0
    for g in np.abs(gradients):
        v = 0.9**s * v + (1 - 0.9**s) * g**s
    np.testing.assert_allclose(optimizer.state["largest"][0], v ** (1 / s), rtol=1e-3)


def test_eps_keeps_what_never_had_a_gradient_in_its_place():
    np.testing.assert_array_equal(after(Adamax([Parameter([1.0])]), [0.0], [0.0]), [1.0])
