"""Conv1d and Conv2d: a Linear layer for every window."""

import copy
import math
import pickle

import numpy as np
import pytest
from helpers import array

from minnet import Flatten, Linear, ReLU, Sequential
from minnet.initializers import zeros
from minnet.inspection.gradcheck import check_layer
from minnet.layers.images.convolution import Conv1d, Conv2d

random = np.random.default_rng(3)
X = random.normal(size=(3, 4, 6, 5))


def batch_last(x):
    """Return the same numbers with the batch last in memory, as our own layers make them."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)


@pytest.fixture
def layer():
    """A layer of one 2x2 kernel, whose numbers can be followed by hand."""
    layer = Conv2d(1, 1, 2)
    layer.weight.data, layer.bias.data = [[[[1, 2], [3, 4]]]], [10]
    return layer


IMAGE = array([[[[1, 0, 0], [0, 2, 0], [0, 0, 3]]]])


# -- forward


def test_forward_by_hand(layer):
    """Upper left: 1·1 + 2·0 + 3·0 + 4·2 + 10 = 19. The kernel is not turned around."""
    np.testing.assert_array_equal(layer.forward(IMAGE), [[[[19, 16], [14, 24]]]])


def test_a_kernel_as_large_as_the_image_is_linear():
    convolution, linear = Conv2d(2, 3, (4, 5), rng=0), Linear(40, 3, rng=1)
    linear.weight.data = convolution.weight.data.transpose(0, 2, 3, 1).reshape(40, 3)
    linear.bias.data = convolution.bias.data
    x = random.normal(size=(6, 2, 4, 5)).astype(np.float32)
    y = convolution.forward(x)
    assert y.shape == (6, 3, 1, 1)
    np.testing.assert_allclose(y[:, :, 0, 0], linear.forward(x.reshape(6, 40)), rtol=1e-5, atol=1e-6)


def test_1x1_is_linear_at_every_pixel():
    convolution, linear = Conv2d(4, 3, 1, rng=0).astype(np.float64), Linear(4, 3).astype(np.float64)
    linear.weight.data, linear.bias.data = convolution.weight.data[:, :, 0, 0], convolution.bias.data
    np.testing.assert_allclose(convolution.forward(X).transpose(0, 2, 3, 1), linear.forward(X.transpose(0, 2, 3, 1)))


def test_conv1d_by_hand():
    layer = Conv1d(1, 2, 2, stride=2)
    layer.weight.data, layer.bias.data = [[[1, -1], [1, 1]]], [0, 5]
    np.testing.assert_array_equal(layer.forward(array([[[1, 3, 2, 2, 9]]])), [[[-2, 0], [9, 9]]])


def test_groups_see_their_own_channels_only():
    layer = Conv2d(4, 6, 3, groups=2, rng=0).astype(np.float64)
    y = layer.forward(X)
    changed = X.copy()
    changed[:, :2] += 1
    difference = np.abs(layer.forward(changed) - y).max(axis=(0, 2, 3))
    assert (difference[:3] > 0).all()
    assert (difference[3:] == 0).all()


def test_depthwise_filters_each_channel():
    layer = Conv2d(3, 3, 1, groups=3, bias=False)
    layer.weight.data = np.reshape([2, 3, 5], (1, 3, 1, 1))
    assert layer.weight.data.shape == (1, 3, 1, 1)
    np.testing.assert_array_equal(layer.forward(array(np.ones((1, 3, 1, 2)))).ravel(), [2, 2, 3, 3, 5, 5])


@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (2, 1), (3, 1), ((3, 2), 1), (3, (1, 2)), (2, 3)])
def test_same_keeps_the_size(kernel, dilation):
    assert Conv2d(4, 2, kernel, padding="same", dilation=dilation).astype(np.float64).forward(X).shape == (3, 2, 6, 5)


def test_an_odd_zero_of_same_comes_last():
    layer = Conv1d(1, 1, 2, padding="same", bias=False)
    layer.weight.data = [[[1, 10]]]
    np.testing.assert_array_equal(layer.forward(array([[[1, 2, 3]]])), [[[21, 32, 3]]])


def test_valid_is_no_padding():
    layer = Conv2d(4, 2, 3, padding="valid", rng=0).astype(np.float64)
    np.testing.assert_array_equal(layer.forward(X), Conv2d(4, 2, 3, rng=0).astype(np.float64).forward(X))


@pytest.mark.parametrize("groups", [1, 2])
def test_a_single_image_needs_no_batch_axis(groups):
    layer = Conv2d(4, 2, 3, 2, 1, groups=groups, rng=0).astype(np.float64)
    y, batch = layer.forward(X[0]), copy.deepcopy(layer)
    np.testing.assert_array_equal(y, batch.forward(X[:1])[0])
    dx = layer.backward(y)
    assert dx.shape == X[0].shape
    np.testing.assert_array_equal(dx, batch.backward(y[None])[0])
    np.testing.assert_array_equal(layer.weight.grad, batch.weight.grad)


# -- every order in memory


@pytest.mark.parametrize(
    "order",
    [batch_last, np.asfortranarray, lambda x: x[:, ::-1][:, ::-1], lambda x: np.repeat(x, 2, axis=0)[::2]],
)
@pytest.mark.parametrize("arguments", [(3, 2, 1), (1,), (2, 2), (1, 2)])
def test_the_order_in_memory_changes_nothing(order, arguments):
    layer = Conv2d(4, 3, *arguments, rng=0).astype(np.float64)
    other = copy.deepcopy(layer)
    y = layer.forward(X)
    np.testing.assert_allclose(other.forward(order(X)), y, rtol=1e-12)
    dy = random.normal(size=y.shape)
    np.testing.assert_allclose(other.backward(order(dy)), layer.backward(dy), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(other.weight.grad, layer.weight.grad, rtol=1e-12, atol=1e-14)


def test_flatten_after_a_convolution_is_free():
    """What our layers make has the batch last in memory, also after an activation, and its rows are a view of it."""
    y = ReLU().forward(Conv2d(4, 3, 3, rng=0).astype(np.float64).forward(X))
    flat = Flatten().forward(y)
    assert np.shares_memory(y, flat)
    np.testing.assert_array_equal(flat, np.ascontiguousarray(y).reshape(3, -1))


# -- backward


def test_backward_by_hand(layer):
    layer.forward(IMAGE)
    dx = layer.backward(array([[[[1, 0], [0, 10]]]]))
    np.testing.assert_array_equal(dx, [[[[1, 2, 0], [3, 14, 20], [0, 30, 40]]]])
    np.testing.assert_array_equal(layer.weight.grad, [[[[21, 0], [0, 32]]]])
    np.testing.assert_array_equal(layer.bias.grad, [11])


@pytest.mark.parametrize(
    "layer",
    [
        Conv2d(4, 3, 3, rng=0),
        Conv2d(4, 3, (2, 3), (2, 1), (1, 2), rng=0),
        Conv2d(4, 6, 3, padding="same", dilation=(1, 2), groups=2, bias=False, rng=0),
        Conv2d(4, 8, 3, padding=1, groups=4, rng=0),
        Conv2d(4, 2, 1, rng=0),
        Conv2d(4, 2, 1, 2, rng=0),
        Conv2d(4, 2, (6, 5), rng=0),
        Conv2d(4, 2, 2, 3, rng=0),
        Conv2d(4, 2, 2, padding=(5, 3), rng=0),
    ],
    ids=repr,
)
def test_conv2d_keeps_every_promise(layer):
    assert check_layer(layer, X)
    assert check_layer(layer, batch_last(X))


@pytest.mark.parametrize(
    "layer", [Conv1d(4, 3, 3, 2, 1, rng=0), Conv1d(4, 6, 2, dilation=2, groups=2, rng=0)], ids=repr
)
def test_conv1d_keeps_every_promise(layer):
    assert check_layer(layer, X[..., 0])


def test_accumulate_grad_adds_what_backward_adds(layer):
    other = copy.deepcopy(layer)
    for _ in range(2):
        layer.forward(IMAGE)
        other.forward(IMAGE)
        dy = array(np.ones((1, 1, 2, 2)))
        layer.backward(dy)
        assert other.accumulate_grad(dy) is None
    np.testing.assert_array_equal(layer.weight.grad, [[[[6, 4], [4, 10]]]])
    np.testing.assert_array_equal(layer.weight.grad, other.weight.grad)
    np.testing.assert_array_equal(layer.bias.grad, other.bias.grad)


def test_pixels_that_no_window_sees_get_no_gradient():
    layer = Conv2d(1, 1, 1, stride=2, bias=False)
    layer.weight.data = [[[[7]]]]
    layer.forward(array(np.ones((1, 1, 3, 4))))
    dx = layer.backward(array(np.ones((1, 1, 2, 2))))
    np.testing.assert_array_equal(dx, [[[[7, 0, 7, 0], [0, 0, 0, 0], [7, 0, 7, 0]]]])


@pytest.mark.parametrize("arguments", [(3, 1, 1), (1,)])
def test_outputs_stay_when_the_layer_goes_on(arguments):
    layer = Conv2d(4, 4, *arguments, rng=0).astype(np.float64)
    y = layer.forward(X)
    dx = layer.backward(y)
    saved = y.copy(), dx.copy()
    layer.backward(2 * layer.forward(-X))
    np.testing.assert_array_equal(y, saved[0])
    np.testing.assert_array_equal(dx, saved[1])


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_an_empty_batch(groups):
    layer = Conv2d(4, 8, 3, padding=1, groups=groups, rng=0).astype(np.float64)
    y = layer.forward(X[:0])
    assert y.shape == (0, 8, 6, 5)
    assert layer.backward(y).shape == (0, 4, 6, 5)
    assert not layer.weight.grad.any()
    assert not layer.bias.grad.any()


def test_in_eval_mode_nothing_is_kept():
    layer = Conv2d(4, 3, 3, rng=0).astype(np.float64).eval()
    layer.forward(X)
    assert "_cache" not in vars(layer)


# -- first values


@pytest.mark.parametrize(
    ("layer", "fan_in"), [(Conv2d(20, 60, (3, 2), rng=0), 120), (Conv2d(40, 60, 3, groups=4, rng=1), 90)], ids=repr
)
def test_first_values_are_uniform_within_one_over_root_of_a_windows_size(layer, fan_in):
    weight, variance = layer.weight.data.astype(np.float64), 1 / (3 * fan_in)
    assert np.abs(weight).max() <= 1 / math.sqrt(fan_in)
    assert np.abs(layer.bias.data).max() <= 1 / math.sqrt(fan_in)
    assert abs(weight.mean()) < 5 * math.sqrt(variance / weight.size)  # 5σ of the sampling error
    assert abs(weight.var() - variance) < 5 * variance * math.sqrt(0.8 / weight.size)


def test_the_seed_decides():
    first, again, other = (Conv2d(2, 3, 3, rng=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.weight.data, again.weight.data)
    assert (first.weight.data != other.weight.data).all()


def test_initializers_are_used_for_what_they_are_given_for():
    layer = Conv2d(2, 3, 3, weight_init=lambda shape, rng: np.full(shape, 7), bias_init=zeros())
    assert layer.weight.data.shape == (2, 3, 3, 3)
    assert (layer.weight.data == 7).all()
    assert not layer.bias.data.any()


# -- what is refused


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 1, 3), ValueError, "Conv2d needs in_channels >= 1, got 0"),
        ((1, 0, 3), ValueError, "Conv2d needs out_channels >= 1, got 0"),
        ((1, 1, 0), ValueError, "Conv2d needs kernel_size >= 1, got 0"),
        ((1, 1, (3, 3, 3)), ValueError, "kernel_size to be an int or a tuple of 2"),
        ((1, 1, 3, 0), ValueError, "Conv2d needs stride >= 1, got 0"),
        ((1, 1, 3, 1, -1), ValueError, "Conv2d needs padding >= 0, got -1"),
        ((1, 1, 3, 1, "full"), ValueError, "padding to be an int, a tuple, 'same' or 'valid', got 'full'"),
        ((1, 1, 3, 2, "same"), ValueError, "needs stride 1 for padding='same', got .2, 2."),
        ((1, 1, 3, 1, 0, 0), ValueError, "Conv2d needs dilation >= 1, got 0"),
        ((4, 6, 3, 1, 0, 1, 3), ValueError, "groups divides, got in_channels=4, out_channels=6, groups=3"),
        ((6, 4, 3, 1, 0, 1, 3), ValueError, "groups divides, got in_channels=6, out_channels=4, groups=3"),
        ((1, 1, 3, 1, 0, 1, 0), ValueError, "Conv2d needs groups >= 1, got 0"),
        ((1.0, 1, 3), TypeError, "Conv2d expected in_channels to be an int, got float"),
        ((1, 1, 3.0), TypeError, "Conv2d expected kernel_size to be an int or a tuple of ints, got 3.0"),
    ],
)
def test_sizes_that_are_none(arguments, error, message):
    with pytest.raises(error, match=message):
        Conv2d(*arguments)


def test_an_image_smaller_than_the_kernel_is_refused_with_the_cure():
    message = (
        r"^Conv2d\(1, 1, 5, .*\) expected at least 3x3 pixels, got 4x2 in shape \(1, 1, 4, 2\): the image is smaller"
    )
    with pytest.raises(ValueError, match=message):
        Conv2d(1, 1, 5, padding=1).forward(array(np.zeros((1, 1, 4, 2))))


@pytest.mark.parametrize("shape", [(2, 3, 3, 2), (2, 2, 3), (3, 3), (9,), (2, 2, 3, 3), (1, 1, 1, 3, 3), (0, 3, 3)])
def test_a_wrong_shape_is_refused(layer, shape):
    with pytest.raises(ValueError, match=r"^Conv2d\(1, 1, 2, .*expected shape \(N, 1, H, W\) or \(1, H, W\), got"):
        layer.forward(array(np.zeros(shape)))


def test_conv1d_names_its_own_axes():
    with pytest.raises(ValueError, match=r"\(N, 3, L\) or \(3, L\), got \(2, 9, 3\): pass x.transpose\(0, 2, 1\)"):
        Conv1d(3, 1, 2).forward(array(np.zeros((2, 9, 3))))


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.uint8])
def test_another_dtype_is_refused(layer, dtype):
    with pytest.raises(TypeError, match=r"computes in float32, got .*: pass x.astype\(np.float32\)"):
        layer.forward(IMAGE.astype(dtype))


@pytest.mark.parametrize("method", ["backward", "accumulate_grad"])
@pytest.mark.parametrize(
    ("dy", "error"),
    [
        (np.ones((1, 1, 3, 2)), ValueError),
        (np.ones((1, 1, 4, 1)), ValueError),  # would reshape
        (np.ones((2, 1, 2, 2)), ValueError),
        (np.ones((1, 2, 2)), ValueError),
        (np.ones((1, 1, 2, 2), np.int64), TypeError),
        ([[[[1.0, 1.0], [1.0, 1.0]]]], TypeError),
        (None, TypeError),
    ],
)
def test_a_wrong_gradient_is_refused_before_anything_changed(layer, method, dy, error):
    layer.forward(IMAGE)
    layer.weight.grad[...] = layer.bias.grad[...] = 7
    dy = dy.astype(np.float32) if getattr(dy, "dtype", None) == np.float64 else dy
    with pytest.raises(error, match=r"^Conv2d\(.*\).backward expected"):
        getattr(layer, method)(dy)
    assert (layer.weight.grad == 7).all()
    assert (layer.bias.grad == 7).all()


@pytest.mark.parametrize("method", ["backward", "accumulate_grad"])
def test_backward_before_forward(layer, method):
    with pytest.raises(RuntimeError, match=r"Conv2d.backward\(\) before forward\(\)"):
        getattr(layer, method)(np.ones((1, 1, 2, 2), np.float32))


# -- copies and looks


@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_compute_the_same_bits(copied_by):
    layer = Conv2d(4, 5, 3, padding="same", rng=0).astype(np.float64)
    layer.forward(X)
    assert copied_by(layer).forward(X).tobytes() == layer.forward(X).tobytes()


def test_describe_shows_the_arguments():
    assert repr(Conv2d(1, 16, 3, padding=1)).startswith("Conv2d(1, 16, 3, ")
    assert "padding=1" in repr(Conv2d(1, 16, 3, padding=1))
    assert "padding='same'" in repr(Conv1d(1, 16, 3, padding="same", bias=False))
    assert "bias=False" in repr(Conv1d(1, 16, 3, padding="same", bias=False))


def test_the_place_in_the_model_is_named():
    model = Sequential(Conv2d(1, 2, 3), ReLU(), Conv2d(3, 1, 3))
    with pytest.raises(ValueError, match="expected shape") as caught:
        model.forward(array(np.zeros((1, 1, 9, 9))))
    assert "in Sequential.layers[2] = Conv2d(3, 1, 3" in caught.value.__notes__[0]
