"""Twins of average pooling: windows are added up and divided in one pass."""

from typing import Any

import numpy as np

from minnet.compiled.foundation.flat import image_rows
from minnet.compiled.foundation.numba_code import compiled
from minnet.compiled.twins.pooling import Steps, fits, steps_of
from minnet.core.arrays import Array
from minnet.layers.images.average_pooling import _AvgPool
from minnet.layers.images.windows import batch_first, batch_last


@compiled
def mean(x: Array, rows: Steps, columns: Steps, samples: int, divisor: Array, y: Array) -> None:
    """See `AvgPool2d`: x (C, H, W·N), y (C, H′, W′·N), and the divisors (H′, W′)."""
    height, width = divisor.shape
    y[:] = 0
    for c in range(len(x)):
        for h in range(height):
            total = y[c, h]
            for i in range(rows[0]):
                row = x[c, h * rows[1] + i]
                for w in range(width):
                    window = total[w * samples : (w + 1) * samples]
                    for j in range(columns[0]):
                        at = (w * columns[1] + j) * samples
                        pixels = row[at : at + samples]
                        for n in range(samples):
                            window[n] += pixels[n]
            for w in range(width):
                window, number = total[w * samples : (w + 1) * samples], divisor[h, w]
                for n in range(samples):
                    window[n] /= number


@compiled
def spread(dy: Array, rows: Steps, columns: Steps, samples: int, divisor: Array, dx: Array) -> None:
    """See `AvgPool2d`: the arrays are those of `mean`."""
    height, width = divisor.shape
    each = np.empty(samples, dy.dtype)
    dx[:] = 0
    for c in range(len(dx)):
        for h in range(height):
            for w in range(width):
                given, number = dy[c, h][w * samples : (w + 1) * samples], divisor[h, w]
                for n in range(samples):
                    each[n] = given[n] / number
                for i in range(rows[0]):
                    row = dx[c, h * rows[1] + i]
                    for j in range(columns[0]):
                        at = (w * columns[1] + j) * samples
                        pixels = row[at : at + samples]
                        for n in range(samples):
                            pixels[n] += each[n]


def average_pool_forward(self: _AvgPool, x: Array) -> Array:
    """See `AvgPool2d.forward`."""
    if not fits(self, x):
        result: Array = formulas["forward"](self, x)
        return result
    windows, images, divisor = self._windows, batch_last(x, self.axes), self._divisor(x)
    grid, samples = windows.count(images.shape[1:-1]), images.shape[-1]
    y = np.empty((len(images), *grid, samples), x.dtype)
    rows, columns = steps_of(windows)
    mean(image_rows(windows.pad(images)), rows, columns, samples, _divisors(divisor, grid), image_rows(y))
    self.cache = (divisor, x.shape)
    return batch_first(y, x.shape)


def average_pool_backward(self: _AvgPool, dy: Array) -> Array:
    """See `AvgPool2d.backward`."""
    if not fits(self, dy):
        result: Array = formulas["backward"](self, dy)
        return result
    divisor, shape = self.cache
    windows, given = self._windows, batch_last(dy, self.axes)
    size, grid, samples = shape[-self.axes :], given.shape[1:-1], given.shape[-1]
    dx = np.empty((len(given), *windows._padded(size), samples), dy.dtype)
    rows, columns = steps_of(windows)
    spread(image_rows(given), rows, columns, samples, _divisors(divisor, grid), image_rows(dx))
    return batch_first(dx[windows.inside(size)], shape)


def _divisors(divisor: Array | int, grid: tuple[int, ...]) -> Array:
    """Return what the sum of each window is divided by, (H′, W′); a signal is one row."""
    numbers = np.broadcast_to(np.asarray(divisor, np.float32), (*grid, 1))
    return np.ascontiguousarray(numbers).reshape(-1, grid[-1])


formulas: Any = {name: getattr(_AvgPool, name).formula for name in ("forward", "backward")}
TWINS = {formulas["forward"]: average_pool_forward, formulas["backward"]: average_pool_backward}
