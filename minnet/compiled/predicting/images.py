"""A run of image layers, for one image: a convolution, and the BatchNorm, the activation and the pooling after it.

Compiled code copies the convolution's windows, NumPy multiplies, and one more call of compiled code does the rest. In
eval mode, BatchNorm multiplies each channel by a number and adds another one, so both are put into the convolution's
weights. Signals (C, L) are images (C, 1, L).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minnet.compiled.foundation.blas import address
from minnet.compiled.foundation.kernels import RELU, SIGMOID, TANH
from minnet.compiled.predicting import kernels
from minnet.compiled.predicting.runs import Call, Shape, dtype_of, is_plain, ready
from minnet.core.arrays import Array
from minnet.core.layer import Layer
from minnet.layers import (
    AvgPool1d,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv1d,
    Conv2d,
    MaxPool1d,
    MaxPool2d,
    ReLU,
    Sigmoid,
    Tanh,
)
from minnet.layers.images.convolution import Kernels
from minnet.layers.images.pooling import Pooling
from minnet.layers.images.windows import Windows
from minnet.layers.normalization.batch_norm import ChannelNorm

CONVOLUTIONS, NORMS = (Conv1d, Conv2d), (BatchNorm1d, BatchNorm2d)
LARGEST, MEANS = (MaxPool1d, MaxPool2d), (AvgPool1d, AvgPool2d)
# OpenBLAS does a product of so many multiplications on one thread. Its other threads, which sleep between two products,
# take 60 µs to wake up: that is more than they save, unless there are many more.
ONE_THREAD, MANY = 2**19 - 1, 2_000_000
ACTIVATIONS: dict[type[Layer], int] = {ReLU: RELU, Tanh: TANH, Sigmoid: SIGMOID}


class Convolution:
    """The convolution of a run: from an image (C, H, W) to rows (O, P), whose numbers lie as `kernels` says."""

    def __init__(self, layer: Any, norm: ChannelNorm | None) -> None:
        w, bias, outputs, self._windows = layer.weight.data, layer.bias, layer.out_channels, layer._windows
        matrix = layer._matrix().swapaxes(1, 2).astype(np.float64)  # (G, O/G, I/G·K)
        biases = np.zeros(outputs) if bias is None else bias.data.astype(np.float64)
        if norm is not None:
            factor, term = scale_and_shift(norm)
            matrix *= factor.reshape(layer.groups, -1, 1)
            biases = biases * factor + term
        self._matrices = np.ascontiguousarray(matrix, w.dtype)
        self.biases = biases.astype(w.dtype)

    def plan(self, image: Shape) -> tuple[Call, int, Shape]:
        """Return what maps an image of that shape to rows, how far apart the rows of y are in these, and y's (H, W)."""
        windows = in_two_axes(self._windows)
        (height, width), (s, t), (k, m) = image[1:], windows.stride, windows.kernel
        after = windows.count((height, width))
        padded = [n + sum(border) for n, border in zip((height, width), windows.padding, strict=True)]
        rows, columns = -(-padded[0] // s), -(-padded[1] // t)
        c, *places = np.indices((image[0], k, m)).reshape(3, -1)
        i, j = (place * d for place, d in zip(places, windows.dilation, strict=True))
        begins = (((c * s + i % s) * t + j % t) * rows + i // s) * columns + j // t
        length = (after[0] - 1) * columns + after[1]
        around = (windows.padding[0][0], windows.padding[1][0], s, t, rows, columns)
        blas, matrices, most = address(self.biases.dtype), self._matrices, self._most(length)

        def products(x: Array) -> Array:
            y = np.empty((len(self.biases), length), x.dtype)
            kernels.convolve(blas, x, around, begins, matrices, most, y)
            return y

        return products, columns, after

    def _most(self, length: int) -> int:
        """Return how many columns to multiply at a time."""
        each = math.prod(self._matrices.shape[1:])
        most = ONE_THREAD // each
        return length if length * each > MANY or most < 8 else min(most, length)


class ImageRun:
    """Layers that are done together for one image, (1, C, H, W) or (C, H, W)."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.length = len(layers)
        self.dtype = dtype_of(layers)
        first = layers[0]
        norm = next((layer for layer in layers if isinstance(layer, ChannelNorm)), None)
        self._convolution = Convolution(first, norm) if isinstance(first, Kernels) else None
        self._activation = next((ACTIVATIONS[type(layer)] for layer in layers if type(layer) in ACTIVATIONS), 0)
        self._pooling = next((layer for layer in layers if isinstance(layer, Pooling)), None)
        self._axes = next(layer.axes for layer in layers if isinstance(layer, Kernels | Pooling))

    def call_for(self, x: Shape, y: Shape, dtype: "np.dtype[Any]") -> Call | None:
        """Return the calls of compiled code for one image; None for several, which the layers do as fast."""
        image, ones = x[-self._axes - 1 :], (1,) * (2 - self._axes)
        if math.prod(x) != math.prod(image) or not math.prod(y) or (self.dtype or dtype) != dtype:
            return None
        image, out = (image[0], *ones, *image[1:]), (y[-self._axes - 1], *ones, *y[-self._axes :])
        rows: Call | None = None
        row, size, biases = image[2], image[1:], np.zeros(image[0], dtype)
        if self._convolution is not None:
            rows, row, size = self._convolution.plan(image)
            biases = self._convolution.biases
        finish = self._finish(out, row, size, biases)

        def call(x: Array) -> Array:
            x = ready(x, image)
            return finish(x.reshape(out[0], -1) if rows is None else rows(x)).reshape(y)

        return call

    def _finish(self, out: Shape, row: int, size: Shape, biases: Array) -> Call:
        """Return what makes images of that shape of the rows of a convolution, whose images are of that size."""
        pooling: Any = self._pooling
        activation = self._activation
        if pooling is None:

            def finish(rows: Array) -> Array:
                kernels.images(rows, row, biases, activation, y := np.empty(out, rows.dtype))
                return y

            return finish
        windows = in_two_axes(pooling._windows)
        layout = np.array([*windows.kernel, *windows.stride, *(before for before, _ in windows.padding)])
        if isinstance(pooling, LARGEST):
            sizes = np.array(size)

            def finish_largest(rows: Array) -> Array:
                kernels.largest(rows, row, sizes, layout, biases, activation, y := np.empty(out, rows.dtype))
                return y

            return finish_largest
        divisors = pooling._divisor(np.empty((1, *size[2 - self._axes :]), biases.dtype))
        divisors = np.broadcast_to(np.asarray(divisors, biases.dtype).reshape(-1), (out[1] * out[2],))
        divisors = np.array(divisors.reshape(out[1:]))

        def finish_means(rows: Array) -> Array:
            kernels.images(rows, row, biases, activation, images := np.empty((out[0], *size), rows.dtype))
            kernels.means(images, layout, divisors, y := np.empty(out, rows.dtype))
            return y

        return finish_means

    def warm(self) -> None:
        """Have the code compiled."""
        image = np.zeros((1, 2, 2), self.dtype or np.float32)
        ones, zeros, y = np.ones(6, np.int64), np.zeros(1, image.dtype), np.zeros((1, 1, 1), image.dtype)
        if self._convolution is not None:
            blas = address(image.dtype)
            kernels.convolve(blas, image, (1, 1, 1, 1, 4, 4), ones[:1], y, 1, y[0])
        if self._pooling is None or isinstance(self._pooling, MEANS):
            kernels.images(image[0], 1, zeros, 0, y)
        if isinstance(self._pooling, MEANS):
            kernels.means(image, ones, y[0], y)
        elif self._pooling is not None:
            kernels.largest(image[0], 1, ones[:2], ones, zeros, 0, y)


def image_run(layers: Sequence[Layer]) -> ImageRun | None:
    """Return the run that begins with the first of these layers, if there is one.

    It is a convolution, and then BatchNorm, an activation and a pooling, or some of them; or a pooling, or an
    activation and a pooling. An activation after a max-pooling gives the same as one before it.
    """
    length = 0

    def takes(kinds: tuple[type[Layer], ...], fits: Any = lambda layer: True) -> bool:
        nonlocal length
        taken = length < len(layers) and is_plain(layers[length], kinds) and bool(fits(layers[length]))
        length += taken
        return taken

    convolution = takes(CONVOLUTIONS, _is_usual)
    if convolution:
        takes(NORMS, lambda norm: _is_constant(norm, layers[0]))
    activated = takes(tuple(ACTIVATIONS), lambda layer: _is_fast(layer, layers[:length]))
    largest = takes(LARGEST, lambda layer: max(layer._windows.dilation) == 1)
    pooled = largest or takes(MEANS)
    if largest and not activated:
        takes(tuple(ACTIVATIONS), lambda layer: _is_fast(layer, layers[:length]))
    return ImageRun(layers[:length]) if convolution or pooled else None


def _is_usual(layer: Any) -> bool:
    """Whether a convolution's weights are as it made them, and what it adds around images is zeros."""
    shape = (layer.in_channels // layer.groups, layer.out_channels, *layer._windows.kernel)
    usual = layer.weight.data.shape == shape and layer._windows.mode == "constant" and dtype_of([layer]) is not None
    return usual and (layer.bias is None or layer.bias.data.shape == (layer.out_channels,))


def _is_constant(norm: Any, before: Any) -> bool:
    """Whether a BatchNorm does the same to each image, and it is one that can be put into the weights before it."""
    if norm.running_var is None or norm.num_features != before.out_channels or dtype_of([norm, before]) is None:
        return False
    return len(norm.running_var.data) == norm.num_features and bool(np.isfinite(norm.running_var.data).all())


def _is_fast(activation: Layer, before: Sequence[Layer]) -> bool:
    """Whether compiled code has the activation: Tanh and Sigmoid in float32 only."""
    return type(activation) is ReLU or dtype_of(before) == np.float32


def in_two_axes(windows: Windows) -> Windows:
    """Return windows of signals as windows of images of one row."""
    if len(windows.kernel) == 2:
        return windows
    (k,), (s,), (around,), (d,) = windows.kernel, windows.stride, windows.padding, windows.dilation
    return Windows((1, k), (1, s), ((0, 0), around), (1, d), windows.ceil, windows.mode)


def scale_and_shift(norm: ChannelNorm) -> tuple[Array, Array]:
    """Return what BatchNorm in eval mode multiplies each channel by, and what it adds, in float64."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    factor = 1 / np.sqrt(norm.running_var.data.astype(np.float64) + norm.eps)
    if norm.weight is not None:
        factor = factor * norm.weight.data
    term = -norm.running_mean.data * factor
    return factor, term if norm.bias is None else term + norm.bias.data
