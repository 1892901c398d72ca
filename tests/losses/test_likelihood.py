"""GaussianNLLLoss and PoissonNLLLoss are what the densities say. What the first does as others: test_parts."""

import math

import numpy as np
import pytest

from minnet.losses import GaussianNLLLoss, PoissonNLLLoss

RNG = np.random.default_rng(0)


def test_the_full_gaussian_loss_is_minus_log_of_the_density():
    mean, target, var = RNG.normal(size=5), RNG.normal(size=5), RNG.uniform(0.1, 3, 5)
    density = np.exp(-((target - mean) ** 2) / (2 * var)) / np.sqrt(2 * np.pi * var)
    loss = GaussianNLLLoss(full=True, reduction="none")
    np.testing.assert_allclose(loss.forward((mean, var), target), -np.log(density), rtol=1e-12)
    rest = GaussianNLLLoss(reduction="none").forward((mean, var), target)
    np.testing.assert_allclose(rest, -np.log(density) - 0.5 * math.log(2 * math.pi), rtol=1e-12)


def test_the_best_mean_and_variance_are_those_of_the_targets():
    target = RNG.normal(2, 3, 1000)
    loss = GaussianNLLLoss()
    loss.forward((np.full(1000, target.mean()), np.full(1000, target.var())), target)
    assert all(abs(dx.sum()) < 1e-12 for dx in loss.backward())


def test_a_variance_for_a_row():
    mean, target, var = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3)), RNG.uniform(0.5, 2, (4, 1))
    loss = GaussianNLLLoss()
    value = loss.forward((mean, np.repeat(var, 3, axis=1)), target)
    d_mean, d_var = loss.backward()
    for one in (var, var[:, 0]):
        assert loss.forward((mean, one), target) == pytest.approx(value, rel=1e-15)
        of_mean, of_var = loss.backward()
        np.testing.assert_allclose(of_mean, d_mean, rtol=1e-15)
        np.testing.assert_allclose(of_var, d_var.sum(axis=1).reshape(one.shape), rtol=1e-14)


def test_a_variance_below_eps_counts_as_eps_and_can_grow():
    loss = GaussianNLLLoss(eps=0.25)
    assert loss.forward((np.zeros(1), np.zeros(1)), [1]) == 0.5 * (math.log(0.25) + 4)
    assert loss.backward()[1].tolist() == [0.5 * (1 - 4) / 0.25]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gaussian_with_extreme_numbers(dtype):
    mean, target = np.array([0, 0, 1e15], dtype), np.array([0, 1e-3, -1e15])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss = GaussianNLLLoss()
        assert np.isfinite(loss.forward((mean, np.array([0, 1e30, 1.0], dtype)), target))
        assert all(np.isfinite(dx).all() for dx in loss.backward())


def test_variances_that_are_none():
    with pytest.raises(ValueError, match=r"expected variances >= 0, got -1: end their head with Softplus\(\)"):
        GaussianNLLLoss().forward((np.zeros(2), np.array([1.0, -1])), np.zeros(2))
    message = r"expected var of the mean's shape \(4, 3\), or \(4, 1\) for one a row, got \(3,\)"
    with pytest.raises(ValueError, match=message):
        GaussianNLLLoss().forward((np.zeros((4, 3)), np.ones(3)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="GaussianNLLLoss needs eps > 0, got 0"):
        GaussianNLLLoss(eps=0)


def test_poisson_is_minus_log_of_the_probability_without_the_factorial():
    count, mean = np.array([0, 1, 2, 7]), np.array([0.5, 2.0, 2.0, 5.0])
    factorial = np.array([math.lgamma(t + 1) for t in count])
    expected = -np.log(np.exp(-mean) * mean**count / np.exp(factorial))
    for loss, prediction in (
        (PoissonNLLLoss(reduction="none"), np.log(mean)),
        (PoissonNLLLoss(log_input=False, eps=1e-300, reduction="none"), mean),
    ):
        np.testing.assert_allclose(loss.forward(prediction, count) + factorial, expected, rtol=1e-12)


def test_the_full_poisson_loss_adds_stirlings_formula_above_1():
    loss, full = (PoissonNLLLoss(full=full, reduction="none") for full in (False, True))
    x, count = np.zeros(3), [1, 2, 50]
    added = full.forward(x, count) - loss.forward(x, count)
    assert added[0] == 0
    np.testing.assert_allclose(added[1:], [math.lgamma(3), math.lgamma(51)], rtol=0.07)
    np.testing.assert_allclose(added[2], math.lgamma(51), rtol=2e-5)


def test_a_count_learns_its_mean():
    loss = PoissonNLLLoss()
    loss.forward(np.log([4.0, 2.0]), [4, 2])
    np.testing.assert_allclose(loss.backward(), 0, atol=1e-15)
    loss.forward(np.log([4.0, 2.0]), [0, 6])
    np.testing.assert_allclose(loss.backward(), [2, -2], rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_poisson_with_extreme_numbers(dtype):
    loss = PoissonNLLLoss(reduction="none")
    with np.errstate(invalid="raise", divide="raise"):
        assert loss.forward(np.array([-1e4, 1e4], dtype), [3, 3]).tolist() == [3e4, np.inf]
        assert loss.backward(np.ones(2, dtype)).tolist() == [-3, np.inf]
        means = PoissonNLLLoss(log_input=False)
        assert np.isfinite(means.forward(np.array([0, 1e30], dtype), [3, 0]))
        assert np.isfinite(means.backward()).all()


def test_counts_and_means_that_are_none():
    with pytest.raises(ValueError, match=r"PoissonNLLLoss\(\) expected counts >= 0, got -1: were they standardized\?"):
        PoissonNLLLoss().forward(np.zeros(2), [1, -1])
    message = r"PoissonNLLLoss\(log_input=False\) expected means >= 0, got -0.5: end the model with Softplus\(\)"
    with pytest.raises(ValueError, match=message):
        PoissonNLLLoss(log_input=False).forward(np.array([-0.5, 1]), [1, 1])
    with pytest.raises(ValueError, match="PoissonNLLLoss needs eps > 0, got 0"):
        PoissonNLLLoss(eps=0)
