"""GLU, Mish, Hardswish: values and slopes. What all activations do is tested in test_activations."""

import math

import numpy as np
import pytest
from helpers import array64 as array

import minnet as mn
from minnet.layers.activations.gates import GLU, Hardswish, Mish

# softplus(ln 2) = ln 3 and tanh(ln 3) = 4/5; softplus(0) = ln 2 and tanh(ln 2) = 3/5.
# f′(ln 2) = 4/5 + ln 2 · (1 − 16/25) · 2/3, and f′(0) = 3/5.
KNOWN = [
    # (layer, x, y, the slope at x)
    (Mish(), 0.0, 0.0, 3 / 5),
    (Mish(), math.log(2), 0.8 * math.log(2), 0.8 + math.log(2) * 0.36 * 2 / 3),
    (Hardswish(), 0.0, 0.0, 0.5),
    (Hardswish(), 1.0, 4 / 6, 1 / 3 + 0.5),
    (Hardswish(), -1.0, -2 / 6, 0.5 - 1 / 3),
    (Hardswish(), -3.0, 0.0, 0.0),
    (Hardswish(), 3.0, 3.0, 1.0),
    (Hardswish(), -4.0, 0.0, 0.0),
    (Hardswish(), 5.0, 5.0, 1.0),
]


@pytest.mark.parametrize(("layer", "x", "y", "slope"), KNOWN)
@pytest.mark.parametrize(("dtype", "precision"), [(np.float32, 1e-6), (np.float64, 4e-15)])
def test_known_values(layer, x, y, slope, dtype, precision):
    assert layer.forward(array([x], dtype))[0] == pytest.approx(y, rel=precision)
    assert layer.backward(array([2.0], dtype))[0] == pytest.approx(2 * slope, rel=precision)


@pytest.mark.parametrize("layer", [Mish(), Hardswish()], ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_numbers(layer, dtype):
    x = array([-1e30, -1e4, -1e3, 1e3, 1e4, 1e30], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        np.testing.assert_array_equal(layer.forward(x), array([0, 0, 0, 1e3, 1e4, 1e30], dtype))
        np.testing.assert_array_equal(layer.backward(array(np.ones(6), dtype)), [0, 0, 0, 1, 1, 1])


def test_mish_is_exact_in_its_tail():
    """For x far below 0, tanh(log(1 + eˣ)) = eˣ, so y = x eˣ and the slope (1 + x) eˣ."""
    layer, x = Mish(), array([-700.0, -60.0, -40.0])
    np.testing.assert_allclose(layer.forward(x), x * np.exp(x), rtol=1e-14)
    np.testing.assert_allclose(layer.backward(np.ones(3)), (1 + x) * np.exp(x), rtol=1e-14)


@pytest.mark.parametrize("layer", [Mish(), Hardswish(), GLU()], ids=repr)
def test_gradients_are_slopes(layer):
    x = np.linspace(-6.03, 6, 60)
    dy = np.random.default_rng(0).normal(size=layer.forward(x).shape)
    slope = np.array(
        [((layer.forward(x + h) - layer.forward(x - h)) * dy).sum() / 2e-6 for h in 1e-6 * np.eye(60)],
    )
    layer.forward(x)
    np.testing.assert_allclose(layer.backward(dy), slope, rtol=1e-8, atol=2e-8)


def test_glu_lets_through_what_its_gate_says():
    x = array([[[1, 2], [3, 4], [0, math.log(3)], [-math.log(3), 1000]]])
    np.testing.assert_allclose(GLU(1).forward(x), [[[1 / 2, 2 * 3 / 4], [3 / 4, 4]]], rtol=1e-15)
    layer = GLU(-2)
    layer.forward(x)
    dx = layer.backward(array([[[1, 1], [1, 1]]]))
    np.testing.assert_allclose(dx[0, :2], [[1 / 2, 3 / 4], [1 / 4, 1]], rtol=1e-15)
    np.testing.assert_allclose(dx[0, 2:], [[1 / 4, 2 * 3 / 16], [3 * 3 / 16, 0]], rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_glu_with_large_numbers(dtype):
    x = array([[-1e30, 1e30, 1e30, -1e30, 1e30, -1e30]], dtype)
    layer = GLU()
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        np.testing.assert_array_equal(layer.forward(x), array([[0, 1e30, 0]], dtype))
        np.testing.assert_array_equal(layer.backward(array(np.ones((1, 3)), dtype)), [[0, 1, 0, 0, 0, 0]])


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (GLU(), (4, 5), r"GLU\(axis=-1\) expected an even length along axis -1, which it halves, got \(4, 5\)"),
        (GLU(1), (4, 3, 2), "an even length along axis 1"),
        (GLU(2), (4, 6), r"GLU\(axis=2\) expected an array with axis 2, which it halves, got \(4, 6\)"),
        (GLU(-3), (4, 6), "an array with axis -3"),
    ],
)
def test_arrays_that_glu_cannot_halve(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer.forward(np.ones(shape))


@pytest.mark.parametrize(
    ("axis", "error", "message"),
    [
        (0, ValueError, "GLU expected an axis of features, got axis=0, along which the samples are: pass 1 or -1"),
        (1.0, TypeError, "GLU expected axis to be an int, got float 1.0"),
        (None, TypeError, "GLU expected axis to be an int, got NoneType"),
    ],
)
def test_axes_that_are_none(axis, error, message):
    with pytest.raises(error, match=message):
        GLU(axis)


def test_padded_sequences_go_through_a_glu_of_features_only():
    x, mask = np.ones((2, 4, 6)), np.array([[1, 1, 0, 0], [1, 1, 1, 0]], bool)
    assert mn.Sequential(GLU(), mn.PoolTime()).forward(x, mask).shape == (2, 3)
    assert mn.Sequential(GLU(2), mn.PoolTime()).forward(x, mask).shape == (2, 3)
    with pytest.raises(ValueError, match=r"GLU\(axis=1\)"):
        mn.Sequential(GLU(1), mn.PoolTime()).forward(x, mask)


@pytest.mark.parametrize(
    ("layer", "shown"), [(GLU(np.int64(1)), "GLU(axis=1)"), (Mish(), "Mish()"), (Hardswish(), "Hardswish()")]
)
def test_repr_shows_the_constants(layer, shown):
    assert repr(layer) == shown
