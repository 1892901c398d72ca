"""Softmax in compiled code: of attention's scores, and of the scores of classes.

A block of scores is read once from memory; their maximum, exponentials and sum are taken while it is in the cache.
"""

from typing import Any

import numpy as np

from minnet.compiled.foundation.numba_code import compiled
from minnet.compiled.foundation.vector_math import exp
from minnet.compiled.twins.planes import planes
from minnet.core.arrays import FEW_CLASSES, Array, class_major
from minnet.core.special import softmax_backward
from minnet.layers.sequences.attention import masked_softmax, without_others
from minnet.layers.softmax import Softmax

F = np.float32
ONE, ZERO, SMALLEST = F(1), F(0), np.finfo(F).tiny
LOWEST, INFINITE = float(np.finfo(F).min), float("inf")
COLUMNS = 256  # of scores that are normalized together: 200 rows of them stay in the cache


@compiled
def softmax_planes(x: Array, e: Array, top: Array, total: Array, lowest: float, divide: bool, floor: float) -> None:
    """Write the softmax of x (A, C, B) along C to e, or only its exponentials, and their maxima and sums (A, B).

    The maxima are at least `lowest`, and the quotients at least `floor`.
    """
    A, C, B = x.shape
    least = F(floor)
    for a in range(A):
        for start in range(0, B, COLUMNS):
            stop = min(start + COLUMNS, B)
            tops, sums = top[a, start:stop], total[a, start:stop]
            tops[:], sums[:] = F(lowest), ZERO
            for c in range(C):
                row = x[a, c, start:stop]
                for b in range(len(row)):
                    tops[b] = tops[b] if row[b] <= tops[b] else row[b]  # NaN stays
            for c in range(C):
                row, out = x[a, c, start:stop], e[a, c, start:stop]
                for b in range(len(row)):
                    power = exp(row[b] - tops[b])
                    out[b] = power
                    sums[b] += power
            if divide:
                for b in range(len(sums)):
                    sums[b] = ONE / (SMALLEST if sums[b] < SMALLEST else sums[b])
                for c in range(C):
                    out = e[a, c, start:stop]
                    for b in range(len(out)):
                        share = out[b] * sums[b]
                        out[b] = least if share < least else share


@compiled
def softmax_rows(x: Array, e: Array, top: Array, total: Array, divide: bool, floor: float) -> None:
    """Do as `softmax_planes` for rows x (N, C), whose maxima are known."""
    least = F(floor)
    for n in range(len(x)):
        row, out, highest, added = x[n], e[n], top[n], ZERO
        for c in range(len(row)):
            power = exp(row[c] - highest)
            out[c] = power
            added += power
        total[n] = added
        if divide:
            inverse = ONE / (SMALLEST if added < SMALLEST else added)
            for c in range(len(out)):
                share = out[c] * inverse
                out[c] = least if share < least else share


@compiled
def backward_planes(p: Array, dp: Array, dx: Array) -> None:
    """`softmax_backward` of p (A, C, B) along C."""
    A, C, B = p.shape
    for a in range(A):
        for start in range(0, B, COLUMNS):
            stop = min(start + COLUMNS, B)
            sums = np.zeros(stop - start, F)
            for c in range(C):
                row, slopes = p[a, c, start:stop], dp[a, c, start:stop]
                for b in range(len(row)):
                    sums[b] += row[b] * slopes[b]
            for c in range(C):
                row, slopes, out = p[a, c, start:stop], dp[a, c, start:stop], dx[a, c, start:stop]
                for b in range(len(row)):
                    out[b] = row[b] * (slopes[b] - sums[b])


@compiled
def backward_rows(p: Array, dp: Array, dx: Array) -> None:
    """`softmax_backward` of rows p (N, C)."""
    N, C = p.shape
    for n in range(N):
        row, slopes, out = p[n], dp[n], dx[n]
        total = ZERO
        for c in range(C):
            total += row[c] * slopes[c]
        for c in range(C):
            out[c] = row[c] * (slopes[c] - total)


def exponentials_of(
    x: Array, lowest: float = -INFINITE, divide: bool = False, floor: float = 0.0
) -> tuple[Array, Array, Array] | None:
    """Return e^(x − top), the tops, and the sums of the rows of x (..., C), in the order of memory; or None.

    None says that kernels are not made for x. With `divide`, the first is the softmax, and the other two are not used.
    """
    e = np.empty_like(x)
    found = planes(x, (x.ndim - 1,), e)
    if found is None:
        return None
    scores, out = found
    A, _, B = scores.shape
    total = np.empty((A, B), F)
    if B == 1:
        top = scores.max(axis=1, initial=lowest)  # which NumPy has vector code for
        softmax_rows(scores[:, :, 0], out[:, :, 0], top[:, 0], total[:, 0], divide, floor)
    else:
        top = np.empty((A, B), F)
        softmax_planes(scores, out, top, total, lowest, divide, floor)
    return e, top, total


def masked_softmax_twin(scores: Array, allowed: Any) -> Array:
    """The twin of `masked_softmax`."""
    found = exponentials_of(without_others(scores, allowed), LOWEST, True)
    if found is None:
        return MASKED_SOFTMAX(scores, allowed)  # type: ignore[no-any-return]
    return found[0]


def softmax_backward_twin(p: Array, dp: Array) -> Array:
    """The twin of `softmax_backward`."""
    dx = np.empty_like(p)
    few = p.ndim == 2 and p.shape[1] <= FEW_CLASSES  # a product with ones is as fast
    found = None if few else planes(p, (p.ndim - 1,), dp, dx)
    if found is None:
        return SOFTMAX_BACKWARD(p, dp)  # type: ignore[no-any-return]
    if found[0].shape[2] == 1:
        backward_rows(*(array[:, :, 0] for array in found))
    else:
        backward_planes(*found)
    return dx


def softmax_forward(self: Softmax, x: Array) -> Array:
    """The twin of `Softmax.forward`."""
    found = exponentials_of(class_major(x), divide=True, floor=float(SMALLEST))
    if found is None:
        return SOFTMAX(self, x)  # type: ignore[no-any-return]
    self.cache = found[0]
    return found[0]


MASKED_SOFTMAX: Any = vars(masked_softmax)["formula"]
SOFTMAX_BACKWARD: Any = vars(softmax_backward)["formula"]
SOFTMAX: Any = vars(Softmax)["forward"].formula
TWINS: dict[Any, Any] = {
    MASKED_SOFTMAX: masked_softmax_twin,
    SOFTMAX_BACKWARD: softmax_backward_twin,
    SOFTMAX: softmax_forward,
}
