"""Initializers draw from the distributions that their formulas say."""

import math

import numpy as np
import pytest

from minnet import initializers

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
    (initializers.kaiming_uniform(mode="fan_out"), math.sqrt(6 / 250)),
]
NORMAL = [
    (initializers.normal(), 1.0),
    (initializers.normal(0, 0.02), 0.02),
    (initializers.xavier_normal(), math.sqrt(2 / 650)),
    (initializers.xavier_normal(gain=2.0), 2 * math.sqrt(2 / 650)),
    (initializers.kaiming_normal(), math.sqrt(2 / 400)),
    (initializers.kaiming_normal(gain=1.0), 1 / 20),
    (initializers.kaiming_normal(mode="fan_out"), math.sqrt(2 / 250)),
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


def test_one_number_everywhere(rng):
    for draw, value in ((initializers.zeros(), 0), (initializers.ones(), 1), (initializers.constant(-2.5), -2.5)):
        np.testing.assert_array_equal(draw((2, 3), rng), [[value] * 3] * 2)
    with pytest.raises(ValueError, match="constant needs a finite value, got nan"):
        initializers.constant(math.nan)
    with pytest.raises(TypeError, match="constant expected value to be a number, got str"):
        initializers.constant("1")


def density(z):
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def mass(z):
    """Φ(z), without loss of digits in the left tail."""
    return math.erfc(-z / math.sqrt(2)) / 2


WINDOWS = [  # (mean, std, a, b): by rejection; uniform in a narrow window; exponential in a tail, on either side
    (0.0, 1.0, -2.0, 2.0),
    (0.0, 0.02, -2.0, 2.0),
    (1.0, 2.0, 0.0, 3.0),
    (3.0, 0.5, 2.9, 3.2),
    (0.0, 1.0, 0.5, 0.9),
    (0.0, 1.0, 3.0, 8.0),
    (0.0, 1.0, -40.0, -6.0),
    (5.0, 2.0, -3.0, 0.0),
    (0.0, 1.0, 20.0, 1e6),
]


@pytest.mark.parametrize(("mean", "std", "a", "b"), WINDOWS)
def test_truncated_normal(mean, std, a, b, rng):
    """Bounds, moments in closed form, and the whole distribution: with β the mirrored α, the tails keep digits."""
    values = initializers.trunc_normal(mean, std, a, b)(SHAPE, rng)
    assert a <= values.min() <= values.max() <= b
    z, low, high = (values.ravel() - mean) / std, (a - mean) / std, (b - mean) / std
    if low > 0:
        z, low, high = -z, -high, -low
    share = mass(high) - mass(low)
    first = (density(low) - density(high)) / share
    variance = 1 + (low * density(low) - high * density(high)) / share - first**2
    assert abs(z.mean() - first) < SIGMAS * math.sqrt(variance / N)
    fourth = ((z - first) ** 4).mean()
    assert abs(z.var() - variance) < SIGMAS * math.sqrt((fourth - variance**2) / N)
    # Kolmogorov and Smirnov: the largest distance is above 2.65/√N once in 600,000 times.
    cumulative = np.array([(mass(value) - mass(low)) / share for value in np.sort(z)])
    assert np.abs(cumulative - (np.arange(N) + 0.5) / N).max() < 2.65 / math.sqrt(N)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"std": 0}, "std > 0, got 0"),
        ({"mean": math.nan}, "a finite mean, got nan"),
        ({"a": 1, "b": 1}, "b > 1, got 1: a is 1"),
        ({"b": math.inf}, "b > -2, got inf"),
    ],
)
def test_truncated_normal_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=f"^trunc_normal needs .*{message}"):
        initializers.trunc_normal(**arguments)


def test_kaiming_has_two_fans():
    for kaiming in (initializers.kaiming_uniform, initializers.kaiming_normal):
        with pytest.raises(ValueError, match=f"{kaiming.__name__} expected mode to be one of 'fan_in', 'fan_out', got"):
            kaiming(mode="fan_avg")


@pytest.mark.parametrize(
    "draw", [*(draw for draw, _ in UNIFORM + NORMAL), initializers.trunc_normal(), initializers.trunc_normal(a=1)]
)
def test_the_seed_decides(draw):
    first, again, other = (draw((3, 4), np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


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
