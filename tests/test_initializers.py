"""Initializers draw from the distributions that their formulas say."""

import math

import numpy as np
import pytest

import minnet as mn
from minnet import initializers
from minnet.initializers import fans

SHAPE = (400, 250)  # fan-in 400, fan-out 250
N = math.prod(SHAPE)
SIGMAS = 5  # by chance one check in a million and a half fails, and the seed is fixed

UNIFORM = [
    # (initializer, bound): a uniform distribution on ±a has variance a²/3
    (initializers.uniform(-0.3, 0.3), 0.3),
    (initializers.xavier_uniform(), math.sqrt(6 / 650)),
    (initializers.xavier_uniform(gain=2.0), 2 * math.sqrt(6 / 650)),
    (initializers.kaiming_uniform(), math.sqrt(6 / 400)),
    (initializers.kaiming_uniform(gain=1.0), math.sqrt(3 / 400)),
]
NORMAL = [
    (initializers.normal(), 1.0),
    (initializers.normal(0, 0.02), 0.02),
    (initializers.xavier_normal(), math.sqrt(2 / 650)),
    (initializers.xavier_normal(gain=2.0), 2 * math.sqrt(2 / 650)),
    (initializers.kaiming_normal(), math.sqrt(2 / 400)),
    (initializers.kaiming_normal(gain=1.0), 1 / 20),
]


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.mark.parametrize(("draw", "bound"), UNIFORM)
def test_uniform_moments_and_bounds(draw, bound, rng):
    values = draw(SHAPE, rng)
    variance = bound**2 / 3
    # The mean's sampling error is σ/√N; the variance's is √((μ₄ − σ⁴)/N), with μ₄ = 9/5 σ⁴.
    assert abs(values.mean()) < SIGMAS * math.sqrt(variance / N)
    assert abs(values.var() - variance) < SIGMAS * variance * math.sqrt(0.8 / N)
    assert bound * (1 - 100 / N) < np.abs(values).max() <= bound


@pytest.mark.parametrize(("draw", "std"), NORMAL)
def test_normal_moments(draw, std, rng):
    values = draw(SHAPE, rng)
    # With μ₄ = 3 σ⁴ the variance's sampling error is σ² √(2/N).
    assert abs(values.mean()) < SIGMAS * std / math.sqrt(N)
    assert abs(values.var() - std**2) < SIGMAS * std**2 * math.sqrt(2 / N)
    assert abs((values**4).mean() - 3 * std**4) < SIGMAS * std**4 * math.sqrt(96 / N)


def test_means_other_than_zero(rng):
    assert abs(initializers.normal(3, 1)(SHAPE, rng).mean() - 3) < SIGMAS / math.sqrt(N)
    assert abs(initializers.uniform(2, 4)(SHAPE, rng).mean() - 3) < SIGMAS / math.sqrt(3 * N)


def test_zeros(rng):
    np.testing.assert_array_equal(initializers.zeros()((2, 3), rng), [[0, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize("draw", [draw for draw, _ in UNIFORM + NORMAL])
def test_the_seed_decides(draw):
    first, again, other = (draw((3, 4), np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((784, 10), (784, 10)), ((1, 1), (1, 1)), ((3, 8, 5, 5), (75, 200)), ((2, 4, 7), (14, 28))],
)
def test_fans(shape, expected):
    assert fans(shape) == expected


@pytest.mark.parametrize("shape", [(), (10,)])
@pytest.mark.parametrize("name", ["xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"])
def test_a_bias_has_no_fan_and_the_cure_is_named(name, shape, rng):
    with pytest.raises(ValueError, match=r"has no fan-in and fan-out: give a bias zeros\(\), uniform"):
        getattr(initializers, name)()(shape, rng)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ((1, 0), "uniform needs high >= 1, got 0: low is 1"),
        ((math.nan, 1), "uniform needs a finite low, got nan"),
        ((0, math.inf), "uniform needs a finite high >= 0, got inf"),
    ],
)
def test_uniform_refuses_bad_bounds(bounds, message):
    with pytest.raises(ValueError, match=message):
        initializers.uniform(*bounds)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, -1), "normal needs std >= 0, got -1"),
        ((math.nan, 1), "normal needs a finite mean, got nan"),
        ((0, math.inf), "normal needs a finite std >= 0, got inf"),
    ],
)
def test_normal_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        initializers.normal(*arguments)


def test_a_layer_draws_its_weight_first_and_its_bias_second(rng):
    layer = mn.Linear(3, 2, weight_init=initializers.uniform(-1, 1), bias_init=initializers.uniform(-1, 1), rng=11)
    np.testing.assert_array_equal(layer.weight.data, rng.uniform(-1, 1, (3, 2)).astype(np.float32))
    np.testing.assert_array_equal(layer.bias.data, rng.uniform(-1, 1, 2).astype(np.float32))


@pytest.mark.parametrize(
    ("initializer", "got"),
    [
        ("zeros", r"'zeros': pass mn.initializers.zeros\(\)$"),
        ("kaiming", r"'kaiming'$"),
        (0.1, "0.1$"),
    ],
)
def test_an_initializer_is_a_function(initializer, got):
    with pytest.raises(TypeError, match=rf"^expected an initializer, a function \(shape, rng\) -> array, got {got}"):
        mn.Linear(3, 2, weight_init=initializer)
