"""Upsample: nearest pixels, and lines between them."""

import numpy as np
import pytest

from minnet.inspection.gradcheck import check_layer
from minnet.layers.images.upsampling import Upsample

LINE = np.array([[[0.0, 4, 8]]])
PHOTOS = np.random.default_rng(2).normal(size=(3, 2, 4, 5))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"scale_factor": 2}, [0, 0, 4, 4, 8, 8]),
        ({"size": 2}, [0, 4]),
        ({"size": 4}, [0, 0, 4, 8]),
        ({"scale_factor": 2, "mode": "linear"}, [0, 1, 3, 5, 7, 8]),
        ({"size": 5, "mode": "linear", "align_corners": True}, [0, 2, 4, 6, 8]),
        ({"size": 1, "mode": "linear", "align_corners": True}, [0]),
        ({"size": 1, "mode": "linear"}, [4]),
        ({"scale_factor": 1.5, "mode": "linear"}, [0, 2, 14 / 3, 22 / 3]),
    ],
)
def test_by_hand(options, expected):
    np.testing.assert_allclose(Upsample(**options).forward(LINE).ravel(), expected, atol=1e-12)


def test_backward_by_hand():
    layer = Upsample(scale_factor=2, mode="linear")
    layer.forward(LINE)
    dx = layer.backward(np.array([[[1.0, 2, 3, 4, 5, 6]]]))
    np.testing.assert_allclose(dx.ravel(), [1 + 1.5 + 0.75, 0.5 + 2.25 + 3 + 1.25, 1 + 3.75 + 6])


@pytest.mark.parametrize("factor", [1, 2, (3, 1), (0.5, 1.5)])
@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_every_promise_is_kept(mode, factor):
    layer = Upsample(scale_factor=factor, mode=mode)
    assert check_layer(layer, PHOTOS)
    y = layer.forward(PHOTOS)
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(PHOTOS, 0, -1)), -1, 0)
    np.testing.assert_array_equal(layer.forward(last), y)
    assert np.moveaxis(y, 0, -1).flags.c_contiguous
    assert layer.forward(PHOTOS[:0]).shape == (0, *y.shape[1:])
    if mode == "bilinear" or isinstance(factor, tuple):
        np.testing.assert_array_equal(layer.forward(PHOTOS[0]), y[0])
        assert layer.backward(y[0]).shape == PHOTOS[0].shape


def test_y_is_no_view_of_x():
    x = PHOTOS.copy()
    for layer in (Upsample(scale_factor=1), Upsample(scale_factor=1, mode="bilinear")):
        y = layer.forward(x)
        np.testing.assert_array_equal(y, x)
        assert not np.shares_memory(x, y)


def test_an_infinite_pixel_stays_where_it_is():
    x = np.zeros((1, 1, 5))
    x[0, 0, 2] = np.inf
    assert np.isinf(Upsample(scale_factor=2).forward(x)).ravel().nonzero()[0].tolist() == [4, 5]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ValueError, "needs either size or scale_factor, got None and None"),
        ({"size": 2, "scale_factor": 2}, ValueError, "needs either size or scale_factor"),
        ({"size": 0}, ValueError, "needs size >= 1, got 0"),
        ({"size": (2, 2.5)}, TypeError, "expected size to be an int"),
        ({"scale_factor": 0}, ValueError, "needs scale_factor > 0"),
        ({"scale_factor": "2"}, TypeError, "expected scale_factor to be a number"),
        ({"size": 2, "mode": "cubic"}, ValueError, "expected mode to be one of 'nearest', 'linear', 'bilinear'"),
        ({"size": 2, "align_corners": False}, ValueError, "align_corners for the modes linear"),
        ({"size": (2,), "mode": "bilinear"}, ValueError, r"mode 'bilinear' expected one number or 2, got \(2,\)"),
        ({"size": [2, 2]}, TypeError, "expected size to be an int"),
        ({"size": (2, 2, 2, 2)}, ValueError, "expected one number or 1, 2 or 3"),
        ({"size": ()}, ValueError, "expected one number or 1, 2 or 3"),
    ],
)
def test_options_that_are_none(options, error, message):
    with pytest.raises(error, match=f"^Upsample.*{message}"):
        Upsample(**options)


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"expected one of the shapes \(N, C, L\), \(N, C, H, W\), \(N, C, D, H, W\)"):
        Upsample(2).forward(LINE[0])
    with pytest.raises(ValueError, match=r"expected shape \(N, C, H, W\) or \(C, H, W\), got \(1, 3\)"):
        Upsample(2, mode="bilinear").forward(LINE[0])
    with pytest.raises(ValueError, match="would make an image of 0x1 pixels from shape"):
        Upsample(scale_factor=0.2, mode="bilinear").forward(PHOTOS)
    with pytest.raises(TypeError, match="expected float32 or float64, got int64"):
        Upsample(2).forward(np.zeros((1, 1, 2), np.int64))
