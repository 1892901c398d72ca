"""AdaptiveAvgPool2d and GlobalAvgPool2d: means, to a size that is asked for."""

import copy

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.gradcheck import check_layer
from minnet.layers.images.adaptive_pooling import AdaptiveAvgPool2d, GlobalAvgPool2d
from minnet.layers.images.average_pooling import AvgPool2d

X = np.random.default_rng(8).normal(size=(3, 2, 6, 5))


def batch_last(x):
    """Return the same numbers with the batch last in memory, as our own layers make them."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)


def test_windows_overlap_where_the_size_does_not_divide():
    """Five columns to two: columns 0, 1, 2 and 2, 3, 4."""
    layer = AdaptiveAvgPool2d((1, 2))
    np.testing.assert_array_equal(layer.forward(np.array([[[[1.0, 2, 6, 0, 0]]]])), [[[[3, 2]]]])
    np.testing.assert_array_equal(layer.backward(np.array([[[[3.0, 6]]]])), [[[[1, 1, 3, 2, 2]]]])


def test_where_the_size_divides_it_is_avg_pool():
    np.testing.assert_allclose(AdaptiveAvgPool2d((3, 5)).forward(X), AvgPool2d((2, 1)).forward(X), rtol=1e-12)


def test_more_windows_than_pixels_repeat_them():
    np.testing.assert_array_equal(AdaptiveAvgPool2d((1, 4)).forward(np.array([[[[1.0, 2]]]])), [[[[1, 1, 2, 2]]]])


def test_none_leaves_an_axis_as_it_is():
    assert AdaptiveAvgPool2d((None, 2)).forward(X).shape == (3, 2, 6, 2)
    np.testing.assert_array_equal(AdaptiveAvgPool2d((None, None)).forward(X), X)


def test_the_size_of_the_image_may_change():
    layer = AdaptiveAvgPool2d(2)
    assert layer.forward(X).shape == layer.forward(X[:, :, :3, :4]).shape == (3, 2, 2, 2)
    assert layer.backward(np.ones((3, 2, 2, 2))).shape == (3, 2, 3, 4)


def test_global_by_hand():
    layer = GlobalAvgPool2d()
    y = layer.forward(np.array([[[[1.0, 2], [3, 6]], [[0, 0], [0, 4]]]]))
    np.testing.assert_array_equal(y, [[3, 1]])
    np.testing.assert_array_equal(layer.backward(np.array([[4.0, 8]])), [[[[1, 1], [1, 1]], [[2, 2], [2, 2]]]])


def test_global_is_adaptive_to_one_pixel():
    np.testing.assert_allclose(GlobalAvgPool2d().forward(X), AdaptiveAvgPool2d(1).forward(X)[:, :, 0, 0], rtol=1e-12)


@pytest.mark.parametrize(
    "layer",
    [AdaptiveAvgPool2d(1), AdaptiveAvgPool2d((4, None)), AdaptiveAvgPool2d(8), AdaptiveAvgPool2d(3), GlobalAvgPool2d()],
    ids=repr,
)
def test_every_promise_is_kept(layer):
    assert check_layer(layer, X)
    assert check_layer(layer, batch_last(X))


@pytest.mark.parametrize("layer", [AdaptiveAvgPool2d(2), GlobalAvgPool2d()], ids=repr)
def test_a_single_image_needs_no_batch_axis(layer):
    batch = copy.deepcopy(layer)
    y = layer.forward(X[0])
    np.testing.assert_allclose(y, batch.forward(X[:1])[0], rtol=1e-12)
    np.testing.assert_array_equal(layer.backward(y), batch.backward(y[None])[0])


@pytest.mark.parametrize(("layer", "shape"), [(AdaptiveAvgPool2d((1, 4)), (0, 2, 1, 4)), (GlobalAvgPool2d(), (0, 2))])
def test_an_empty_batch(layer, shape):
    y = layer.forward(X[:0])
    assert y.shape == shape
    assert layer.backward(y).shape == (0, 2, 6, 5)


@pytest.mark.parametrize(
    ("size", "error", "message"),
    [
        (0, ValueError, "AdaptiveAvgPool2d needs output_size >= 1, got"),
        ((2, 2, 2), ValueError, "output_size to be an int or a tuple of 2"),
        (2.5, TypeError, "output_size to be an int, got float 2.5"),
        ("2", TypeError, "output_size to be an int, got str"),
    ],
)
def test_sizes_that_are_none(size, error, message):
    with pytest.raises(error, match=message):
        AdaptiveAvgPool2d(size)


@pytest.mark.parametrize("layer", [AdaptiveAvgPool2d(2), GlobalAvgPool2d()], ids=repr)
def test_what_is_refused(layer):
    with pytest.raises(ValueError, match=r"expected shape \(N, C, H, W\) or \(C, H, W\), got \(6, 6\)"):
        layer.forward(np.zeros((6, 6)))
    with pytest.raises(ValueError, match="expected at least 1x1 pixels, got 0x6"):
        layer.forward(np.zeros((1, 2, 0, 6)))
    with pytest.raises(TypeError, match="got int64"):
        layer.forward(np.zeros((1, 1, 6, 6), np.int64))
    layer.forward(X)
    for dy in (np.ones((3, 2, 2, 1)), np.ones((3, 1)), np.ones((3, 2, 2, 2), np.float16), None):
        with pytest.raises((ValueError, TypeError), match=r".backward expected"):
            layer.backward(dy)


def test_describe_shows_the_size():
    assert repr(AdaptiveAvgPool2d((3, 2))) == "AdaptiveAvgPool2d((3, 2))"
    assert repr(GlobalAvgPool2d()) == "GlobalAvgPool2d()"


def test_the_mean_of_many_pixels_is_right_in_float32_in_any_order_of_memory():
    x = np.random.default_rng(0).uniform(size=(2, 1, 1000, 1000)).astype(np.float32)
    strided = np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)
    expected = x.astype(np.float64).mean(axis=(2, 3))
    for images in (x, strided):
        np.testing.assert_allclose(mn.GlobalAvgPool2d().forward(images), expected, rtol=3e-7)
        np.testing.assert_allclose(mn.AdaptiveAvgPool2d(1).forward(images)[..., 0, 0], expected, rtol=3e-7)
