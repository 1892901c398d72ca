"""PixelShuffle, PixelUnshuffle and ChannelShuffle: the same numbers in other places."""

import numpy as np
import pytest

from minnet.inspection.gradcheck import check_layer
from minnet.layers.images.shuffling import ChannelShuffle, PixelShuffle, PixelUnshuffle


def test_pixel_shuffle_by_the_formula():
    r, x = 2, np.random.default_rng(0).normal(size=(2, 12, 2, 3))
    y = PixelShuffle(r).forward(x)
    assert y.shape == (2, 3, 4, 6)
    for c, i, j in np.ndindex(3, r, r):
        np.testing.assert_array_equal(y[:, c, i::r, j::r], x[:, c * r * r + i * r + j])
    np.testing.assert_array_equal(PixelUnshuffle(r).forward(y), x)


def test_channel_shuffle_by_the_formula():
    x = np.random.default_rng(0).normal(size=(2, 6, 2, 3))
    y = ChannelShuffle(3).forward(x)
    for g, k in np.ndindex(3, 2):
        np.testing.assert_array_equal(y[:, k * 3 + g], x[:, g * 2 + k])


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (PixelShuffle(2), (3, 8, 2, 3)),
        (PixelUnshuffle(3), (3, 2, 3, 6)),
        (ChannelShuffle(2), (3, 4, 2, 3)),
        (ChannelShuffle(1), (3, 4, 5)),
        (PixelShuffle(1), (3, 1, 2, 2)),
    ],
    ids=repr,
)
def test_every_promise_is_kept(layer, shape):
    x = np.random.default_rng(1).normal(size=shape)
    assert check_layer(layer, x)
    y = layer.forward(x)
    np.testing.assert_array_equal(layer.backward(y), x)
    assert np.moveaxis(y, 0, -1).flags.c_contiguous
    if not isinstance(layer, ChannelShuffle):
        np.testing.assert_array_equal(layer.forward(x[0]), y[0])


def test_what_is_refused():
    x = np.zeros((2, 6, 3, 4))
    with pytest.raises(ValueError, match=r"PixelShuffle\(2\) expected a multiple of 4 channels, got 6 in shape"):
        PixelShuffle(2).forward(x)
    with pytest.raises(ValueError, match=r"PixelUnshuffle\(2\) expected a height and a width that 2 divides, got 3x4"):
        PixelUnshuffle(2).forward(x)
    with pytest.raises(ValueError, match=r"ChannelShuffle\(4\) expected shape \(N, C, ...\) with a C that 4 divides"):
        ChannelShuffle(4).forward(x)
    with pytest.raises(ValueError, match="ChannelShuffle"):
        ChannelShuffle(2).forward(x[:, :, 0, 0])
    for kind in (PixelShuffle, PixelUnshuffle, ChannelShuffle):
        with pytest.raises(ValueError, match=f"{kind.__name__} needs .* >= 1, got 0"):
            kind(0)
