"""Twins of convolutions: a few calls for each layer, which leave Python's lock to other threads.

Backward, the gradients of some rows of windows are computed, and added to the pixels they belong to while they are
still in the processor's cache. In NumPy, those of the whole batch go to memory and back in between.
"""

import math
from typing import Any

import numpy as np

from minnet.compiled.foundation.blas import address, gemm
from minnet.compiled.foundation.flat import image_rows
from minnet.compiled.foundation.numba_code import compiled
from minnet.core.arrays import Array
from minnet.layers.images.borders import Borders
from minnet.layers.images.convolution import _Convolution
from minnet.layers.images.sums import MOST_PARTS, SMALL
from minnet.layers.images.windows import Windows, batch_first, batch_last

BAND = 2**17  # numbers of a band of rows of windows, half a megabyte
Geometry = tuple[int, int, int, int, int, int, int, int]  # for rows, then for columns: see `_geometry`


@compiled
def span(at: int, stride: int, pixels: int, number: int) -> Any:
    """Return the first window that has a pixel, and the one after the last, if window w has pixel at + stride · w."""
    start = min(max(-(at // stride), 0), number)
    return start, max(start, min((pixels - 1 - at) // stride + 1, number))


@compiled
def copy_row(x: Array, samples: int, at: int, stride: int, windows: Array) -> None:
    """Write one place of the windows along a row x (W·N): pixel at + stride · w, or 0 beyond the image."""
    zero = x.dtype.type(0)
    start, stop = span(at, stride, len(x) // samples, len(windows) // samples)
    before, inside, after = (
        windows[: start * samples],
        windows[start * samples : stop * samples],
        windows[stop * samples :],
    )
    for i in range(len(before)):
        before[i] = zero
    for i in range(len(after)):
        after[i] = zero
    if stride == 1:
        pixels = x[(start + at) * samples : (stop + at) * samples]
        for i in range(len(inside)):
            inside[i] = pixels[i]
    else:
        for w in range(stop - start):
            pixels, window = x[(at + stride * (start + w)) * samples :], inside[w * samples :]
            for n in range(samples):
                window[n] = pixels[n]


@compiled
def add_row(windows: Array, samples: int, at: int, stride: int, x: Array) -> None:
    """Add one place of the windows to the pixels of a row x (W·N) that `copy_row` takes it from."""
    start, stop = span(at, stride, len(x) // samples, len(windows) // samples)
    inside = windows[start * samples : stop * samples]
    if stride == 1:
        pixels = x[(start + at) * samples : (stop + at) * samples]
        for i in range(len(inside)):
            pixels[i] += inside[i]
    else:
        for w in range(stop - start):
            pixels, window = x[(at + stride * (start + w)) * samples :], inside[w * samples :]
            for n in range(samples):
                pixels[n] += window[n]


@compiled
def forward(
    blas: int, x: Array, samples: int, matrix: Array, bias: Array, geometry: Geometry, columns: Array, y: Array
) -> None:
    """See `Conv2d`: x (I, H, W·N), matrix (G, I/G·K, O/G), columns (I·K, H′, W′·N), y (G, O/G, P)."""
    kh, kw, sh, sw, dh, dw, ph, pw = geometry
    groups, m, o = matrix.shape
    for k in range(len(columns)):
        c, i, j = k // (kh * kw), k // kw % kh, k % kw
        for h in range(columns.shape[1]):
            row = sh * h + dh * i - ph
            if 0 <= row < x.shape[1]:
                copy_row(x[c, row], samples, dw * j - pw, sw, columns[k, h])
            else:
                columns[k, h] = 0
    by_group = columns.reshape((groups, m, y.shape[2]))
    for g in range(groups):
        gemm(blas, matrix[g], True, by_group[g], False, y[g], 0.0)
        for r in range(o if len(bias) else 0):
            numbers, b = y[g, r], bias[g * o + r]
            for p in range(len(numbers)):
                numbers[p] += b


@compiled
def gradients(blas: int, columns: Array, dy: Array, part: int, dmatrix: Array, dbias: Array) -> None:
    """Write dL/dW and dL/db, given columns (G, I/G·K, P) and dy (G, O/G, P), from `part` of P at a time."""
    groups, o, length = dy.shape
    dmatrix[:] = 0
    for g in range(groups):
        for begin in range(0, length, part):
            end = min(begin + part, length)
            gemm(blas, columns[g][:, begin:end], False, dy[g][:, begin:end], True, dmatrix[g], 1.0)
        for r in range(o):
            s, numbers = dy.dtype.type(0), dy[g, r]
            for p in range(length):
                s += numbers[p]
            dbias[g * o + r] = s


@compiled
def scatter(blas: int, matrix: Array, dy: Array, samples: int, geometry: Geometry, buffer: Array, dx: Array) -> None:
    """Write dL/dx (I, H, W·N), given dy (G, O/G, H′, W′·N); the buffer (I/G·K, rows, W′·N) holds a band of rows."""
    kh, kw, sh, sw, dh, dw, ph, pw = geometry
    groups, o, height, width = dy.shape
    m, band, _ = buffer.shape
    flat_dy, flat_buffer = dy.reshape((groups, o, height * width)), buffer.reshape((m, band * width))
    dx[:] = 0
    for g in range(groups):
        for begin in range(0, height, band):
            end = min(begin + band, height)
            products = flat_buffer[:, : (end - begin) * width]
            gemm(blas, matrix[g], False, flat_dy[g][:, begin * width : end * width], False, products, 0.0)
            for k in range(m):
                c, i, j = g * (m // (kh * kw)) + k // (kh * kw), k // kw % kh, k % kw
                for h in range(begin, end):
                    row = sh * h + dh * i - ph
                    if 0 <= row < dx.shape[1]:
                        add_row(buffer[k, h - begin], samples, dw * j - pw, sw, dx[c, row])


def _fits(self: _Convolution, x: Array) -> bool:
    """Whether the kernels are made for this layer and x: float32, signals or images, windows of several pixels."""
    return x.dtype == np.float32 and self.axes <= 2 and self._windows.places > 1


def _geometry(windows: Windows) -> Geometry:
    """Return kernel, stride, dilation and padding before, each for rows and for columns; a signal is one row.

    Borders that are not of zeros are no padding here, because the images have them already.
    """
    axes = [(1, 1, 1, 0)] if len(windows.kernel) == 1 else []
    for kernel, stride, dilation, around in zip(
        windows.kernel, windows.stride, windows.dilation, windows.padding, strict=True
    ):
        axes.append((kernel, stride, dilation, around[0] if windows.mode == "constant" else 0))
    (kh, sh, dh, ph), (kw, sw, dw, pw) = axes
    return kh, kw, sh, sw, dh, dw, ph, pw


def convolution_forward(self: _Convolution, x: Array) -> Array:
    """See `Conv2d.forward`."""
    if not _fits(self, x):
        result: Array = formulas["forward"](self, x)
        return result
    images, windows = batch_last(x, self.axes), self._windows
    grid = (*windows.count(images.shape[1:-1]), images.shape[-1])
    if windows.mode != "constant":
        images = windows.pad(images)
    matrix = np.ascontiguousarray(self._matrix())
    groups, m, o = matrix.shape
    columns, y = np.empty((groups * m, *grid), x.dtype), np.empty((groups, o, math.prod(grid)), x.dtype)
    bias = np.empty(0, x.dtype) if self.bias is None else self.bias.data
    forward(address(x.dtype), image_rows(images), grid[-1], matrix, bias, _geometry(windows), image_rows(columns), y)
    self.cache = (columns.reshape(groups, m, y.shape[2]), grid, x.shape)
    return batch_first(y.reshape(groups * o, *grid), x.shape)


def convolution_backward(self: _Convolution, dy: Array) -> Array:
    """See `Conv2d.backward`."""
    if not _fits(self, dy):
        result: Array = formulas["backward"](self, dy)
        return result
    rows, matrix = _add_gradients(self, dy)
    _, grid, shape = self.cache
    size, borders = shape[-self.axes :], Borders(self._windows.padding, self._windows.mode)
    constant = borders.mode == "constant"
    dx = np.empty((self.in_channels, *(size if constant else borders.padded(size)), grid[-1]), dy.dtype)
    height = grid[0] if self.axes == 2 else 1
    rows = rows.reshape(*rows.shape[:2], height, rows.shape[2] // height)
    width, m = rows.shape[3], matrix.shape[1]
    buffer = np.empty((m, min(max(BAND // max(m * width, 1), 1), height), width), dy.dtype)
    scatter(address(dy.dtype), matrix, rows, grid[-1], _geometry(self._windows), buffer, image_rows(dx))
    return batch_first(dx if constant else borders.unpad(dx, size), shape)


def convolution_accumulate_grad(self: _Convolution, dy: Array) -> None:
    """See `Conv2d.accumulate_grad`."""
    if _fits(self, dy):
        _add_gradients(self, dy)
    else:
        formulas["accumulate_grad"](self, dy)


def _add_gradients(self: _Convolution, dy: Array) -> tuple[Array, Array]:
    """Add dL/dW and dL/db; return dy as (G, O/G, P), and the weights as matrices."""
    columns, matrix = self.cache[0], np.ascontiguousarray(self._matrix())
    groups, m, o = matrix.shape
    rows = batch_last(dy, self.axes).reshape(groups, o, columns.shape[2])
    dmatrix, dbias = np.empty_like(matrix), np.empty(groups * o, dy.dtype)
    length = max(columns.shape[2], 1)
    part = SMALL // (m * o)
    if part * MOST_PARTS < length:
        part = length
    gradients(address(dy.dtype), columns, rows, part, dmatrix, dbias)
    self._add_weight_gradient(dmatrix)
    if self.bias is not None:
        self.bias.grad += dbias
    return rows, matrix


formulas: Any = {name: getattr(_Convolution, name).formula for name in ("forward", "backward", "accumulate_grad")}
TWINS = {
    formulas["forward"]: convolution_forward,
    formulas["backward"]: convolution_backward,
    formulas["accumulate_grad"]: convolution_accumulate_grad,
}
