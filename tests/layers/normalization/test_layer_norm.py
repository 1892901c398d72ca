"""LayerNorm and RMSNorm: one sample at a time, over its last axes."""

import copy

import numpy as np
import pytest
from helpers import normal_numbers

from minnet.inspection.gradcheck import check_layer
from minnet.layers.normalization.layer_norm import LayerNorm, RMSNorm

floats = normal_numbers(np.random.default_rng(0), 2, 3)
BOTH = pytest.mark.parametrize("kind", [LayerNorm, RMSNorm])


def test_layer_norm_by_hand():
    layer = LayerNorm(2, eps=1e-30)
    layer.weight.data, layer.bias.data = [1, 10], [0, 5]
    y = layer.forward(np.array([[1, 3], [30, 10]], np.float32))
    np.testing.assert_allclose(y, [[-1, 15], [1, -5]], rtol=1e-6)


def test_layer_norm_backward_by_hand():
    """x̂ = (−1, 1, −1, 1), g = γ ∘ dy = (4, 0, 0, 0): its mean is 1, the mean of g ∘ x̂ is −1, and 1/√v is 1/2."""
    layer = LayerNorm(4, eps=1e-30).astype(np.float64)
    layer.weight.data = [2, 1, 1, 1]
    layer.forward(np.array([1.0, 5, 1, 5]))
    dx = layer.backward(np.array([2.0, 0, 0, 0]))
    np.testing.assert_allclose(dx, [1, 0, -1, 0])
    np.testing.assert_allclose(layer.weight.grad, [-2, 0, 0, 0])
    np.testing.assert_allclose(layer.bias.grad, [2, 0, 0, 0])


def test_rms_norm_by_hand():
    """The mean of 1 and 49 is 25, the rms 5: x̂ = (0.2, 1.4). g = (1, 0), and the mean of g ∘ x̂ is 0.1."""
    layer = RMSNorm(2, eps=1e-30).astype(np.float64)
    layer.weight.data = [10, 100]
    np.testing.assert_allclose(layer.forward(np.array([[1.0, 7]])), [[2, 140]])
    dx = layer.backward(np.array([[0.1, 0]]))
    np.testing.assert_allclose(dx, [[(1 - 0.02) / 5, -0.14 / 5]])
    np.testing.assert_allclose(layer.weight.grad, [0.02, 0])


@pytest.mark.parametrize(("dtype", "eps"), [(np.float32, 2.0**-23), (np.float64, 2.0**-52)])
def test_the_default_eps_of_rms_norm_is_the_dtypes(dtype, eps):
    x = np.full(1, np.sqrt(eps), dtype)
    np.testing.assert_allclose(RMSNorm(1).astype(dtype).forward(x), np.sqrt(0.5), rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (LayerNorm(3), (4, 3)),
        (LayerNorm(3), (3,)),
        (LayerNorm(3), (2, 4, 3)),
        (LayerNorm(1), (2, 1)),
        (LayerNorm(3, bias=False), (1, 3)),
        (LayerNorm((2, 3), eps=0.1), (3, 2, 3)),
        (LayerNorm((2, 1, 3), elementwise_affine=False), (2, 2, 1, 3)),
        (RMSNorm(3), (4, 3)),
        (RMSNorm(3), (3,)),
        (RMSNorm(3, eps=0.1), (2, 4, 3)),
        (RMSNorm(1), (2, 1)),
        (RMSNorm((2, 3)), (3, 2, 3)),
        (RMSNorm((1, 3), elementwise_affine=False), (1, 1, 3)),
    ],
    ids=lambda value: repr(value) if not isinstance(value, tuple) else "x".join(map(str, value)),
)
def test_gradients_and_promises(layer, shape):
    layer = copy.deepcopy(layer)
    for parameter in layer.parameters():
        parameter.data = floats(*parameter.data.shape)
    assert "every requirement met" in check_layer(layer, floats(*shape))


@BOTH
@pytest.mark.parametrize("leading", [(), (1,), (0,), (2, 3), (2, 0, 3)])
def test_leading_axes_are_all_batch(kind, leading):
    layer = kind((2, 3))
    x = floats(*leading, 2, 3)
    y = layer.forward(x)
    np.testing.assert_allclose(y.reshape(-1, 2, 3), kind((2, 3)).forward(x.reshape(-1, 2, 3)), rtol=1e-6)
    assert layer.backward(x).shape == x.shape
    assert layer.weight.grad.shape == (2, 3)


@BOTH
def test_training_and_eval_mode_are_the_same(kind):
    layer, x = kind(3), floats(4, 3)
    np.testing.assert_array_equal(layer.forward(x), layer.eval().forward(x))
    np.testing.assert_array_equal(layer.forward(x[1:2]), layer.forward(x)[1:2])


@BOTH
def test_the_scale_of_the_input_does_not_matter(kind):
    layer, x = kind(5).astype(np.float64), floats(4, 5, dtype=np.float64)
    np.testing.assert_allclose(layer.forward(1000 * x), layer.forward(x), rtol=1e-4)


def test_layer_norm_with_a_large_mean_and_a_small_variance_in_float32():
    x = (1e4 + floats(20, 500, dtype=np.float64)).astype(np.float32)
    exact = x.astype(np.float64)
    expected = (exact - exact.mean(axis=1, keepdims=True)) / exact.std(axis=1, keepdims=True)
    np.testing.assert_allclose(LayerNorm(500).forward(x), expected, atol=1e-3)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e4 / 3])
def test_layer_norm_of_equal_numbers_is_beta(value):
    layer = LayerNorm(7)
    layer.bias.data = np.arange(7)
    np.testing.assert_array_equal(layer.forward(np.full((1, 7), value, np.float32)), [np.arange(7)])


@BOTH
def test_zeros_give_zeros_and_finite_gradients(kind):
    layer = kind(3)
    assert not layer.forward(np.zeros((2, 3), np.float32)).any()
    assert np.isfinite(layer.backward(floats(2, 3))).all()


@BOTH
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_in_is_dtype_out(kind, dtype):
    for layer in (kind(3, np.float64(1e-5)).astype(dtype), kind(3, elementwise_affine=False)):
        assert layer.forward(floats(2, 3, dtype=dtype)).dtype == dtype
        assert layer.backward(floats(2, 3, dtype=dtype)).dtype == dtype


@BOTH
@pytest.mark.parametrize("shape", [(3,), (3, 2), (2, 3, 1), (0, 2), (6,)])
def test_a_wrong_shape_is_refused(kind, shape):
    with pytest.raises(ValueError, match=r"\(\(2, 3\), .*\) expected 2x3 features in the last axes, got shape \("):
        kind((2, 3), 1e-5).forward(floats(*shape))


@BOTH
def test_another_dtype_is_refused(kind):
    with pytest.raises(TypeError, match="computes in float32, got float64"):
        kind(3).forward(floats(2, 3, dtype=np.float64))


@BOTH
@pytest.mark.parametrize("dy", [np.ones((4, 2), np.float32), np.ones((3, 3), np.float32), np.ones((4, 3)), None])
def test_a_wrong_gradient_is_refused_before_anything_changed(kind, dy):
    layer = kind(3)
    layer.forward(floats(4, 3))
    with pytest.raises((ValueError, TypeError), match=r"Norm\(.*\)\.backward expected"):
        layer.backward(dy)
    assert not any(parameter.grad.any() for parameter in layer.parameters())


@BOTH
@pytest.mark.parametrize(
    ("shape", "error", "message"),
    [
        (0, ValueError, "needs normalized_shape >= 1, got 0"),
        ((3, 0), ValueError, "needs normalized_shape >= 1, got 0"),
        ((), ValueError, "needs at least one axis"),
        (3.0, TypeError, "expected normalized_shape to be an int, got float"),
        ("3", TypeError, "expected normalized_shape to be an int, got str"),
    ],
)
def test_bad_sizes(kind, shape, error, message):
    with pytest.raises(error, match=f"^{kind.__name__} {message}"):
        kind(shape)


@BOTH
def test_bad_eps(kind):
    with pytest.raises(ValueError, match=f"{kind.__name__} needs eps > 0, got 0.0"):
        kind(3, eps=0.0)


def test_repr():
    assert repr(LayerNorm([2, 3], bias=False)) == "LayerNorm((2, 3), eps=1e-05, elementwise_affine=True, bias=False)"
    assert repr(RMSNorm(3)) == "RMSNorm((3,), elementwise_affine=True)"
