"""Special functions of float32 that vector math lacks: eˣ − 1, log(1 + x), and erfc, each without a branch."""

from typing import Any

import numpy as np

from minnet.compiled.foundation.numba_code import exactly
from minnet.compiled.foundation.vector_math import LARGEST, ONE, SMALLEST, TWO, ZERO, exp, reduced
from minnet.core.special import LARGEST as LARGEST_OF_ERFC
from minnet.core.special import MIDDLE_ABOVE, MIDDLE_BELOW

A0, A1, A2, A3, A4, A5, A6, A7, A8 = map(np.float32, MIDDLE_ABOVE)
B0, B1, B2, B3, B4, B5, B6, B7, B8 = map(np.float32, MIDDLE_BELOW)
END = np.float32(LARGEST_OF_ERFC)
S3, S5, S7, S9, S11, S13, S15 = (np.float32(2 / k) for k in (3, 5, 7, 9, 11, 13, 15))


@exactly
def expm1(x: Any) -> Any:
    """Return eˣ − 1, exact for small x, too."""
    inside = LARGEST if x > LARGEST else x  # NaN stays NaN
    inside = SMALLEST if inside < SMALLEST else inside
    less_one, power = reduced(inside)
    y = less_one * power * TWO + (power * TWO - ONE)
    return np.float32(np.inf) if x > LARGEST else y


@exactly
def log1p(x: Any) -> Any:
    """Return log(1 + x) for 0 <= x <= 1: the series of 2 artanh s = 2 (s + s³/3 + s⁵/5 + …), with s = x / (2 + x)."""
    s = x / (TWO + x)
    t = s * s
    series = (((((S15 * t + S13) * t + S11) * t + S9) * t + S7) * t + S5) * t + S3
    return s * t * series + TWO * s


@exactly
def erfc(x: Any) -> Any:
    """Return 1 − erf(x), by the quotient of polynomials that `minnet.core.special.erfc` takes in float32."""
    z = abs(x)
    z = END if z > END else z
    above = (((((((A0 * z + A1) * z + A2) * z + A3) * z + A4) * z + A5) * z + A6) * z + A7) * z + A8
    below = (((((((B0 * z + B1) * z + B2) * z + B3) * z + B4) * z + B5) * z + B6) * z + B7) * z + B8
    y = exp(-z * z) * above / below
    return TWO - y if x < ZERO else y
