"""Adam and its relatives: steps worked out by hand. (The comparison with PyTorch is in tests/parity.)"""

import math

import numpy as np
import pytest
from helpers import after

from minnet import Parameter
from minnet.optimizers import Adam, AdamW, NAdam


def one(*values):
    return [Parameter(values, np.float64)]


def test_the_first_step_has_length_lr_whatever_the_gradient():
    p = after(Adam(one(0, 0, 0), lr=0.1, eps=0), [1e-6, -1.0, 1e6])
    np.testing.assert_allclose(p, [-0.1, 0.1, -0.1], rtol=1e-14)


def test_a_constant_gradient_makes_constant_steps():
    """m̂ = g and v̂ = g² in every step: that is what the corrections are for."""
    np.testing.assert_allclose(after(Adam(one(1.0), lr=0.125, eps=0), *[0.3] * 5), 1 - 5 * 0.125, rtol=1e-13)


def test_two_steps_by_hand():
    # β = (1/2, 3/4). t = 1: m = 1, v = 1, m̂ = 2, v̂ = 4: −lr · 2/2.
    # t = 2, g = −4: m = 1/2 − 2 = −3/2, m̂ = −3/2 / (3/4) = −2; v = 3/4 + 4 = 19/4, v̂ = 19/4 / (7/16) = 76/7.
    p = after(Adam(one(0.0), lr=0.5, betas=(0.5, 0.75), eps=0), 2.0, -4.0)
    assert p[0] == pytest.approx(-0.5 + 0.5 * 2 / math.sqrt(76 / 7), rel=1e-14)


def test_eps_is_added_to_the_corrected_root():
    assert after(Adam(one(0.0), lr=1.0, eps=3.0), 1.0)[0] == pytest.approx(-1 / 4, rel=1e-14)


def test_amsgrad_keeps_the_largest_square():
    # β = (0, 1/2): v = 8, 4: amsgrad divides the second step by √(8 / (3/4)), and not by √(4 / (3/4)).
    plain, largest = (after(Adam(one(0.0), 1.0, (0.0, 0.5), 0, amsgrad=a), 4.0, 0.0, 1.0)[0] for a in (False, True))
    # third step: v = 4 → 2 + 1/2, and 8; 1 − β₂³ = 7/8
    assert plain == pytest.approx(-1 - 1 / math.sqrt(2.5 / (7 / 8)), rel=1e-14)
    assert largest == pytest.approx(-1 - 1 / math.sqrt(8 / (7 / 8)), rel=1e-14)


def test_decoupled_decay_is_the_same_for_all_and_a_penalty_is_not():
    gradient = [1e-3, 1e3]
    decoupled = after(AdamW(one(1.0, 1.0), lr=0.1, weight_decay=0.5), gradient)
    np.testing.assert_allclose(decoupled, [0.95 - 0.1] * 2, rtol=1e-4)  # (1 − 0.1 · 0.5) − 0.1
    penalty = after(Adam(one(1.0, 1.0), lr=0.1, weight_decay=0.5), gradient)
    np.testing.assert_allclose(penalty, [0.9] * 2, rtol=1e-4)  # it vanishes in the division


def test_adamw_is_adam_with_decoupled_weight_decay():
    ours = after(AdamW(one(1.0, -2.0), weight_decay=0.1), [1.0, 2.0], [0.5, -1.0])
    same = after(Adam(one(1.0, -2.0), weight_decay=0.1, decoupled_weight_decay=True), [1.0, 2.0], [0.5, -1.0])
    np.testing.assert_array_equal(ours, same)
    assert AdamW(one(1.0)).weight_decay == 0.01


def test_nadams_first_step_by_hand():
    # ψ = 0: μ = β₁/2 = 1/4 throughout. m = 1/2, v̂ = 1: a = (3/4)/(3/4) = 1, b = (1/4)/(1 − 1/16) = 4/15.
    p = after(NAdam(one(0.0), lr=1.0, betas=(0.5, 0.5), eps=0, momentum_decay=0.0), 1.0)
    assert p[0] == pytest.approx(-(1 + 4 / 15 / 2), rel=1e-14)


def test_nadam_keeps_the_product_of_its_momenta_in_the_state():
    optimizer = NAdam(one(0.0), betas=(0.8, 0.9), momentum_decay=0.0)
    after(optimizer, 1.0, 1.0)
    assert optimizer.state["momentum_product"] == [pytest.approx(0.4**2)]


def test_rare_gradients_count_each_parameters_own_steps():
    parameters = [Parameter([0.0], np.float64), Parameter([0.0], np.float64, trainable=False)]
    optimizer = Adam(parameters, lr=0.1, eps=0)
    after(optimizer, 1.0, 1.0)
    parameters[1].trainable = True
    parameters[1].grad += 1
    optimizer.step()
    assert parameters[1].data[0] == pytest.approx(-0.1, rel=1e-14)  # a first step, and not a third
    assert optimizer.state["step"] == [3, 1]
