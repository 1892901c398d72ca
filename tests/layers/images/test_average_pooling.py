"""AvgPool1d, 2d and 3d: the mean of each window."""

import numpy as np
import pytest

from minnet.layers.images.average_pooling import AvgPool1d, AvgPool2d, AvgPool3d

IMAGE = np.array([[[[1.0, 5, 2, 0, 9], [3, 4, 7, 0, 9], [0, 0, -1, -2, 9], [0, 0, -3, -4, 9]]]])
IMAGE.flags.writeable = False


def test_mean_by_hand():
    np.testing.assert_array_equal(AvgPool2d(2).forward(IMAGE), [[[[3.25, 2.25], [0, -2.5]]]])


def test_mean_backward_by_hand():
    layer = AvgPool2d((1, 2), stride=1)
    layer.forward(np.array([[[[1.0, 2, 3]]]]))
    np.testing.assert_array_equal(layer.backward(np.array([[[[2.0, 4]]]])), [[[[1, 3, 2]]]])


@pytest.mark.parametrize(("include", "corner", "edge"), [(True, 1, 2), (False, 4, 4)])
def test_zeros_around_count_or_do_not(include, corner, edge):
    y = AvgPool2d(2, 1, 1, count_include_pad=include).forward(np.full((1, 1, 2, 2), 4.0))
    np.testing.assert_array_equal(y, [[[[corner, edge, corner], [edge, 4, edge], [corner, edge, corner]]]])


@pytest.mark.parametrize(("include", "means"), [(True, [2, 4, 2]), (False, [4, 4, 4])])
def test_what_is_beyond_the_padding_never_counts(include, means):
    layer = AvgPool1d(2, 2, 1, ceil_mode=True, count_include_pad=include)
    assert layer.forward(np.full((1, 1, 4), 4.0)).tolist() == [[means]]
    assert AvgPool1d(4, ceil_mode=True).forward(np.full((1, 1, 5), 4.0)).tolist() == [[[4, 4]]]


def test_the_divisor_may_be_given():
    layer = AvgPool2d(2, divisor_override=1)
    np.testing.assert_array_equal(layer.forward(IMAGE), [[[[13, 9], [0, -10]]]])
    np.testing.assert_array_equal(layer.backward(np.ones((1, 1, 2, 2)))[..., :4], np.ones((1, 1, 4, 4)))
    for wrong, error in ((0, ValueError), (1.5, TypeError)):
        with pytest.raises(error, match=r"AvgPool2d .*divisor_override"):
            AvgPool2d(2, divisor_override=wrong)


def test_float32_stays_float32():
    x = np.ones((1, 1, 3, 3, 3), np.float32)
    for layer in (AvgPool3d(2, ceil_mode=True), AvgPool3d(2, padding=1, count_include_pad=False)):
        y = layer.forward(x)
        assert y.dtype == layer.backward(y).dtype == np.float32
        np.testing.assert_array_equal(y, np.ones((1, 1, 2, 2, 2)))
