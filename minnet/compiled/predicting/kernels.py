"""Kernels for one image: what a `Predictor` calls for a convolution, and for what comes after it.

An image is (C, H, W), as it is given; the batch-innermost order of the layers has no long rows for a single one. The
rows of the padded image follow each other in memory without a gap. So one place of all windows is one long run of it,
and the windows are a matrix whose rows are such runs. At the end of each row of windows there are some that reach over
the border into the next row; they are computed as well, and left out of the result.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.compiled.foundation import vector_math
from minnet.compiled.foundation.blas import gemm
from minnet.compiled.foundation.kernels import RELU, SIGMOID, TANH
from minnet.compiled.foundation.numba_code import compiled
from minnet.core.arrays import Array

Integers = NDArray[np.int64]


@compiled
def spread(x: Array, before: tuple[int, int], stride: tuple[int, int], out: Array) -> None:
    """Write the images (C, H, W), with zeros around them, into `out` (C, s, t, rows, columns).

    With strides s and t, the image is taken apart into s·t images, of each s-th row and each t-th column: there, the
    places of windows are neighbours.
    """
    channels, height, width = x.shape
    for c in range(channels):
        for a in range(stride[0]):
            for b in range(stride[1]):
                for i in range(out.shape[3]):
                    row, h = out[c, a, b, i], i * stride[0] + a - before[0]
                    if h < 0 or h >= height:
                        row[:] = 0
                    elif stride[1] == 1:
                        row[: before[1]] = 0
                        row[before[1] : before[1] + width] = x[c, h]
                        row[before[1] + width :] = 0
                    else:
                        for j in range(len(row)):
                            w = j * stride[1] + b - before[1]
                            row[j] = x[c, h, w] if 0 <= w < width else 0


@compiled
def convolve(
    blas: int,
    x: Array,
    around: tuple[int, int, int, int, int, int],
    begins: Integers,
    matrices: Array,
    most: int,
    y: Array,
) -> None:
    """Write the products y (O, P) of the matrices (G, O/G, I/G·K) and the windows of images (I, H, W).

    `around` is what is added before the image, the strides, and the size of what `spread` makes. `begins` is where the
    row of each place of a window begins in that, for all channels (I·K,). `most` columns are copied and multiplied at a
    time.
    """
    above, left, s, t, rows, columns = around
    padded = np.empty((len(x), s, t, rows, columns), x.dtype)
    spread(x, (above, left), (s, t), padded)
    numbers, (groups, outputs, places) = padded.reshape(-1), matrices.shape
    windows = np.empty((places, most), x.dtype)
    for group in range(groups):
        for begin in range(0, y.shape[1], most):
            width = min(most, y.shape[1] - begin)
            for k in range(places):
                row, first = windows[k], begins[group * places + k] + begin
                for j in range(width):
                    row[j] = numbers[first + j]
            out = y[group * outputs : (group + 1) * outputs, begin : begin + width]
            gemm(blas, matrices[group], False, windows[:, :width], False, out, 0.0)


@compiled
def activate(row: Array, bias: Any, activation: int) -> None:
    """Add the bias to a row, and apply the activation: each has a loop of its own, which becomes vector code."""
    zero = row.dtype.type(0)
    if activation == RELU:
        for j in range(len(row)):
            v = row[j] + bias
            row[j] = zero if v < zero else v  # NaN stays NaN
    elif activation == TANH:
        for j in range(len(row)):
            row[j] = vector_math.tanh(row[j] + bias)
    elif activation == SIGMOID:
        for j in range(len(row)):
            row[j] = vector_math.sigmoid(row[j] + bias)
    else:
        for j in range(len(row)):
            row[j] += bias


@compiled
def images(y: Array, row: int, bias: Array, activation: int, out: Array) -> None:
    """Write the rows of y (C, P), `row` numbers apart, as images `out` (C, H, W), with bias and activation."""
    width = out.shape[2]
    for c in range(out.shape[0]):
        for h in range(out.shape[1]):
            out[c, h] = y[c, h * row : h * row + width]
        activate(out[c].reshape(-1), bias[c], activation)


@compiled
def largest(y: Array, row: int, size: Integers, pooling: Integers, bias: Array, activation: int, out: Array) -> None:
    """Do as `images`, but write the largest number of each window, with bias and activation, which keep the order.

    `size` is the images', (H, W); `pooling` are the windows' two sizes, two strides, and twice the padding before them.
    """
    (height, width), (k, m, s, t, above, left) = size, pooling
    line = np.empty(width, y.dtype)
    for c in range(out.shape[0]):
        for i in range(out.shape[1]):
            begin, end = max(i * s - above, 0), min(i * s - above + k, height)
            line[:] = y[c, begin * row : begin * row + width]
            for h in range(begin + 1, end):
                other = y[c, h * row : h * row + width]
                for j in range(width):
                    line[j] = larger(line[j], other[j])
            written = out[c, i]
            if m == 2 and t == 2 and left == 0 and 2 * len(written) <= width:
                for j in range(len(written)):  # with constants, which makes it vector code
                    written[j] = larger(line[2 * j], line[2 * j + 1])
                continue
            for j in range(len(written)):
                first, last = max(j * t - left, 0), min(j * t - left + m, width)
                top = line[first]
                for w in range(first + 1, last):
                    top = larger(top, line[w])
                written[j] = top
        activate(out[c].reshape(-1), bias[c], activation)


@compiled
def larger(a: Any, b: Any) -> Any:
    """Return the larger of two numbers; NaN, if one is."""
    return b if b > a or b != b else a


@compiled
def means(x: Array, pooling: Integers, divisors: Array, out: Array) -> None:
    """Write the sum of each window of the images (C, H, W), divided by its divisor (H, W); `pooling` as above."""
    height, width = x.shape[1:]
    k, m, s, t, above, left = pooling
    line = np.empty(width, x.dtype)
    for c in range(out.shape[0]):
        for i in range(out.shape[1]):
            line[:] = 0
            for h in range(max(i * s - above, 0), min(i * s - above + k, height)):
                other = x[c, h]
                for j in range(width):
                    line[j] += other[j]
            written = out[c, i]
            for j in range(len(written)):
                total = x.dtype.type(0)
                for w in range(max(j * t - left, 0), min(j * t - left + m, width)):
                    total += line[w]
                written[j] = total / divisors[i, j]
