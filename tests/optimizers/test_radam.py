"""RAdam: momentum at first, Adam with a factor later. (The comparison with PyTorch is in tests/parity.)"""

import math

import numpy as np
import pytest
from helpers import after

from minnet import Parameter
from minnet.optimizers import Adam, RAdam


def one(*values):
    return [Parameter(values, np.float64)]


def test_the_first_five_steps_are_those_of_momentum():
    """With β₂ = 0.999, ρ₅ = 4.996 and ρ₆ = 5.994. m̂ = g of a constant gradient."""
    np.testing.assert_allclose(after(RAdam(one(0.0, 0.0), lr=0.5), *[[2.0, -1e-3]] * 5), [-5.0, 2.5e-3], rtol=1e-13)


def test_the_sixth_step_is_adams_times_the_factor():
    """A constant gradient has m̂ = g and v̂ = g², so Adam's step has the length lr."""
    optimizer = RAdam(one(0.0, 0.0), lr=0.5, eps=0)
    fifth = after(optimizer, *[[2.0, -1e-3]] * 5).copy()
    step = after(optimizer, [2.0, -1e-3]) - fifth
    limit = 1999
    rho = limit - 12 * 0.999**6 / (1 - 0.999**6)
    factor = math.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
    np.testing.assert_allclose(step, [-0.5 * factor, 0.5 * factor], rtol=1e-12)
    assert 0.025 < factor < 0.026


def test_in_the_end_it_is_adam():
    gradients = np.random.default_rng(0).normal(size=(3, 20_000))
    ours, adams = (kind([Parameter(np.zeros(3), np.float64)], lr=1e-3) for kind in (RAdam, Adam))
    for g in gradients.T[:-1]:
        after(ours, g), after(adams, g)
    before = ours.parameters[0].data.copy(), adams.parameters[0].data.copy()
    last = gradients.T[-1]
    np.testing.assert_allclose(after(ours, last) - before[0], after(adams, last) - before[1], rtol=1e-3)


@pytest.mark.parametrize("beta2", [0.0, 0.5, 2 / 3])
def test_an_average_of_few_squares_is_never_used(beta2):
    """ρ∞ <= 5."""
    assert after(RAdam(one(0.0), lr=0.5, betas=(0.0, beta2)), *[8.0] * 100)[0] == -400
