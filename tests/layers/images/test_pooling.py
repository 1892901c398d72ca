"""What max- and average-pooling share: windows, sizes, and what is refused."""

import copy
import pickle

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.gradcheck import check_layer
from minnet.layers.images.average_pooling import AvgPool2d
from minnet.layers.images.max_pooling import MaxPool2d
from minnet.layers.images.pooling import Pooling

random = np.random.default_rng(6)
X = random.normal(size=(3, 2, 6, 5))


def batch_last(x):
    """Return the same numbers with the batch last in memory, as our own layers make them."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
@pytest.mark.parametrize("x", [X.copy(), X[:1].copy(), X[0].copy(), batch_last(X)], ids=np.shape)
def test_windows_of_one_pixel_give_a_copy(kind, x):
    y = kind(1).forward(x)
    np.testing.assert_array_equal(y, x)
    assert not np.shares_memory(x, y)


@pytest.mark.parametrize(
    "layer",
    [
        *[
            kind(*arguments)
            for kind in (MaxPool2d, AvgPool2d)
            for arguments in [(2,), (3, 2, 1), (1,), ((6, 5),), (2, 3), ((1, 3), (2, 1), (0, 1)), ((3, 1), 1, (1, 0))]
        ],
        AvgPool2d(3, 2, 1, count_include_pad=False),
        AvgPool2d((2, 4), 3, (1, 2), count_include_pad=False),
    ],
    ids=repr,
)
def test_every_promise_is_kept(layer):
    assert check_layer(layer, X)
    assert check_layer(layer, batch_last(X))


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
def test_a_single_image_needs_no_batch_axis(kind):
    layer, batch = kind(3, 2, 1), kind(3, 2, 1)
    y = layer.forward(X[0])
    np.testing.assert_array_equal(y, batch.forward(X[:1])[0])
    np.testing.assert_array_equal(layer.backward(y), batch.backward(y[None])[0])


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
def test_an_empty_batch(kind):
    layer = kind(2)
    y = layer.forward(X[:0])
    assert y.shape == (0, 2, 3, 2)
    assert layer.backward(y).shape == (0, 2, 6, 5)


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
@pytest.mark.parametrize("arguments", [(2,), (3, 1, 1)])
def test_the_order_in_memory_changes_nothing(kind, arguments):
    layer, other = kind(*arguments), kind(*arguments)
    y = layer.forward(X)
    np.testing.assert_array_equal(other.forward(batch_last(X)), y)
    dy = random.normal(size=y.shape)
    np.testing.assert_array_equal(other.backward(batch_last(dy)), layer.backward(dy))


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0,), ValueError, "needs kernel_size >= 1, got 0"),
        ((2, 0), ValueError, "needs stride >= 1, got 0"),
        ((2, 2, -1), ValueError, "needs padding >= 0, got -1"),
        ((3, 2, 2), ValueError, "a padding of at most half the kernel, got padding=2 and kernel_size=3"),
        (((4, 1), 2, 1), ValueError, "a padding of at most half the kernel"),
        ((2.0,), TypeError, "expected kernel_size to be an int or a tuple of ints, got 2.0"),
        (((2, 2, 2),), ValueError, "kernel_size to be an int or a tuple of 2"),
    ],
)
def test_sizes_that_are_none(kind, arguments, error, message):
    with pytest.raises(error, match=message):
        kind(*arguments)


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
def test_what_is_refused(kind):
    layer = kind(4)
    with pytest.raises(ValueError, match=r"Pool2d\(4, .*expected at least 4x4 pixels, got 6x3 in shape \(1, 2, 6, 3\)"):
        layer.forward(np.zeros((1, 2, 6, 3)))
    with pytest.raises(
        ValueError, match=r"expected shape \(N, C, H, W\) or \(C, H, W\), got \(6, 6\): give each sample"
    ):
        layer.forward(np.zeros((6, 6)))
    with pytest.raises(ValueError, match="expected shape"):
        layer.forward(np.zeros((2, 0, 6, 6)))
    with pytest.raises(TypeError, match=r"expected float32 or float64, got int64: pass x.astype\(np.float32\)"):
        layer.forward(np.zeros((1, 1, 6, 6), np.int64))
    layer.forward(X)
    for dy in (np.ones((3, 2, 1, 2)), np.ones((3, 2)), np.ones((3, 2, 1, 1), np.float32), None):
        with pytest.raises((ValueError, TypeError), match=r"Pool2d\(.*\).backward expected"):
            layer.backward(dy)


@pytest.mark.parametrize("layer", [MaxPool2d(2), AvgPool2d(3, 2, 1, count_include_pad=False)], ids=repr)
@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_compute_the_same_bits(layer, copied_by):
    assert copied_by(layer).forward(X).tobytes() == layer.forward(X).tobytes()


def test_describe_shows_the_arguments():
    assert repr(MaxPool2d(2)).startswith("MaxPool2d(2")
    assert repr(MaxPool2d((3, 2), 2, 1)) == "MaxPool2d((3, 2), stride=2, padding=1, dilation=1, ceil_mode=False)"
    assert "count_include_pad=False" in repr(AvgPool2d(3, 2, 1, count_include_pad=False))


@pytest.mark.parametrize("kind", ["MaxPool", "AvgPool"])
@pytest.mark.parametrize(("axes", "shape", "names"), [(1, (2, 3, 5), "L"), (3, (2, 3, 4, 5, 4), "D, H, W")])
def test_other_numbers_of_axes(kind, axes, shape, names):
    layer = getattr(mn, f"{kind}{axes}d")(2, 1)
    assert isinstance(layer, Pooling)
    x = random.normal(size=shape)
    y = layer.forward(x)
    assert y.shape == (*shape[:2], *(n - 1 for n in shape[2:]))
    np.testing.assert_array_equal(layer.forward(x[0]), y[0])
    with pytest.raises(ValueError, match=rf"expected shape \(N, C, {names}\) or \(C, {names}\), got"):
        layer.forward(x[0, 0] if axes == 1 else x[0, 0, 0])
