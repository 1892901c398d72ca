"""ConvTranspose2d: each pixel paints a window."""

import copy
import math
import pickle

import numpy as np
import pytest
from helpers import array

from minnet.inspection.gradcheck import check_layer
from minnet.layers.images.convolution import Conv2d
from minnet.layers.images.transposed import ConvTranspose2d

random = np.random.default_rng(5)
X = random.normal(size=(3, 4, 3, 5))


@pytest.fixture
def layer():
    """A layer of one 2x2 kernel, whose numbers can be followed by hand."""
    layer = ConvTranspose2d(1, 1, 2)
    layer.weight.data, layer.bias.data = [[[[1, 2], [3, 4]]]], [10]
    return layer


def test_forward_by_hand(layer):
    """Two pixels, 1 and 5, paint the kernel side by side; in the middle column both."""
    y = layer.forward(array([[[[1, 5]]]]))
    np.testing.assert_array_equal(y, [[[[11, 17, 20], [13, 29, 30]]]])


def test_a_stride_as_large_as_the_kernel_paints_side_by_side():
    layer = ConvTranspose2d(1, 1, 2, stride=2, bias=False)
    layer.weight.data = [[[[1, 2], [3, 4]]]]
    np.testing.assert_array_equal(layer.forward(array([[[[1, 5]]]])), [[[[1, 2, 5, 10], [3, 4, 15, 20]]]])


def test_output_padding_adds_rows_and_columns_of_bias_at_the_end():
    layer = ConvTranspose2d(1, 1, 1, stride=3, output_padding=(1, 2))
    layer.weight.data, layer.bias.data = [[[[2]]]], [7]
    np.testing.assert_array_equal(layer.forward(array([[[[1, 2]]]])), [[[[9, 7, 7, 11, 7, 7], [7] * 6]]])


def test_padding_cuts_off(layer):
    layer = ConvTranspose2d(1, 1, 2, padding=(0, 1), bias=False)
    layer.weight.data = [[[[1, 2], [3, 4]]]]
    np.testing.assert_array_equal(layer.forward(array([[[[1, 5]]]])), [[[[7], [19]]]])


def test_backward_by_hand(layer):
    layer.forward(array([[[[1, 5]]]]))
    dx = layer.backward(array([[[[1, 0, 0], [0, 1, 1]]]]))
    np.testing.assert_array_equal(dx, [[[[5, 7]]]])
    np.testing.assert_array_equal(layer.weight.grad, [[[[1, 0], [5, 6]]]])
    np.testing.assert_array_equal(layer.bias.grad, [3])


@pytest.mark.parametrize(
    ("arguments", "size"),
    [((3,), (7, 6)), ((3, 2, 1), (7, 5)), (((3, 2), (1, 3), (2, 0), (1, 2)), (6, 8)), ((2, 1, 0, 2, 2), (5, 4))],
)
def test_it_is_the_transpose_of_the_convolution(arguments, size):
    """With shared weights and no bias, <convolution(x), z> = <x, transposed(z)> for all x and z."""
    kernel, stride, padding, dilation, groups = (*arguments, *(1, 0, 1, 1)[len(arguments) - 1 :])
    convolution = Conv2d(4, 6, kernel, stride, padding, dilation, groups, bias=False, rng=0).astype(np.float64)
    x = random.normal(size=(2, 4, *size))
    y = convolution.forward(x)
    z = random.normal(size=y.shape)

    def back(beyond):
        return ConvTranspose2d(6, 4, kernel, stride, padding, beyond, groups, False, dilation).astype(np.float64)

    small = back(0).forward(z).shape[-2:]  # a stride leaves open which of several sizes it was
    transposed = back(tuple(a - b for a, b in zip(size, small, strict=True)))
    weight = convolution.weight.data.reshape(4 // groups, groups, 6 // groups, *convolution.weight.data.shape[2:])
    transposed.weight.data = weight.transpose(1, 2, 0, 3, 4).reshape(transposed.weight.data.shape)
    back = transposed.forward(z)
    assert back.shape == x.shape
    assert (y * z).sum() == pytest.approx((x * back).sum(), rel=1e-12)


@pytest.mark.parametrize(
    "layer",
    [
        ConvTranspose2d(4, 3, 3, rng=0),
        ConvTranspose2d(4, 6, (3, 2), (2, 3), 1, 1, 2, rng=0),
        ConvTranspose2d(4, 4, 2, 2, groups=4, bias=False, rng=0),
        ConvTranspose2d(4, 2, 2, 1, 0, (1, 2), dilation=(2, 3), rng=0),
        ConvTranspose2d(4, 2, 1, rng=0),
        ConvTranspose2d(4, 2, 1, output_padding=2, dilation=3, rng=0),
        ConvTranspose2d(4, 2, 2, 3, rng=0),
    ],
    ids=repr,
)
def test_every_promise_is_kept(layer):
    assert check_layer(layer, X)
    assert check_layer(layer, np.moveaxis(np.ascontiguousarray(np.moveaxis(X, 0, -1)), -1, 0))


def test_a_single_image_needs_no_batch_axis():
    layer = ConvTranspose2d(4, 2, 3, 2, 1, rng=0).astype(np.float64)
    batch = copy.deepcopy(layer)
    y = layer.forward(X[0])
    np.testing.assert_array_equal(y, batch.forward(X[:1])[0])
    np.testing.assert_array_equal(layer.backward(y), batch.backward(y[None])[0])


def test_an_empty_batch():
    layer = ConvTranspose2d(4, 2, 3, groups=2, rng=0).astype(np.float64)
    y = layer.forward(X[:0])
    assert y.shape == (0, 2, 5, 7)
    assert layer.backward(y).shape == (0, 4, 3, 5)
    assert not layer.weight.grad.any()


def test_accumulate_grad_adds_what_backward_adds(layer):
    other = copy.deepcopy(layer)
    dy = array(random.normal(size=(1, 1, 2, 3)))
    for _ in range(2):
        for each in (layer, other):
            each.forward(array([[[[1, 5]]]]))
        layer.backward(dy)
        assert other.accumulate_grad(dy) is None
    np.testing.assert_array_equal(layer.weight.grad, other.weight.grad)
    np.testing.assert_array_equal(layer.bias.grad, other.bias.grad)
    assert layer.bias.grad[0] == pytest.approx(2 * dy.sum(), rel=1e-5)


def test_first_values_are_uniform_within_one_over_root_of_a_painted_window():
    layer = ConvTranspose2d(50, 40, (3, 2), groups=2, rng=0)
    weight, variance = layer.weight.data.astype(np.float64), 1 / (3 * 120)
    assert layer.weight.data.shape == (50, 20, 3, 2)
    assert np.abs(weight).max() <= 1 / math.sqrt(120)
    assert np.abs(layer.bias.data).max() <= 1 / math.sqrt(120)
    assert abs(weight.var() - variance) < 5 * variance * math.sqrt(0.8 / weight.size)  # 5σ of the sampling error


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 1, 3), ValueError, "ConvTranspose2d needs in_channels >= 1, got 0"),
        ((1, 1, 3, 1, -1), ValueError, "ConvTranspose2d needs padding >= 0, got -1"),
        ((1, 1, 3, 1, "same"), TypeError, "padding to be an int or a tuple of ints, got 'same'"),
        ((1, 1, 3, 2, 0, 2), ValueError, "output_padding below the stride or the dilation, got output_padding=2"),
        ((1, 1, 3, (1, 2), 0, 1), ValueError, "output_padding below the stride or the dilation"),
        ((2, 3, 3, 1, 0, 0, 2), ValueError, "groups divides, got in_channels=2, out_channels=3, groups=2"),
        ((1, 1.5, 3), TypeError, "expected out_channels to be an int, got float"),
    ],
)
def test_sizes_that_are_none(arguments, error, message):
    with pytest.raises(error, match=message):
        ConvTranspose2d(*arguments)


def test_when_padding_leaves_nothing():
    with pytest.raises(
        ValueError, match=r"make an image of 0x1 pixels from shape \(1, 1, 1, 2\): the padding cuts off"
    ):
        ConvTranspose2d(1, 1, 2, padding=1).forward(array(np.zeros((1, 1, 1, 2))))


@pytest.mark.parametrize("shape", [(2, 3, 3, 2), (3, 3), (2, 2, 3, 3), (1, 1, 0, 3)])
def test_a_wrong_shape_is_refused(layer, shape):
    with pytest.raises(ValueError, match=r"^ConvTranspose2d\(1, 1, 2, .*expected"):
        layer.forward(array(np.zeros(shape)))


@pytest.mark.parametrize("method", ["backward", "accumulate_grad"])
@pytest.mark.parametrize("dy", [np.ones((1, 1, 3, 2)), np.ones((1, 2, 3)), np.ones((2, 1, 2, 3)), None])
def test_a_wrong_gradient_is_refused_before_anything_changed(layer, method, dy):
    layer.forward(array([[[[1, 5]]]]))
    layer.weight.grad[...] = layer.bias.grad[...] = 7
    with pytest.raises((ValueError, TypeError), match=r"^ConvTranspose2d\(.*\).backward expected"):
        getattr(layer, method)(dy if dy is None else dy.astype(np.float32))
    assert (layer.weight.grad == 7).all()
    assert (layer.bias.grad == 7).all()


@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_compute_the_same_bits(copied_by):
    layer = ConvTranspose2d(4, 5, 3, 2, rng=0).astype(np.float64)
    assert copied_by(layer).forward(X).tobytes() == layer.forward(X).tobytes()


def test_describe_shows_the_arguments():
    assert repr(ConvTranspose2d(8, 4, 3, 2, 1, 1)).startswith(
        "ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1"
    )
