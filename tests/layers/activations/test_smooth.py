"""ELU, CELU, SELU, GELU, SiLU, Softplus: their values, slopes and tails. What all activations do: test_activations."""

import math

import numpy as np
import pytest
from helpers import array64 as array

from minnet.layers.activations.smooth import CELU, ELU, GELU, SELU, SiLU, Softplus

# e^{−ln 2} = 1/2, σ(ln 3) = 3/4, log(1 + e^{ln 3}) = ln 4. Φ(1) = 0.8413447460685429 and φ(1) = 0.2419707245191434
# are in every table; SELU's numbers are in its paper.
KNOWN = [
    # (layer, x, y, the slope at x)
    (ELU(), 3.0, 3.0, 1.0),
    (ELU(), -math.log(2), -0.5, 0.5),
    (ELU(), 0.0, 0.0, 1.0),
    (ELU(2), -math.log(2), -1.0, 1.0),
    (ELU(0.25), -math.log(4), -0.75 / 4, 0.25 / 4),
    (ELU(0.25), 0.0, 0.0, 0.25),
    (ELU(0.25), 1e-10, 1e-10, 1.0),
    (CELU(), 3.0, 3.0, 1.0),
    (CELU(), 0.0, 0.0, 1.0),
    (CELU(), -math.log(2), -0.5, 0.5),
    (CELU(2), -2 * math.log(2), -1.0, 0.5),
    (CELU(0.25), -math.log(4) / 4, -0.75 / 4, 0.25),
    (SELU(), 2.0, 2 * 1.0507009873554805, 1.0507009873554805),
    (SELU(), -math.log(2), -1.7580993408473766 / 2, 1.7580993408473766 / 2),
    (GELU(), 0.0, 0.0, 0.5),
    (GELU(), 1.0, 0.8413447460685429, 0.8413447460685429 + 0.2419707245191434),
    (GELU(), -1.0, 0.8413447460685429 - 1, 1 - 0.8413447460685429 - 0.2419707245191434),
    (GELU(), 2.0, 2 * 0.9772498680518208, 0.9772498680518208 + 2 * 0.05399096651318806),
    # ½ (1 + tanh u) and ½ (1 − tanh²u) u′ with u = √(2/π) · 1.044715 and u′ = √(2/π) · 1.134145, in 40 digits
    (GELU("tanh"), 1.0, 0.8411919906082768, 0.8411919906082768 + 0.24177209323750585),
    (GELU("tanh"), 0.0, 0.0, 0.5),
    (SiLU(), 0.0, 0.0, 0.5),
    (SiLU(), math.log(3), 0.75 * math.log(3), 0.75 + math.log(3) * 3 / 16),
    (SiLU(), -math.log(3), -0.25 * math.log(3), 0.25 - math.log(3) * 3 / 16),
    (Softplus(), 0.0, math.log(2), 0.5),
    (Softplus(), math.log(3), math.log(4), 0.75),
    (Softplus(2), math.log(3) / 2, math.log(4) / 2, 0.75),
    (Softplus(threshold=1), math.log(3), math.log(3), 1.0),
    (Softplus(2, threshold=1), 0.51, 0.51, 1.0),
    (Softplus(2, threshold=1), 0.0, math.log(2) / 2, 0.5),
]


@pytest.mark.parametrize(("layer", "x", "y", "slope"), KNOWN)
@pytest.mark.parametrize(("dtype", "precision"), [(np.float32, 1e-6), (np.float64, 4e-15)])
def test_known_values(layer, x, y, slope, dtype, precision):
    assert layer.forward(array([x], dtype))[0] == pytest.approx(y, rel=precision, abs=0)
    assert layer.backward(array([2.0], dtype))[0] == pytest.approx(2 * slope, rel=precision, abs=0)


@pytest.mark.parametrize("layer", [ELU(0.3), CELU(0.3), SELU(), GELU(), GELU("tanh"), SiLU(), Softplus(3, 1)], ids=repr)
def test_gradients_are_slopes(layer):
    x = np.linspace(-6, 6, 60)
    dy = np.random.default_rng(0).normal(size=60)
    slope = (layer.forward(x + 1e-6) - layer.forward(x - 1e-6)) / 2e-6
    layer.forward(x)
    np.testing.assert_allclose(layer.backward(dy), dy * slope, rtol=1e-8, atol=2e-9)


# -- traps


def test_elu_has_a_slope_between_0_and_1_where_x_is_negative():
    layer = ELU()
    layer.forward(array([-3, -2, -1]))
    np.testing.assert_allclose(layer.backward(array([1, 1, 1])), np.exp([-3, -2, -1]), rtol=1e-15)


def test_elu_is_exact_near_0_and_its_slope_far_below():
    layer = ELU()
    assert layer.forward(array([-1e-12]))[0] == pytest.approx(-1e-12, rel=1e-11, abs=0)  # e^x − 1 would have 4 digits
    layer.forward(array([-60], np.float32))
    assert layer.backward(array([1], np.float32))[0] == pytest.approx(
        math.exp(-60), rel=1e-5, abs=0
    )  # y + α would be 0


def test_gelu_tanh_has_its_constant():
    # With 0.0044715 in place of 0.044715, y(2) would be 1.9252 and not 1.9546.
    assert GELU("tanh").forward(array([2.0]))[0] == pytest.approx(1.954597694087775, rel=1e-14)
    x = np.linspace(-6, 6, 2001)
    difference = np.abs(GELU("tanh").forward(x) - GELU().forward(x)).max()
    assert 1e-4 < difference < 5e-4


def test_selu_keeps_mean_and_variance_of_normal_numbers():
    y = SELU().forward(np.random.default_rng(0).normal(size=400_000))
    assert abs(y.mean()) < 5 / math.sqrt(y.size)
    assert abs(y.var() - 1) < 0.02


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gelu_is_exact_in_its_tail(dtype):
    x = np.linspace(-9, -3, 25).astype(dtype)
    expected = [v / 2 * math.erfc(-v / math.sqrt(2)) for v in x.astype(float)]  # x (1 + erf)/2 would be 0 below −8.3
    np.testing.assert_allclose(GELU().forward(x), expected, rtol=1e-5 if dtype == np.float32 else 1e-13)


def test_softplus_is_exact_in_its_tail():
    layer = Softplus()
    np.testing.assert_allclose(layer.forward(array([-700, -40])), np.exp([-700.0, -40.0]), rtol=1e-15)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (ELU(0.5), [-0.5, -0.5, -0.5, 1e3, 1e4, 1e30]),
        (CELU(0.5), [-0.5, -0.5, -0.5, 1e3, 1e4, 1e30]),
        (SELU(), [-1.7580993408473766] * 3 + [1050.7009873554805, 10507.009873554805, 1.0507009873554805e30]),
        (GELU(), [0, 0, 0, 1e3, 1e4, 1e30]),
        (GELU("tanh"), [0, 0, 0, 1e3, 1e4, 1e30]),
        (SiLU(), [0, 0, 0, 1e3, 1e4, 1e30]),
        (Softplus(), [0, 0, 0, 1e3, 1e4, 1e30]),
        (Softplus(5, threshold=1e9), [0, 0, 0, 1e3, 1e4, 1e30]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_numbers(layer, expected, dtype):
    x = array([-1e30, -1e4, -1e3, 1e3, 1e4, 1e30], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        np.testing.assert_allclose(layer.forward(x), np.array(expected, dtype), rtol=1e-6)
        slope = SELU.SCALE if isinstance(layer, SELU) else 1
        np.testing.assert_allclose(layer.backward(array(np.ones(6), dtype)), [0, 0, 0] + [slope] * 3, rtol=1e-6)


# -- arguments


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ELU("1"), TypeError, "ELU expected alpha to be a number, got str"),
        (lambda: ELU(math.inf), ValueError, "ELU needs a finite alpha, got inf"),
        (lambda: CELU(0), ValueError, "CELU needs alpha > 0, got 0"),
        (lambda: CELU(-1), ValueError, "CELU needs alpha > 0, got -1"),
        (lambda: GELU("erf"), ValueError, "GELU expected approximate to be one of 'none', 'tanh', got 'erf'"),
        (lambda: GELU(True), ValueError, "GELU expected approximate"),
        (lambda: Softplus(0), ValueError, "Softplus needs beta > 0, got 0"),
        (lambda: Softplus(-1), ValueError, "Softplus needs beta > 0, got -1"),
        (lambda: Softplus(1, None), TypeError, "Softplus expected threshold to be a number, got NoneType"),
    ],
)
def test_arguments_that_are_none(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("number", [np.float64(0.5), np.float32(0.5), 1])
def test_numpy_numbers_do_not_upcast(number):
    x = array([-1, 2], np.float32)
    for layer in (ELU(number), CELU(number), Softplus(number, number)):
        assert layer.forward(x).dtype == np.float32
        assert layer.backward(x).dtype == np.float32


@pytest.mark.parametrize(
    ("layer", "shown"),
    [
        (ELU(2), "ELU(alpha=2.0)"),
        (CELU(2), "CELU(alpha=2.0)"),
        (SELU(), "SELU()"),
        (GELU("tanh"), "GELU(approximate='tanh')"),
        (SiLU(), "SiLU()"),
        (Softplus(2), "Softplus(beta=2.0, threshold=20.0)"),
    ],
)
def test_repr_shows_the_constants(layer, shown):
    assert repr(layer) == shown
