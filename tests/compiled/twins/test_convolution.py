"""The twins of convolutions against their formulas: strides, borders, dilation, groups, signals, and nothing at all."""

import numpy as np
import pytest

import minnet as mn

convolution = pytest.importorskip("minnet.compiled.twins.convolution", exc_type=ImportError)

LAYERS = {
    "one channel": (lambda: mn.Conv2d(1, 8, 3, padding=1, rng=0), (20, 1, 12, 12)),
    "channels": (lambda: mn.Conv2d(3, 5, (3, 2), stride=(2, 3), padding=(1, 2), dilation=(2, 1), rng=0), (5, 3, 9, 11)),
    "groups": (lambda: mn.Conv2d(4, 6, 5, padding=2, groups=2, bias=False, rng=0), (3, 4, 7, 7)),
    "depthwise": (lambda: mn.Conv2d(4, 4, 3, groups=4, rng=0), (3, 4, 7, 7)),
    "reflected": (lambda: mn.Conv2d(2, 3, 3, padding="same", padding_mode="reflect", rng=0), (3, 2, 5, 6)),
    "circular": (lambda: mn.Conv2d(2, 3, 3, stride=2, padding=(1, 2), padding_mode="circular", rng=0), (3, 2, 5, 6)),
    "all in the padding": (lambda: mn.Conv2d(2, 3, 2, padding=8, dilation=8, rng=0), (3, 2, 4, 4)),
    "pixels in no window": (lambda: mn.Conv2d(2, 3, 2, stride=4, rng=0), (3, 2, 12, 11)),
    "signal": (lambda: mn.Conv1d(2, 3, 4, stride=2, rng=0), (6, 2, 19)),
    "signal with a border": (lambda: mn.Conv1d(2, 3, 4, padding="same", padding_mode="replicate", rng=0), (6, 2, 19)),
    "one image": (lambda: mn.Conv2d(2, 3, 3, rng=0), (2, 6, 7)),
    "no image": (lambda: mn.Conv2d(2, 3, 3, rng=0), (0, 2, 6, 7)),
    "one pixel": (lambda: mn.Conv2d(2, 3, 1, rng=0), (4, 2, 6, 7)),
    "volume": (lambda: mn.Conv3d(2, 3, 2, rng=0), (2, 2, 4, 4, 4)),
}


@pytest.mark.parametrize("band", [1, 400, 10**9])
@pytest.mark.parametrize("small", [1, 2_000, 10**9])
@pytest.mark.parametrize("name", LAYERS)
def test_is_the_formula(name, band, small, monkeypatch):
    """However many rows a band has, and however the sum over the windows is cut."""
    monkeypatch.setattr(convolution, "BAND", band)
    monkeypatch.setattr(convolution, "SMALL", small)
    make, shape = LAYERS[name]
    layer, twin = make(), make()
    random = np.random.default_rng(0)
    x = random.standard_normal(shape, dtype=np.float32)
    y, of_twin = layer.forward(x), convolution.convolution_forward(twin, x)
    assert_close(of_twin, y)
    assert not y.size or of_twin.strides == y.strides
    np.testing.assert_array_equal(twin.cache[0], layer.cache[0])
    assert twin.cache[1:] == layer.cache[1:]
    dy = random.standard_normal(y.shape, dtype=np.float32)
    dx = layer.backward(dy)
    assert_close(convolution.convolution_backward(twin, dy), dx)
    assert_close(convolution.convolution_backward(layer, dy), dx)  # what the formula kept
    layer.accumulate_grad(dy)
    convolution.convolution_accumulate_grad(twin, dy)
    convolution.convolution_accumulate_grad(twin, dy)
    for expected, parameter in zip(layer.parameters(), twin.parameters(), strict=True):
        assert_close(parameter.grad, expected.grad)


def assert_close(found, expected):
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=3e-6 * np.abs(expected).max(initial=1))


def test_numbers_of_float64_keep_their_digits():
    layer = mn.Conv2d(2, 3, 3, rng=0).astype(np.float64)
    x = np.random.default_rng(0).standard_normal((4, 2, 6, 6))
    assert np.array_equal(convolution.convolution_forward(layer, x), layer.forward(x))
