"""The twins of max-pooling against their formulas: equal numbers, NaN, windows that overlap or leave gaps."""

import numpy as np
import pytest

import minnet as mn

pooling = pytest.importorskip("minnet.compiled.twins.pooling", exc_type=ImportError)

LAYERS = {
    "halves": (lambda: mn.MaxPool2d(2), (9, 3, 8, 8)),
    "overlapping": (lambda: mn.MaxPool2d(3, 2, 1), (5, 3, 9, 8)),
    "gaps": (lambda: mn.MaxPool2d(2, 3), (3, 2, 11, 12)),
    "two axes that differ": (lambda: mn.MaxPool2d((2, 3), (3, 1), (1, 0), (1, 2)), (4, 2, 9, 11)),
    "one more window": (lambda: mn.MaxPool2d(2, ceil_mode=True), (4, 2, 7, 7)),
    "rows only": (lambda: mn.MaxPool2d((1, 2)), (4, 2, 6, 6)),
    "columns only": (lambda: mn.MaxPool2d((2, 1)), (4, 2, 6, 6)),
    "one pixel": (lambda: mn.MaxPool2d(1), (4, 2, 5, 5)),
    "signal": (lambda: mn.MaxPool1d(3, 2), (4, 2, 9)),
    "volume": (lambda: mn.MaxPool3d(2), (2, 2, 4, 4, 4)),
    "one image": (lambda: mn.MaxPool2d(2), (2, 4, 4)),
    "no image": (lambda: mn.MaxPool2d(2), (0, 2, 6, 6)),
}


@pytest.mark.parametrize("numbers", ["any", "equal", "not finite"])
@pytest.mark.parametrize("name", LAYERS)
def test_is_the_formula(name, numbers):
    make, shape = LAYERS[name]
    layer, twin = make(), make()
    random = np.random.default_rng(0)
    x = random.standard_normal(shape, dtype=np.float32)
    if numbers != "any":
        x = np.maximum(np.round(x), 0)
    if numbers == "not finite" and x.size:
        flat = x.reshape(-1)
        flat[::7], flat[3::11], flat[5::13] = np.nan, -np.inf, np.inf
    y, of_twin = layer.forward(x), pooling.max_pool_forward(twin, x)
    np.testing.assert_array_equal(of_twin, y)
    assert not y.size or of_twin.strides == y.strides
    for step, expected in zip(twin.cache[0], layer.cache[0], strict=True):
        assert (step[0], step[2]) == (expected[0], expected[2])
        for mask, its in zip(step[1], expected[1], strict=True):
            np.testing.assert_array_equal(mask, its)
    dy = random.standard_normal(y.shape, dtype=np.float32)
    dx = layer.backward(dy)
    np.testing.assert_allclose(pooling.max_pool_backward(twin, dy), dx, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(pooling.max_pool_backward(layer, dy), dx, rtol=1e-6, atol=1e-6)  # what the formula kept


def test_nan_is_the_largest_in_eval_mode_too():
    layer, x = mn.MaxPool2d(2).eval(), np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    x[0, 0, 0, 0] = x[0, 0, 3, 3] = np.nan
    np.testing.assert_array_equal(pooling.max_pool_forward(layer, x), [[[[np.nan, 7], [13, np.nan]]]])


def test_numbers_of_float64_are_left_to_the_formula():
    layer, x = mn.MaxPool2d(2), np.random.default_rng(0).standard_normal((4, 2, 6, 6))
    assert pooling.max_pool_forward(layer, x).dtype == np.float64
