"""Normalization in compiled code: a group of numbers comes from memory once, and for its variance from the cache.

Sums are taken in float64: of the numbers, as in `standardize`, and of their squares, where the formula relies on BLAS.
Groups whose squares leave the range of float32, or are NaN, are left to the formulas.
"""

import math
from typing import Any

import numpy as np

from minnet.compiled.foundation.numba_code import compiled
from minnet.compiled.twins.planes import of_size_1, planes, without
from minnet.compiled.twins.pointwise import fits
from minnet.core.arrays import Array
from minnet.layers.normalization.layer_norm import LastAxes, LayerNorm, RMSNorm
from minnet.layers.normalization.statistics import AddUp, alone, standardize, standardize_backward

F, D = np.float32, np.float64
COLUMNS = 64  # that are standardized together: 2,000 rows of them stay in the cache
ROWS = 32  # whose gradients of γ and β are added up in float32


@compiled
def standardize_planes(x: Array, eps: float, y: Array, inverse: Array, mean: Array, variance: Array) -> Any:
    """Standardize each x[:, r], of (A, R, B); return whether all variances are finite."""
    A, R, B = x.shape
    finite: Any = True
    for r in range(R):
        total = D(0)
        for a in range(A):
            for b in range(B):
                total += D(x[a, r, b])
        m, square = F(total / (A * B)), D(0)
        for a in range(A):
            for b in range(B):
                d = x[a, r, b] - m
                y[a, r, b] = d
                square += D(d * d)
        v = F(square / (A * B))
        finite &= v < F(np.inf)
        mean[r], variance[r], inverse[r] = m, v, F(1) / np.sqrt(v + F(eps))
        for a in range(A):
            for b in range(B):
                y[a, r, b] *= inverse[r]
    return finite


@compiled
def standardize_columns(x: Array, eps: float, y: Array, inverse: Array, mean: Array, variance: Array) -> Any:
    """Standardize each column of x (A, R); return whether all variances are finite."""
    A, R = x.shape
    finite: Any = True
    for start in range(0, R, COLUMNS):
        stop = min(start + COLUMNS, R)
        m, v, scale, sums = mean[start:stop], variance[start:stop], inverse[start:stop], np.zeros(stop - start)
        for a in range(A):
            row = x[a, start:stop]
            for r in range(len(row)):
                sums[r] += D(row[r])
        for r in range(len(m)):
            m[r] = F(sums[r] / A)
            sums[r] = 0
        for a in range(A):
            row, out = x[a, start:stop], y[a, start:stop]
            for r in range(len(row)):
                d = row[r] - m[r]
                out[r] = d
                sums[r] += D(d * d)
        for r in range(len(m)):
            v[r] = F(sums[r] / A)
            finite &= v[r] < F(np.inf)
            scale[r] = F(1) / np.sqrt(v[r] + F(eps))
        for a in range(A):
            out = y[a, start:stop]
            for r in range(len(out)):
                out[r] *= scale[r]
    return finite


@compiled
def backward_planes(g: Array, y: Array, inverse: Array, dx: Array, g_sum: Array, along_sum: Array) -> None:
    """`standardize_backward` of each g[:, r], of (A, R, B), with y = x̂."""
    A, R, B = g.shape
    for r in range(R):
        total, along = D(0), D(0)
        for a in range(A):
            for b in range(B):
                total += D(g[a, r, b])
                along += D(g[a, r, b] * y[a, r, b])
        g_sum[r], along_sum[r] = F(total), F(along)
        mean, mean_along = F(total / (A * B)), F(along / (A * B))
        for a in range(A):
            for b in range(B):
                dx[a, r, b] = (g[a, r, b] - y[a, r, b] * mean_along - mean) * inverse[r]


@compiled
def backward_columns(g: Array, y: Array, inverse: Array, dx: Array, g_sum: Array, along_sum: Array) -> None:
    """`standardize_backward` of each column of g (A, R), with y = x̂."""
    A, R = g.shape
    for start in range(0, R, COLUMNS):
        stop = min(start + COLUMNS, R)
        scale, total, along = inverse[start:stop], np.zeros(stop - start), np.zeros(stop - start)
        mean, mean_along = np.empty(stop - start, F), np.empty(stop - start, F)
        for a in range(A):
            row, h = g[a, start:stop], y[a, start:stop]
            for r in range(len(row)):
                total[r] += D(row[r])
                along[r] += D(row[r] * h[r])
        for r in range(len(mean)):
            g_sum[start + r], along_sum[start + r] = F(total[r]), F(along[r])
            mean[r], mean_along[r] = F(total[r] / A), F(along[r] / A)
        for a in range(A):
            row, h, out = g[a, start:stop], y[a, start:stop], dx[a, start:stop]
            for r in range(len(row)):
                out[r] = (row[r] - h[r] * mean_along[r] - mean[r]) * scale[r]


@compiled
def rows_forward(
    x: Array, weight: Array, bias: Array, eps: float, centred: bool, normalized: Array, inverse: Array, y: Array
) -> Any:
    """LayerNorm of rows x (N, D), or RMSNorm if they are not to be centred; return whether all variances are finite."""
    N, size = x.shape
    finite: Any = True
    for n in range(N):
        row, out, result = x[n], normalized[n], y[n]
        total = D(0)
        if centred:
            for i in range(size):
                total += D(row[i])
        m, square = F(total / size), D(0)
        for i in range(size):
            d = row[i] - m
            out[i] = d
            square += D(d * d)
        v = F(square / size)
        finite &= v < F(np.inf)
        scale = F(1) / np.sqrt(v + F(eps))
        inverse[n] = scale
        for i in range(size):
            h = out[i] * scale
            out[i] = h
            result[i] = h * weight[i] + bias[i]
    return finite


@compiled
def rows_backward(
    dy: Array, normalized: Array, inverse: Array, weight: Array, centred: bool, dx: Array, dw: Array, db: Array
) -> None:
    """Backward of `rows_forward`; dw and db are the gradients of weight and bias, of float64."""
    N, size = dy.shape
    part = np.empty((2, size), F)
    dw[:], db[:] = 0, 0
    for start in range(0, N, ROWS):
        part[:] = 0
        for n in range(start, min(start + ROWS, N)):
            row, h, out = dy[n], normalized[n], dx[n]
            total, along = D(0), D(0)
            for i in range(size):
                part[0, i] += row[i] * h[i]
                part[1, i] += row[i]
                g = row[i] * weight[i]
                out[i] = g
                total += D(g)
                along += D(g * h[i])
            mean = F(total / size) if centred else F(0)
            mean_along = F(along / size)
            for i in range(size):
                out[i] = (out[i] - h[i] * mean_along - mean) * inverse[n]
        for i in range(size):
            dw[i] += D(part[0, i])
            db[i] += D(part[1, i])


def standardize_twin(
    x: Array, axes: tuple[int, ...], eps: float, add_up: AddUp = alone
) -> tuple[Array, Array, Array, Array, int]:
    """The twin of `standardize`."""
    found = planes(x, without(axes, x.ndim), y := np.empty_like(x)) if add_up is alone else None
    if found is None:
        return STANDARDIZE(x, axes, eps, add_up)  # type: ignore[no-any-return]
    groups, out = found
    results = [of_size_1(x, axes) for _ in range(3)]
    kernel = standardize_planes
    if groups.shape[2] == 1:
        kernel, groups, out = standardize_columns, groups[:, :, 0], out[:, :, 0]
    if not kernel(groups, eps, out, *(result.reshape(-1) for result in results)):
        return STANDARDIZE(x, axes, eps, add_up)  # type: ignore[no-any-return]
    inverse, mean, variance = results
    return y, inverse, mean, variance, math.prod(x.shape[axis] for axis in axes)


def standardize_backward_twin(
    g: Array, normalized: Array, inverse_std: Array, axes: tuple[int, ...], add_up: AddUp = alone
) -> tuple[Array, Array, Array]:
    """The twin of `standardize_backward`."""
    dx = np.empty_like(g)
    found = planes(g, without(axes, g.ndim), normalized, dx) if add_up is alone else None
    sums = [of_size_1(g, axes) for _ in range(2)]
    if found is None or inverse_std.shape != sums[0].shape or inverse_std.dtype != g.dtype:
        return STANDARDIZE_BACKWARD(g, normalized, inverse_std, axes, add_up)  # type: ignore[no-any-return]
    kernel = backward_planes
    if found[0].shape[2] == 1:
        kernel, found = backward_columns, [array[:, :, 0] for array in found]
    groups, standardized, out = found
    kernel(groups, standardized, inverse_std.reshape(-1), out, *(array.reshape(-1) for array in sums))
    g_sum, along_sum = sums
    return dx, g_sum, along_sum


def _forward_twin(formula: Any, centred: bool) -> Any:
    def forward(self: Any, x: Array) -> Array:
        if self.weight is None or not (fits(x) and x.flags.c_contiguous):
            return formula(self, x)  # type: ignore[no-any-return]
        weight = self.weight.data.reshape(-1)
        bias = np.zeros_like(weight) if getattr(self, "bias", None) is None else self.bias.data.reshape(-1)
        eps = float(np.finfo(x.dtype).eps) if self.eps is None else self.eps
        normalized, y, inverse = np.empty_like(x), np.empty_like(x), of_size_1(x, self._axes)
        rows = [array.reshape(-1, weight.size) for array in (x, normalized, y)]
        if not rows_forward(rows[0], weight, bias, eps, centred, rows[1], inverse.reshape(-1), rows[2]):
            return formula(self, x)  # type: ignore[no-any-return]
        self.cache = normalized, inverse
        return y

    return forward


def _backward_twin(formula: Any, centred: bool) -> Any:
    def backward(self: Any, dy: Array) -> Array:
        normalized, inverse = self.cache
        fit = fits(dy, (normalized, dy.dtype)) and dy.flags.c_contiguous
        if self.weight is None or not fit or type(self)._sum_over_samples is not LastAxes._sum_over_samples:
            return formula(self, dy)  # type: ignore[no-any-return]
        weight, dx = self.weight.data.reshape(-1), np.empty_like(dy)
        rows = [array.reshape(-1, weight.size) for array in (dy, normalized, dx)]
        gradients = np.empty((2, weight.size))
        rows_backward(rows[0], rows[1], inverse.reshape(-1), weight, centred, rows[2], *gradients)
        for parameter, gradient in zip((self.weight, getattr(self, "bias", None)), gradients, strict=True):
            if parameter is not None:
                parameter.grad += gradient.reshape(self.normalized_shape).astype(dy.dtype)
        return dx

    return backward


STANDARDIZE: Any = vars(standardize)["formula"]
STANDARDIZE_BACKWARD: Any = vars(standardize_backward)["formula"]
TWINS: dict[Any, Any] = {STANDARDIZE: standardize_twin, STANDARDIZE_BACKWARD: standardize_backward_twin}
for layer, centred in ((LayerNorm, True), (RMSNorm, False)):
    forward, backward = (vars(layer)[name].formula for name in ("forward", "backward"))
    TWINS |= {forward: _forward_twin(forward, centred), backward: _backward_twin(backward, centred)}
