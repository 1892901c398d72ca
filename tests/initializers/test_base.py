"""What initializers share: fans, gains, and how a layer draws."""

import math

import numpy as np
import pytest

import minnet as mn
from minnet import initializers
from minnet.initializers import calculate_gain, fans


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((784, 10), (784, 10)), ((1, 1), (1, 1)), ((3, 8, 5, 5), (75, 200)), ((2, 4, 7), (14, 28))],
)
def test_fans(shape, expected):
    assert fans(shape) == expected


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


@pytest.mark.parametrize(
    ("nonlinearity", "param", "gain"),
    [
        ("linear", None, 1),
        ("conv2d", None, 1),
        ("conv_transpose1d", None, 1),
        ("sigmoid", None, 1),
        ("tanh", None, 5 / 3),
        ("relu", None, math.sqrt(2)),
        ("leaky_relu", None, math.sqrt(2 / 1.0001)),
        ("leaky_relu", 1, 1),
        ("selu", None, 0.75),
    ],
)
def test_gains(nonlinearity, param, gain):
    assert calculate_gain(nonlinearity, param) == pytest.approx(gain, rel=1e-15)


@pytest.mark.parametrize(("nonlinearity", "slope"), [("relu", 0.0), ("leaky_relu", 0.3)])
def test_a_gain_keeps_the_mean_square_of_a_normal_signal(nonlinearity, slope):
    """E max(z, slope z)² = (1 + slope²) / 2."""
    z = np.random.default_rng(0).normal(size=400_000)
    gain = calculate_gain(nonlinearity, slope)
    assert (gain * np.where(z > 0, z, slope * z)).var() + (gain * np.where(z > 0, z, slope * z)).mean() ** 2 == (
        pytest.approx(1, abs=0.02)
    )


def test_a_gain_of_an_unknown_activation():
    with pytest.raises(ValueError, match=r"calculate_gain expected nonlinearity to be one of .*'relu'.*, got 'gelu'"):
        calculate_gain("gelu")
    with pytest.raises(TypeError, match="calculate_gain expected param to be a number"):
        calculate_gain("leaky_relu", "0.1")
