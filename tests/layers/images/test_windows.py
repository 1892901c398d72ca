"""Windows: laid out side by side, and put back."""

import copy

import numpy as np
import pytest

import minnet as mn
from minnet import ReLU
from minnet.layers.images.windows import Windows, batch_first, batch_last, check_images, one_pixel, per_axis

NONE = ((0, 0), (0, 0))


def image(*shape):
    """Return 1, 2, 3, … in that shape."""
    return np.arange(1.0, 1 + np.prod(shape)).reshape(shape)


def test_columns_by_hand():
    """Four windows of 2x2 on 3x3 pixels: each column is one, read row by row."""
    columns = Windows((2, 2), (1, 1), NONE, (1, 1)).columns(image(1, 3, 3, 1))
    assert columns.shape == (1, 4, 2, 2, 1)
    np.testing.assert_array_equal(columns.reshape(4, 4), [[1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]])


def test_scatter_by_hand():
    """A pixel gets a 1 from every window that it is in."""
    windows = Windows((2, 2), (1, 1), NONE, (1, 1))
    x = windows.scatter(np.ones((1, 4, 2, 2, 1)), (3, 3))
    np.testing.assert_array_equal(x.reshape(3, 3), [[1, 2, 1], [2, 4, 2], [1, 2, 1]])


def test_padding_is_zero_around_and_cut_off_again():
    windows = Windows((1, 3), (1, 1), ((0, 0), (2, 1)), (1, 1))
    columns = windows.columns(image(1, 1, 3, 1))
    np.testing.assert_array_equal(columns.reshape(3, 4), [[0, 0, 1, 2], [0, 1, 2, 3], [1, 2, 3, 0]])
    np.testing.assert_array_equal(windows.scatter(columns, (1, 3)).ravel(), [3, 6, 6])


def test_stride_and_dilation():
    windows = Windows((1, 2), (1, 2), NONE, (1, 3))
    np.testing.assert_array_equal(windows.columns(image(1, 1, 8, 1)).reshape(2, 3), [[1, 3, 5], [4, 6, 8]])


@pytest.mark.parametrize(
    ("windows", "size"),
    [
        (Windows((3, 2), (1, 1), NONE, (1, 1)), (4, 5)),
        (Windows((3, 2), (2, 3), ((1, 1), (0, 2)), (2, 1)), (6, 5)),
        (Windows((1, 2), (2, 3), NONE, (1, 1)), (6, 5)),
        (Windows((2, 2), (2, 2), ((5, 5), (5, 5)), (1, 1)), (1, 1)),
        (one_pixel(2), (3, 2)),
        (Windows((3,), (2,), ((1, 1),), (1,)), (7,)),
        (Windows((3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1)), (4, 5)),  # the place in the middle has every pixel
        (Windows((3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), mode="reflect"), (4, 5)),
        (Windows((3, 2), (2, 2), ((1, 1), (1, 1)), (1, 1), ceil=True), (6, 4)),
        (Windows((3, 3), (1, 1), ((2, 2), (4, 4)), (2, 4)), (3, 3)),  # places beyond the image
    ],
)
def test_scatter_is_the_transpose_of_columns(windows, size):
    """<columns(x), c> = <x, scatter(c)> for all x and c."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, *size, 3))
    columns = windows.columns(x)
    assert columns.shape == (2, windows.places, *windows.count(size), 3)
    c = generator.normal(size=columns.shape)
    back = windows.scatter(c, size)
    assert back.shape == x.shape
    assert (columns * c).sum() == pytest.approx((x * back).sum(), rel=1e-12)


def test_scatter_for_fewer_windows_than_there_are():
    """Pixels that no window has get zero."""
    windows = Windows((2,), (2,), ((0, 0),), (1,))
    x = windows.scatter(np.ones((1, 2, 2, 1), np.float32), (7,))
    np.testing.assert_array_equal(x.ravel(), [1, 1, 1, 1, 0, 0, 0])


@pytest.mark.parametrize(
    ("size", "windows", "count"),
    [
        (28, (5, 1, 0, 1), 24),
        (28, (3, 1, 1, 1), 28),
        (28, (2, 2, 0, 1), 14),
        (7, (2, 2, 0, 1), 3),
        (7, (3, 2, 1, 2), 3),
        (5, (5, 1, 0, 1), 1),
        (4, (5, 1, 0, 1), 0),
        (5, (1, 3, 0, 1), 2),
    ],
)
def test_count(size, windows, count):
    kernel, stride, padding, dilation = windows
    assert Windows((kernel,), (stride,), ((padding, padding),), (dilation,)).count((size,)) == (count,)


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "disjoint"), [(2, 2, 1, True), (2, 3, 1, True), (3, 2, 1, False), (2, 2, 2, False)]
)
def test_disjoint(kernel, stride, dilation, disjoint):
    assert Windows((kernel,), (stride,), ((0, 0),), (dilation,)).disjoint is disjoint


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "size", "tile"),
    [
        (2, 2, 1, 6, True),
        (2, 2, 1, 7, False),
        (1, 1, 1, 5, True),
        (1, 1, 2, 5, True),
        (3, 2, 1, 6, False),
        (2, 3, 1, 6, False),
        (2, 2, 2, 6, False),
    ],
)
def test_tile(kernel, stride, dilation, size, tile):
    assert Windows((kernel,), (stride,), ((0, 0),), (dilation,)).tile((size,)) is tile


def test_one_more_window_than_the_image_asks_for():
    """A transposed convolution with output padding lays out fewer windows than would fit."""
    windows = Windows((1, 1), (1, 1), NONE, (3, 3))
    assert windows.columns(image(1, 4, 4, 1), (2, 3)).shape == (1, 1, 2, 3, 1)


def test_batch_last_and_first():
    x = image(2, 3, 4, 5)
    last = batch_last(x, 2)
    assert last.shape == (3, 4, 5, 2)
    assert last.flags.c_contiguous
    np.testing.assert_array_equal(batch_first(last, x.shape), x)
    single = batch_last(x[0], 2)
    assert single.shape == (3, 4, 5, 1)
    np.testing.assert_array_equal(batch_first(single, (3, 4, 5)), x[0])


def test_what_has_the_batch_last_in_memory_is_not_copied():
    inner = image(3, 4, 5, 2)
    assert np.shares_memory(batch_last(batch_first(inner, (2, 3, 4, 5)), 2), inner)


def test_per_axis():
    assert per_axis("L", "size", 3, 2) == (3, 3)
    assert per_axis("L", "size", (3, np.int64(4)), 2) == (3, 4)
    assert per_axis("L", "padding", 0, 1, least=0) == (0,)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (0, ValueError, r"^L needs size >= 1, got 0$"),
        ((2, -1), ValueError, r"^L needs size >= 1, got -1$"),
        ((2, 2, 2), ValueError, r"^L expected size to be an int or a tuple of 2, got \(2, 2, 2\)$"),
        ((), ValueError, r"^L expected size to be an int or a tuple of 2, got \(\)$"),
        (2.0, TypeError, r"^L expected size to be an int or a tuple of ints, got 2.0$"),
        (True, TypeError, "^L expected size to be an int, got bool"),
        ((2, 2.0), TypeError, "^L expected size to be an int, got float 2.0"),
        ("33", TypeError, "got '33'"),
        ([3, 3], TypeError, r"got \[3, 3\]"),
        (None, TypeError, "got None"),
    ],
)
def test_sizes_that_are_none(value, error, message):
    with pytest.raises(error, match=message):
        per_axis("L", "size", value, 2)


@pytest.mark.parametrize(
    ("shape", "channels", "message"),
    [
        ((2, 28, 28, 3), 3, r"\(N, 3, H, W\) or \(3, H, W\), got \(2, 28, 28, 3\): pass x.transpose\(0, 3, 1, 2\)"),
        ((2, 28, 28), 1, r"pass x\[:, None\]"),
        ((2, 784), 1, r"such as x.reshape\(-1, 1, 28, 28\)"),
        ((784,), None, r"\(N, C, H, W\) or \(C, H, W\), got \(784,\): give each sample"),
        ((2, 4, 28, 28), 3, "each layer's out_channels are the next one's in_channels"),
        ((2, 0, 28, 28), None, "expected shape"),
        ((1, 2, 3, 4, 5), None, "expected shape"),
        ((2, 3, 0, 4), 3, "expected at least 1x1 pixels, got 0x4 in shape"),
    ],
)
def test_what_is_no_image_is_refused_with_the_cure(shape, channels, message):
    with pytest.raises(ValueError, match=message):
        check_images(ReLU(), np.zeros(shape), one_pixel(2), channels)


def test_copies_are_equal():
    windows = Windows((3, 2), (1, 1), NONE, (1, 1))
    assert copy.deepcopy(windows) == windows


def test_a_step_leaves_nothing_in_windows_which_a_checkpoint_holds():
    layers = [
        mn.Conv2d(1, 2, 3, padding=1, rng=0),
        mn.MaxPool2d(2),
        mn.AvgPool2d(2),
        mn.ConvTranspose2d(2, 1, 3, rng=0),
    ]
    before = [dict(vars(part)) for layer in layers for part in parts(layer)]
    model = mn.Sequential(*layers)
    model.backward(np.ones_like(model.forward(np.ones((2, 1, 8, 8), np.float32))))
    assert [dict(vars(part)) for layer in layers for part in parts(layer)] == before


def parts(layer):
    """List the windows of a layer."""
    return [
        part
        for value in vars(layer).values()
        for part in (value if isinstance(value, list) else [value])
        if isinstance(part, Windows)
    ]
