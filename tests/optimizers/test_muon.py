"""Muon's steps are nearly orthogonal matrices. (The comparison with PyTorch is in tests/parity.)"""

import copy
import tracemalloc

import numpy as np
import pytest

import minnet as mn
from minnet import Parameter
from minnet.optimizers import Muon

SHAPES = [(4, 7), (7, 4), (5, 5), (1, 6), (6, 1), (1, 1)]
PLAIN = {"lr": 1.0, "weight_decay": 0.0, "momentum": 0.0}


def step_of(gradient, **options):
    """Return the first step for a gradient."""
    parameter = Parameter(np.zeros(gradient.shape), np.float64)
    parameter.grad += gradient
    Muon([parameter], **{**PLAIN, **options}).step()
    return -parameter.data


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_step_has_the_singular_vectors_of_the_gradient_and_values_near_one(shape):
    g = random(*shape)
    u, s, vt = np.linalg.svd(g, full_matrices=False)
    inside = u.T @ step_of(g) @ vt.T
    values = s / np.sqrt(np.square(g).sum())
    for _ in range(5):
        values = 3.4445 * values - 4.775 * values**3 + 2.0315 * values**5
    inputs, outputs = shape
    np.testing.assert_allclose(inside, np.diag(values) * np.sqrt(max(1, outputs / inputs)), atol=1e-12)
    assert 0.68 < values.min() <= values.max() < 1.21


@pytest.mark.parametrize("shape", SHAPES)
def test_with_the_coefficients_that_converge_it_is_the_nearest_orthogonal_matrix(shape):
    """a = 3/2, b = −1/2: the classic iteration."""
    g = random(*shape)
    u, _, vt = np.linalg.svd(g, full_matrices=False)
    factor = np.sqrt(max(1, shape[1] / shape[0]))
    step = step_of(g, ns_coefficients=(1.5, -0.5, 0.0), ns_steps=60)
    np.testing.assert_allclose(step, u @ vt * factor, atol=1e-10)


@pytest.mark.parametrize(("shape", "original"), [((4, 16), 2.0), ((16, 4), 1.0)])
def test_the_factor_of_the_learning_rate(shape, original):
    g = random(*shape)
    plain, same, adamw = (step_of(g, adjust_lr_fn=name) for name in (None, "original", "match_rms_adamw"))
    np.testing.assert_array_equal(plain, same)
    np.testing.assert_allclose(adamw / plain, 0.2 * 4 / original, rtol=1e-12)
    # U Vᵀ has min(in, out) numbers 1 in its square sum, so 0.2 √max(in, out) makes the root mean square about 0.2
    assert 0.2 * 0.68 < np.sqrt(np.square(adamw).mean()) < 0.2 * 1.21


def test_momentum_and_nesterov_by_hand():
    """m = (1 − μ) g₁ = g₁/2, then g₁/4 + g₂/2; Nesterov's is g₂/2 + m/2."""
    one, two = random(3, 4), random(3, 4, seed=1)
    for nesterov, m in ((False, one / 4 + two / 2), (True, one / 8 + two * 3 / 4)):
        parameter = Parameter(np.zeros((3, 4)), np.float64)
        optimizer = Muon([parameter], **{**PLAIN, "momentum": 0.5, "nesterov": nesterov})
        for g in (one, two):
            parameter.data[:] = 0
            parameter.zero_grad()
            parameter.grad += g
            optimizer.step()
        np.testing.assert_allclose(-parameter.data, step_of(m), rtol=1e-10)


def test_the_size_of_the_gradient_does_not_matter_and_zero_is_no_step():
    g = random(4, 3)
    np.testing.assert_allclose(step_of(1e-4 * g), step_of(1e4 * g), rtol=1e-10)
    assert not step_of(np.zeros((4, 3))).any()
    assert step_of(np.zeros((0, 3))).shape == (0, 3)


def test_the_decay_is_decoupled_and_frozen_matrices_stay():
    free, frozen = Parameter(np.ones((2, 2)), np.float64), Parameter(np.ones((2, 2)), trainable=False)
    optimizer = Muon([free, frozen], lr=0.1, weight_decay=0.5)
    optimizer.step()
    np.testing.assert_allclose(free.data, 0.95)
    assert (frozen.data == 1).all()


@pytest.mark.parametrize("shape", [(300, 500), (500, 300)])
def test_a_step_allocates_nothing(shape):
    parameter = Parameter(np.ones(shape))
    parameter.grad += random(*shape).astype(np.float32)
    optimizer = Muon([parameter])
    optimizer.step()
    tracemalloc.start()
    optimizer.step()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < parameter.data.nbytes / 20
    assert parameter.data.dtype == np.float32


def test_matrices_of_several_shapes_share_scratch_arrays_and_do_not_disturb_each_other():
    starts = [random(*shape) for shape in SHAPES]
    together = Muon([Parameter(start, np.float64) for start in starts])
    alone = [Muon([Parameter(start, np.float64)]) for start in starts]
    for _ in range(3):
        for each in (together, *alone):
            each.zero_grad()
            for parameter in each.parameters:
                parameter.grad += np.sin(parameter.data)
            each.step()
    for parameter, each in zip(together.parameters, alone, strict=True):
        np.testing.assert_array_equal(parameter.data, each.parameters[0].data)
    twin = copy.deepcopy(together)
    for each in (together, twin):
        each.step()
    for p, q in zip(together.parameters, twin.parameters, strict=True):
        np.testing.assert_array_equal(p.data, q.data)


@pytest.mark.parametrize("shape", [(3,), (), (2, 3, 3, 3)])
def test_other_shapes_are_refused_and_the_cure_is_named(shape):
    with pytest.raises(ValueError, match=r"^Muon expected matrices, got parameters\[1\] of shape .*MultiOptimizer"):
        Muon([Parameter(np.ones((2, 2))), Parameter(np.ones(shape))])


@pytest.mark.parametrize(
    ("option", "value", "error", "message"),
    [
        ("momentum", 1.0, ValueError, "0 <= momentum < 1, got 1"),
        ("eps", -1.0, ValueError, "eps >= 0, got -1"),
        ("ns_steps", 0, ValueError, "ns_steps >= 1, got 0"),
        ("ns_steps", 2.5, TypeError, "ns_steps to be an int"),
        ("ns_steps", 100, ValueError, "ns_steps < 100, got 100"),
        ("ns_coefficients", (1, 2), TypeError, r"ns_coefficients to be three numbers \(a, b, c\), got"),
        ("ns_coefficients", (1, 2, "3"), TypeError, "ns_coefficients to be a number, got str"),
        ("adjust_lr_fn", "adam", ValueError, "adjust_lr_fn to be one of None, 'original', 'match_rms_adamw', got"),
        ("lr", 0, ValueError, "lr > 0"),
        ("weight_decay", -1, ValueError, "weight_decay >= 0"),
    ],
)
def test_bad_options(option, value, error, message):
    with pytest.raises(error, match=f"^Muon .*{message}"):
        Muon([Parameter(np.ones((2, 2)))], **{option: value})


def test_shown():
    assert repr(Muon(mn.Linear(3, 2, bias=False).parameters(), lr=0.02)) == "Muon(1 Parameter of 6 numbers, lr=0.02)"
