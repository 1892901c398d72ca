"""The twins of average pooling against their formulas: borders, gaps, divisors, signals."""

import numpy as np
import pytest

import minnet as mn

average_pooling = pytest.importorskip("minnet.compiled.twins.average_pooling", exc_type=ImportError)

AVERAGES = {
    "halves": (lambda: mn.AvgPool2d(2), (9, 3, 8, 8)),
    "overlapping": (lambda: mn.AvgPool2d(3, 2, 1), (5, 3, 9, 8)),
    "gaps": (lambda: mn.AvgPool2d((1, 2), (2, 3)), (3, 2, 11, 12)),
    "pixels only": (lambda: mn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), (4, 2, 8, 8)),
    "a divisor": (lambda: mn.AvgPool2d(2, divisor_override=3), (4, 2, 6, 6)),
    "signal": (lambda: mn.AvgPool1d(3, 2, 1), (4, 2, 9)),
    "volume": (lambda: mn.AvgPool3d(2), (2, 2, 4, 4, 4)),
    "one image": (lambda: mn.AvgPool2d(2), (2, 4, 4)),
    "no image": (lambda: mn.AvgPool2d(2), (0, 2, 6, 6)),
}


@pytest.mark.parametrize("name", AVERAGES)
def test_is_the_formula(name):
    make, shape = AVERAGES[name]
    layer, twin = make(), make()
    random = np.random.default_rng(0)
    x = random.standard_normal(shape, dtype=np.float32)
    y, of_twin = layer.forward(x), average_pooling.average_pool_forward(twin, x)
    np.testing.assert_allclose(of_twin, y, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(twin.cache[0], layer.cache[0])
    dy = random.standard_normal(y.shape, dtype=np.float32)
    dx = layer.backward(dy)
    np.testing.assert_allclose(average_pooling.average_pool_backward(twin, dy), dx, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(average_pooling.average_pool_backward(layer, dy), dx, rtol=1e-5, atol=1e-6)
