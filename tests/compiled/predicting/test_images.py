"""Image layers that are done in runs, for one image, compute what they compute by themselves."""

import numpy as np
import pytest

import minnet as mn

pytest.importorskip("numba", reason="the extra compiled is not installed")
from minnet.compiled.predicting.images import image_run

pytestmark = pytest.mark.slow
TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}


def seen(norm):
    """Return a BatchNorm with statistics and weights that are not the first ones."""
    rng, count = np.random.default_rng(5), norm.num_features
    norm.running_mean.data, norm.running_var.data = rng.normal(size=count), rng.uniform(0.5, 2, count)
    if norm.weight is not None:
        norm.weight.data, norm.bias.data = rng.normal(size=count), rng.normal(size=count)
    return norm


def image(shape, dtype=np.float32):
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


def convolution(*sizes, **options):
    return mn.Conv2d(*sizes, **options, rng=0)


RUNS = {  # the layers, which are one run, and the shape of an image
    "plain": (lambda: [convolution(3, 5, 3)], (3, 7, 6)),
    "borders": (lambda: [convolution(3, 5, 3, padding=1), mn.ReLU()], (3, 7, 6)),
    "same": (lambda: [convolution(1, 2, (4, 2), padding="same")], (1, 7, 6)),
    "strides": (lambda: [convolution(2, 3, (3, 5), stride=(2, 3), padding=(1, 2)), mn.Tanh()], (2, 11, 13)),
    "stride larger than the window": (lambda: [convolution(2, 3, 2, stride=3)], (2, 11, 12)),
    "dilation": (lambda: [convolution(2, 3, 3, dilation=(2, 3), padding=2), mn.Sigmoid()], (2, 9, 11)),
    "dilation and stride": (lambda: [convolution(2, 3, 3, stride=2, dilation=3, padding=3)], (2, 9, 11)),
    "groups": (lambda: [convolution(4, 6, 3, groups=2, padding=1), mn.ReLU()], (4, 6, 5)),
    "depthwise": (lambda: [convolution(3, 3, 3, groups=3, stride=2)], (3, 6, 5)),
    "one pixel": (lambda: [convolution(3, 5, 1, bias=False)], (3, 4, 5)),
    "one pixel, stride": (lambda: [convolution(3, 5, 1, stride=2)], (3, 4, 5)),
    "norm": (lambda: [convolution(3, 5, 3, padding=1), seen(mn.BatchNorm2d(5)), mn.ReLU()], (3, 7, 6)),
    "norm, groups": (lambda: [convolution(4, 6, 3, groups=2, bias=False), seen(mn.BatchNorm2d(6))], (4, 6, 5)),
    "plain norm": (lambda: [convolution(3, 5, 3), seen(mn.BatchNorm2d(5, affine=False)), mn.MaxPool2d(2)], (3, 7, 6)),
    "pooling": (lambda: [convolution(3, 5, 3, padding=1), mn.ReLU(), mn.MaxPool2d(2)], (3, 7, 6)),
    "pooling first": (lambda: [convolution(3, 5, 3), mn.MaxPool2d(3, 2, padding=1), mn.Sigmoid()], (3, 9, 8)),
    "pooling, ceil": (lambda: [convolution(3, 5, 3), mn.MaxPool2d((2, 3), ceil_mode=True)], (3, 9, 10)),
    "means": (lambda: [convolution(3, 5, 3), mn.Tanh(), mn.AvgPool2d(2)], (3, 9, 8)),
    "means, borders": (lambda: [convolution(3, 5, 3), mn.AvgPool2d(3, 2, padding=1, ceil_mode=True)], (3, 9, 8)),
    "means, pixels only": (lambda: [mn.ReLU(), mn.AvgPool2d(3, 2, 1, count_include_pad=False)], (3, 9, 8)),
    "means, divisor": (lambda: [mn.AvgPool2d((2, 1), divisor_override=7)], (3, 9, 8)),
    "only pooling": (lambda: [mn.MaxPool2d(2)], (3, 6, 6)),
    "signals": (lambda: [mn.Conv1d(3, 4, 5, stride=2, padding=2, rng=0), seen(mn.BatchNorm1d(4)), mn.ReLU()], (3, 15)),
    "signals, pooling": (lambda: [mn.Conv1d(3, 4, 5, rng=0), mn.ReLU(), mn.MaxPool1d(3, 2, padding=1)], (3, 15)),
    "signals, means": (lambda: [mn.Conv1d(3, 4, 3, dilation=2, rng=0), mn.AvgPool1d(3, 2, 1, True, False)], (3, 14)),
    "many multiplications": (lambda: [convolution(32, 64, 3, padding=1), mn.MaxPool2d(2)], (32, 16, 16)),
    "some multiplications": (lambda: [convolution(16, 32, 3, padding=1)], (16, 14, 14)),
}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("alone", [False, True])
def test_a_run_computes_what_its_layers_do(name, dtype, alone):
    make, shape = RUNS[name]
    layers = [layer.astype(dtype).eval() for layer in make()]
    alone = alone and not any("Norm" in type(layer).__name__ for layer in layers)  # which needs the axis of the batch
    run = image_run(layers)
    if dtype == np.float64 and any(isinstance(layer, mn.Tanh | mn.Sigmoid) for layer in layers):
        assert run is None or run.length < len(layers)  # these are compiled for float32 only
        return
    x = image(shape if alone else (1, *shape), dtype)
    expected = x
    for layer in layers:
        expected = layer.forward(expected)
    assert run is not None
    assert run.length == len(layers)
    y = run.call_for(x.shape, expected.shape, x.dtype)(x)
    assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(y, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["pooling", "pooling, ceil", "means", "norm", "only pooling"])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_numbers_that_are_none_or_infinite(name, value):
    make, shape = RUNS[name]
    layers, x = [layer.eval() for layer in make()], image((1, *shape))
    x[0, 1, 2, 3] = value
    expected = x
    for layer in layers:
        expected = layer.forward(expected)
    y = image_run(layers).call_for(x.shape, expected.shape, x.dtype)(x)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_several_images_are_for_the_layers_themselves():
    run = image_run([convolution(1, 2, 3)])
    assert run.call_for((2, 1, 5, 5), (2, 2, 3, 3), np.dtype(np.float32)) is None
    assert run.call_for((0, 1, 5, 5), (0, 2, 3, 3), np.dtype(np.float32)) is None


class Doubled(mn.Conv2d):
    """A class of a user's own."""


def constant(norm):
    norm.running_var.data[0] = np.inf
    return norm


def patched(layer):
    layer.forward = lambda x: x
    return layer


@pytest.mark.parametrize(
    ("make", "length"),
    [
        (lambda: [Doubled(1, 2, 3)], 0),
        (lambda: [patched(convolution(1, 2, 3))], 0),
        (lambda: [convolution(1, 2, 3, padding=1, padding_mode="reflect")], 0),
        (lambda: [mn.ReLU()], 0),
        (lambda: [mn.MaxPool2d(2, dilation=2)], 0),
        (lambda: [convolution(1, 2, 3), mn.BatchNorm2d(2, track_running_stats=False)], 1),
        (lambda: [convolution(1, 2, 3), constant(mn.BatchNorm2d(2))], 1),
        (lambda: [convolution(1, 2, 3), mn.BatchNorm2d(2).astype(np.float64)], 1),
        (lambda: [convolution(1, 2, 3), mn.GELU(), mn.MaxPool2d(2)], 1),
        (lambda: [convolution(1, 2, 3), mn.AvgPool2d(2), mn.ReLU()], 2),
        (lambda: [convolution(1, 2, 3), patched(mn.ReLU())], 1),
        (lambda: [convolution(1, 2, 3), mn.ReLU(), mn.ReLU()], 2),
    ],
)
def test_a_run_ends_at_what_it_does_not_know(make, length):
    run = image_run(make())
    assert (run.length if run else 0) == length
