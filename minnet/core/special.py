"""Special functions are those that NumPy lacks, or that overflow or are slow if written plainly: softmax, erf, ...

The error function is erf(x) = 2/√π ∫₀ˣ e^{−t²} dt. erfc(x) = 1 − erf(x) is computed by itself, because at x = 6, erf
is 1 − 2e-17, which rounds to 1.

Both are approximated by quotients of two polynomials, one pair for each range of x: W. J. Cody, "Rational Chebyshev
approximations for the error function", Mathematics of Computation 23, 1969. The coefficients are those of his program
CALERF in the SPECFUN library (netlib.org/specfun/erf). In float64 the error is below 5e-16. The relative error of erfc
is below 1e-13, because erfc decreases like e^{−x²} and so carries the rounding of x².
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import ZERO, Array, row_sums
from minnet.core.twins import twinned

# Highest power first. Small: erf(x)/x in x². Middle: e^{x²} erfc(x) in x. Large: the same in 1/x².
SMALL = 0.46875
SMALL_ABOVE = (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
               3.20937758913846947e3)  # fmt: skip
SMALL_BELOW = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
MIDDLE_ABOVE = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
                2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
                1.23033935479799725e3)  # fmt: skip
MIDDLE_BELOW = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
                3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3,
                1.23033935480374942e3)  # fmt: skip
LARGE = 4.0
LARGE_ABOVE = (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
               1.60837851487422766e-2, 6.58749161529837803e-4)  # fmt: skip
LARGE_BELOW = (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
               2.33520497626869185e-3)  # fmt: skip
LARGEST = 28.0  # from here on, erfc(x) < 1e-342 is 0, and the powers of a larger x might overflow


_BITS = {np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}


def erf(x: Array) -> Array:
    """Return erf(x), between −1 and 1, element by element; float32 and float64 stay what they are."""
    y = np.copysign(1 - _erfc_of_positive(np.abs(x)), x)
    small = np.abs(x) <= SMALL  # here 1 − erfc would lose digits of a small erf
    y[small] = _erf_of_small(x[small])
    return y


def erfc(x: Array) -> Array:
    """Return 1 − erf(x), between 0 and 2, element by element; small values are precise, too."""
    y = np.copysign(_erfc_of_positive(np.abs(x)), x)
    y += np.signbit(x) * x.dtype.type(2)  # erfc(−x) = 2 − erfc(x)
    return y


def exponentials(z: Array, out: Array | None = None) -> tuple[Array, Array]:
    """Return e^z (in `out`, if given) and Σ e^z along the last axis, (..., 1): their quotient is softmax(z).

    Subtract the largest number of each row first. That changes no softmax, but no exponential overflows, and no sum is
    below 1.
    """
    e: Array = np.exp(z, out=out)
    return e, row_sums(e)


@twinned
def softmax_backward(p: Array, dp: Array) -> Array:
    """Return dL/dx for p = softmax(x), of shape (..., C): ∂p_i/∂x_j = p_i (δ_ij − p_j), so p ∘ (dp − Σ_j dp_j p_j)."""
    dx: Array = p * (dp - row_sums(dp * p))
    return dx


def sigmoid(x: Array) -> Array:
    """Return σ(x) = 1 / (1 + e⁻ˣ), between 0 and 1, element by element."""
    # Where e⁻ˣ overflows (x < -88 in float32), 1/∞ = 0 is the right answer. np.where would avoid the warning as
    # well, but takes four times as long, because the processor cannot predict the signs.
    with np.errstate(over="ignore"):
        y: Array = np.exp(-x)
    y += 1
    return np.reciprocal(y, out=y)


def positive_part(x: Array) -> Array:
    """Return max(x, 0), element by element."""
    # NumPy has a fast maximum of two arrays, but not of an array and a number: with a row of zeros, broadcast,
    # it takes 0.4 of the time. The row lies along the axis whose numbers are neighbours in memory.
    if x.size >= 8192:
        axis = min(range(x.ndim), key=lambda i: (abs(x.strides[i]), -x.shape[i]))
        if x.shape[axis] >= 32:
            row = np.zeros([n if i == axis else 1 for i, n in enumerate(x.shape)], x.dtype)
            return np.maximum(x, row)
    return np.maximum(x, ZERO[x.dtype])


@twinned
def keep_where(mask: NDArray[np.bool_], x: Array) -> Array:
    """Return x where the mask is True, and 0 elsewhere, also where x is infinite or NaN (∞ · 0 would be NaN)."""
    # The bits of x as an integer, times 1 or 0: as fast as x * mask, where np.where takes up to 14 times as long.
    # The mask as bytes: NumPy converts those to integers faster than booleans.
    kept: Array = (x.view(_BITS[x.dtype]) * mask.view(np.uint8)).view(x.dtype)
    return kept


def split_where(mask: NDArray[np.bool_], x: Array, out: Array | None = None) -> tuple[Array, Array]:
    """Return `keep_where` for the mask, and (in `out`, if given) for its opposite."""
    kept, bits = keep_where(mask, x), _BITS[x.dtype]
    if out is None:
        out = np.empty_like(x)
    np.bitwise_xor(x.view(bits), kept.view(bits), out=out.view(bits))  # x where kept is 0, and 0 where it is x
    return kept, out


def _erfc_of_positive(x: Array) -> Array:
    x = np.minimum(x, LARGEST)
    y: Array = np.exp(-x * x)
    y *= _polynomial(MIDDLE_ABOVE, x)
    y /= _polynomial(MIDDLE_BELOW, x)
    if x.dtype == np.float64:  # in float32, the other two ranges are no more precise
        small, large = x <= SMALL, x > LARGE
        y[small] = 1 - _erf_of_small(x[small])
        y[large] = _erfc_of_large(x[large])
    return y


def _erf_of_small(x: Array) -> Array:
    square = x * x
    return x * _polynomial(SMALL_ABOVE, square) / _polynomial(SMALL_BELOW, square)


def _erfc_of_large(x: Array) -> Array:
    square = 1 / (x * x)
    quotient = square * _polynomial(LARGE_ABOVE, square) / _polynomial(LARGE_BELOW, square)
    return np.exp(-x * x) / x * (1 / math.sqrt(math.pi) - quotient)


def _polynomial(coefficients: Sequence[float], x: Array) -> Array:
    """Return (… (c₀ x + c₁) x + …) x + c_n, Horner's way."""
    y = coefficients[0] * x
    for c in coefficients[1:-1]:
        y += c
        y *= x
    y += coefficients[-1]
    return y
