"""Twins of max-pooling: channel by channel, so that what is between the two steps stays in the processor's cache."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.compiled.foundation.numba_code import compiled
from minnet.core.arrays import Array
from minnet.layers.images.max_pooling import _MaxPool
from minnet.layers.images.pooling import Pooling
from minnet.layers.images.windows import Windows, batch_first, batch_last

Masks = NDArray[np.bool_]
Steps = tuple[int, int, int]  # kernel, stride and dilation along one axis


@compiled
def pool_row(x: Array, step: Steps, run: int, y: Array, larger: Masks, c: int, h: int) -> None:
    """Write the largest of each window along an axis, in runs; and to larger[:, c, h] whether each beat all before."""
    kernel, stride, dilation = step
    for w in range(len(y) // run):
        begin, at = w * run, w * stride * run
        target, source = y[begin : begin + run], x[at : at + run]
        for i in range(run):
            target[i] = source[i]
        for k in range(1, kernel):
            at += dilation * run
            other, mask = x[at : at + run], larger[k - 1, c, h][begin : begin + run]
            for i in range(run):
                before, number = target[i], other[i]
                mask[i] = number > before
                target[i] = before if before >= number or before != before else number  # NaN stays NaN


@compiled
def forward(
    x: Array, rows: Steps, columns: Steps, samples: int, over_rows: Masks, over_columns: Masks, y: Array
) -> bool:
    """See `MaxPool2d`: x (C, H, W·N), y (C, H′·W′·N); return whether all of y is finite.

    Windows are pooled along their rows, and then these. The masks are (k − 1, C, H, W′·N) and (k − 1, C, 1, H′·W′·N).
    """
    channels, height, _ = x.shape
    width, finite = over_columns.shape[3], True
    middle = np.empty(height * width, x.dtype)
    for c in range(channels):
        for h in range(height):
            pool_row(x[c, h], columns, samples, middle[h * width : (h + 1) * width], over_columns, c, h)
        pool_row(middle, rows, width, y[c], over_rows, c, 0)
        numbers = y[c]
        for i in range(len(numbers)):
            finite &= abs(numbers[i]) < np.inf
    return finite


@compiled
def give_row(dy: Array, larger: Masks, c: int, h: int, step: Steps, run: int, once: bool, dx: Array) -> None:
    """Undo `pool_row`: give dy, which is overwritten, to what was largest; `once` if each pixel is in one window."""
    kernel, stride, dilation = step
    zero = dy.dtype.type(0)
    for w in range(len(dy) // run):
        begin, at = w * run, (w * stride + (kernel - 1) * dilation) * run
        rest = dy[begin : begin + run]
        for k in range(kernel - 1, 0, -1):
            mask, pixels = larger[k - 1, c, h][begin : begin + run], dx[at : at + run]
            for i in range(run):
                taken = rest[i] if mask[i] else zero
                pixels[i] = taken if once else pixels[i] + taken
                rest[i] = zero if mask[i] else rest[i]
            at -= dilation * run
        pixels = dx[at : at + run]
        for i in range(run):
            pixels[i] = rest[i] if once else pixels[i] + rest[i]


@compiled
def backward(
    dy: Array, rows: Steps, columns: Steps, samples: int, over_rows: Masks, over_columns: Masks, once: bool, dx: Array
) -> None:
    """See `MaxPool2d`: the arrays are those of `forward`."""
    channels, height, _ = dx.shape
    width = over_columns.shape[3]
    middle, given = np.empty(height * width, dy.dtype), np.empty(dy.shape[1], dy.dtype)
    for c in range(channels):
        if not once:
            middle[:] = 0
            dx[c] = 0
        given[:] = dy[c]
        give_row(given, over_rows, c, 0, rows, width, once, middle)
        for h in range(height):
            give_row(middle[h * width : (h + 1) * width], over_columns, c, h, columns, samples, once, dx[c, h])


def fits(self: Pooling, x: Array) -> bool:
    """Whether the kernels are made for this layer and x: float32, and several signals or images."""
    return x.dtype == np.float32 and self.axes <= 2 and x.ndim == self.axes + 2 and len(x) > 1


def steps_of(windows: Windows) -> tuple[Steps, Steps]:
    """Return kernel, stride and dilation along the columns of an image, and along its rows; a signal is one row."""
    axes = list(zip(windows.kernel, windows.stride, windows.dilation, strict=True))
    return ((1, 1, 1), *axes)[-2], axes[-1]


def max_pool_forward(self: _MaxPool, x: Array) -> Array:
    """See `MaxPool2d.forward`."""
    if not fits(self, x):
        result: Array = formulas["forward"](self, x)
        return result
    windows, images = self._windows, batch_last(x, self.axes)
    grid, samples, channels = windows.count(images.shape[1:-1]), images.shape[-1], len(images)
    images = windows.pad(images, -np.inf)
    rows, columns = steps_of(windows)
    middle = (channels, *images.shape[1:-2], grid[-1], samples)
    shapes = [middle, (channels, *grid, samples)][: self.axes]
    masks = [np.empty((k - 1, *shape), bool) for k, shape in zip(reversed(windows.kernel), shapes, strict=True)]
    height, numbers = math.prod(images.shape[1:-2]), math.prod(grid) * samples
    y = np.empty((channels, numbers), x.dtype)
    over_columns = masks[0].reshape(len(masks[0]), channels, height, grid[-1] * samples)
    over_rows = masks[-1].reshape(len(masks[-1]), channels, 1, numbers) if self.axes == 2 else _none(channels, numbers)
    finite = forward(images.reshape(channels, height, -1), rows, columns, samples, over_rows, over_columns, y)
    if self.recording and not finite:
        exact: Array = formulas["forward"](self, x)
        return exact
    befores = [images.shape, middle]
    kept = [(step, list(m), before) for step, m, before in zip(self._steps, masks, befores, strict=False)]
    self.cache = (kept, x.shape)
    return batch_first(y.reshape(channels, *grid, samples), x.shape)


def _none(channels: int, numbers: int) -> Masks:
    """Return the masks of windows of one row: none."""
    return np.empty((0, channels, 1, numbers), bool)


def max_pool_backward(self: _MaxPool, dy: Array) -> Array:
    """See `MaxPool2d.backward`."""
    if not fits(self, dy):
        result: Array = formulas["backward"](self, dy)
        return result
    kept, shape = self.cache
    windows, given = self._windows, batch_last(dy, self.axes)
    channels, samples, padded = len(given), given.shape[-1], kept[0][2]
    rows, columns = steps_of(windows)
    height, numbers = math.prod(padded[1:-2]), math.prod(given.shape[1:])
    over_columns = _stacked(kept[0][1], (channels, height, given.shape[-2] * samples))
    over_rows = _stacked(kept[1][1], (channels, 1, numbers)) if self.axes == 2 else _none(channels, numbers)
    dx = np.empty(padded, dy.dtype)
    flat = dx.reshape(channels, height, math.prod(padded[-2:]))
    once = windows.tile(padded[1:-1])
    backward(given.reshape(channels, numbers), rows, columns, samples, over_rows, over_columns, once, flat)
    return batch_first(dx[windows.inside(shape[-self.axes :])], shape)


def _stacked(masks: list[Masks], shape: tuple[int, ...]) -> Masks:
    """Return masks as one array; a copy, if there are several."""
    if len(masks) == 1:
        return masks[0].reshape(1, *shape)
    return np.array(masks, bool).reshape(len(masks), *shape)


formulas: Any = {name: getattr(_MaxPool, name).formula for name in ("forward", "backward")}
TWINS = {
    formulas["forward"]: max_pool_forward,
    formulas["backward"]: max_pool_backward,
}
