"""Pads: images with a border."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.gradcheck import check_layer
from minnet.layers.images.pads import ConstantPad2d, ReflectionPad2d, ZeroPad2d

IMAGE = np.array([[[[1.0, 2], [3, 4]]]])
KINDS = ["Constant", "Zero", "Reflection", "Replication", "Circular"]


def pad(kind, axes, padding):
    kind = getattr(mn, f"{kind}Pad{axes}d")
    return kind(padding, 7) if kind.__name__.startswith("Constant") else kind(padding)


def test_the_order_is_left_right_top_bottom():
    y = ZeroPad2d((1, 0, 0, 2)).forward(IMAGE)
    np.testing.assert_array_equal(y, [[[[0, 1, 2], [0, 3, 4], [0, 0, 0], [0, 0, 0]]]])
    volume = mn.ZeroPad3d((0, 0, 0, 0, 3, 0)).forward(IMAGE[:, :, None])
    assert volume.shape == (1, 1, 4, 2, 2)
    assert volume[0, 0, :, 0, 0].tolist() == [0, 0, 0, 1]


def test_constant():
    layer = ConstantPad2d((-1, 1, 0, 0), 5)
    np.testing.assert_array_equal(layer.forward(IMAGE), [[[[2, 5], [4, 5]]]])
    np.testing.assert_array_equal(layer.backward(np.array([[[[1.0, 2], [3, 4]]]])), [[[[0, 1], [0, 3]]]])


def test_reflection():
    layer = ReflectionPad2d((1, 0, 1, 0))
    y = layer.forward(IMAGE)
    np.testing.assert_array_equal(y, [[[[4, 3, 4], [2, 1, 2], [4, 3, 4]]]])
    np.testing.assert_array_equal(layer.backward(np.ones_like(y)), [[[[1, 2], [2, 4]]]])


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_every_promise_is_kept(kind, axes):
    x = np.random.default_rng(1).normal(size=(3, 2, 4, 3, 3)[: axes + 2])
    layer = pad(kind, axes, (1, 2) * axes)
    assert check_layer(layer, x)
    y = layer.forward(x)
    np.testing.assert_array_equal(layer.forward(x[0]), y[0])  # a single image
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)
    np.testing.assert_array_equal(layer.forward(last), y)
    assert layer.forward(x[:0]).shape == (0, *y.shape[1:])
    assert np.moveaxis(y, 0, -1).flags.c_contiguous  # the batch is last in memory


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("padding", "error", "message"),
    [
        ((1, 2), ValueError, r"Pad2d expected padding to be an int or a tuple of 4 \(left, right, top, bottom\), got"),
        (1.5, TypeError, "Pad2d expected padding to be an int, got float 1.5"),
        ([1, 1, 1, 1], TypeError, "Pad2d expected padding to be an int"),
        ((1, 1, 1, True), TypeError, "Pad2d expected padding to be an int, got bool"),
    ],
)
def test_sizes_that_are_none(kind, padding, error, message):
    with pytest.raises(error, match=message):
        pad(kind, 2, padding)


def test_what_is_refused():
    with pytest.raises(ValueError, match="CircularPad1d needs padding >= 0, got -1"):
        mn.CircularPad1d(-1)
    with pytest.raises(TypeError, match="ConstantPad2d expected value to be a number"):
        ConstantPad2d(1, "0")
    with pytest.raises(
        ValueError, match=r"ReflectionPad2d\(2\) expected at least 3 pixels along an axis with a border"
    ):
        ReflectionPad2d(2).forward(IMAGE)
    with pytest.raises(ValueError, match=r"ZeroPad2d\(-1\) would cut off all 2 pixels"):
        ZeroPad2d(-1).forward(IMAGE)
    with pytest.raises(ValueError, match=r"expected shape \(N, C, H, W\) or \(C, H, W\)"):
        ZeroPad2d(1).forward(IMAGE[0, 0])


def test_a_constant_may_be_a_numpy_number():
    assert ConstantPad2d(1, np.float32(0.5)).forward(IMAGE.astype(np.float32)).dtype == np.float32
