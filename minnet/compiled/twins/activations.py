"""Activations in compiled code: forward in one pass over memory, and backward in another.

The formulas are those of `minnet.layers.activations`, where they are explained. A kernel takes flat arrays, so arrays
that are transposed in memory need no code of their own; the options of a layer follow as float64.
"""

import math
from typing import Any

import numpy as np

from minnet.compiled.foundation.flat import flat
from minnet.compiled.foundation.numba_code import exactly
from minnet.compiled.foundation.special import erfc, expm1, log1p
from minnet.compiled.foundation.vector_math import HALF, ONE, TWO, ZERO, exp, sigmoid, tanh
from minnet.compiled.twins.pointwise import BOOL, FLOAT, fits, twins_of
from minnet.core.arrays import Array
from minnet.core.special import keep_where
from minnet.layers.activations.classic import Hardtanh, LeakyReLU, LogSigmoid, ReLU, Sigmoid, Tanh
from minnet.layers.activations.gates import Hardswish, Mish
from minnet.layers.activations.smooth import CELU, ELU, GELU, SiLU, Softplus

F = np.float32

EDGE, ROOT_HALF, DENSITY = F(40), F(math.sqrt(1 / 2)), F(1 / math.sqrt(2 * math.pi))
ROOT = F(math.sqrt(2 / math.pi))
THREE, FOUR, SIX, THOUSAND = F(3), F(4), F(6), F(1000)


@exactly
def between(x: Any, low: Any, high: Any) -> Any:
    """Return x, or the nearer bound; NaN stays NaN."""
    above = low if x < low else x
    return high if above > high else above


@exactly
def relu(x: Array, y: Array, mask: Any) -> None:
    """ReLU's forward: the mask is True where y > 0."""
    for i in range(x.size):
        y[i] = ZERO if x[i] <= ZERO else x[i]  # NaN stays NaN
        mask[i] = x[i] > ZERO


@exactly
def keep(dy: Array, dx: Array, mask: Any) -> None:
    """`keep_where`: dy where the mask is True, and 0 elsewhere."""
    for i in range(dy.size):
        dx[i] = dy[i] if mask[i] else ZERO


@exactly
def hardtanh(x: Array, y: Array, mask: Any, low: float, high: float) -> None:
    """Hardtanh's forward: the mask is True between the bounds."""
    a, b = F(low), F(high)
    for i in range(x.size):
        y[i] = between(x[i], a, b)
        mask[i] = (x[i] > a) & (x[i] < b)


@exactly
def leaky(x: Array, y: Array, mask: Any, slope: float) -> None:
    """LeakyReLU's forward."""
    s = F(slope)
    for i in range(x.size):
        mask[i] = x[i] > ZERO
        y[i] = x[i] if x[i] > ZERO else s * x[i]


@exactly
def leaky_backward(dy: Array, dx: Array, mask: Any, slope: float) -> None:
    """LeakyReLU's backward."""
    s = F(slope)
    for i in range(dy.size):
        dx[i] = dy[i] if mask[i] else s * dy[i]


@exactly
def elu(x: Array, y: Array, alpha: float) -> None:
    """ELU's forward."""
    a = F(alpha)
    for i in range(x.size):
        y[i] = x[i] if x[i] > ZERO else a * expm1(x[i])


@exactly
def elu_backward(dy: Array, dx: Array, x: Array, alpha: float) -> None:
    """ELU's backward."""
    a = F(alpha)
    for i in range(dy.size):
        dx[i] = dy[i] * (ONE if x[i] > ZERO else a * exp(x[i]))


@exactly
def celu(x: Array, y: Array, z: Array, alpha: float) -> None:
    """CELU's forward."""
    a = F(alpha)
    for i in range(x.size):
        v = (ZERO if x[i] > ZERO else x[i]) / a
        z[i] = v
        y[i] = x[i] if x[i] > ZERO else a * expm1(v)


@exactly
def celu_backward(dy: Array, dx: Array, z: Array, alpha: float) -> None:
    """CELU's backward."""
    for i in range(dy.size):
        dx[i] = dy[i] * exp(z[i])


@exactly
def sigmoid_forward(x: Array, y: Array) -> None:
    """Sigmoid's forward."""
    for i in range(x.size):
        y[i] = sigmoid(x[i])


@exactly
def sigmoid_backward(dy: Array, dx: Array, y: Array) -> None:
    """Sigmoid's backward."""
    for i in range(dy.size):
        dx[i] = dy[i] * y[i] * (ONE - y[i])


@exactly
def tanh_backward(dy: Array, dx: Array, y: Array) -> None:
    """Tanh's backward."""
    for i in range(dy.size):
        dx[i] = dy[i] * (ONE - y[i] * y[i])


@exactly
def silu(x: Array, y: Array, s: Array) -> None:
    """SiLU's forward."""
    for i in range(x.size):
        share = sigmoid(x[i])
        s[i] = share
        y[i] = x[i] * share


@exactly
def silu_backward(dy: Array, dx: Array, x: Array, s: Array) -> None:
    """SiLU's backward."""
    for i in range(dy.size):
        dx[i] = dy[i] * (s[i] + x[i] * s[i] * (ONE - s[i]))


@exactly
def gelu(x: Array, y: Array, z: Array, cdf: Array, by_tanh: bool, cubic: float) -> None:
    """GELU's forward."""
    c = F(cubic)
    if by_tanh:
        for i in range(x.size):
            v = between(x[i], -EDGE, EDGE)
            share = HALF * (ONE + tanh(ROOT * v * (ONE + c * v * v)))
            z[i] = v
            cdf[i] = share
            y[i] = x[i] * share
    else:
        for i in range(x.size):
            v = between(x[i], -EDGE, EDGE)
            share = HALF * erfc(-ROOT_HALF * v)
            z[i] = v
            cdf[i] = share
            y[i] = x[i] * share


@exactly
def gelu_backward(dy: Array, dx: Array, z: Array, cdf: Array, by_tanh: bool, cubic: float) -> None:
    """GELU's backward."""
    c = F(3 * cubic)
    if by_tanh:
        for i in range(dy.size):
            density = TWO * cdf[i] * (ONE - cdf[i]) * ROOT * (ONE + c * z[i] * z[i])
            dx[i] = dy[i] * (cdf[i] + z[i] * density)
    else:
        for i in range(dy.size):
            dx[i] = dy[i] * (cdf[i] + z[i] * (exp(-HALF * z[i] * z[i]) * DENSITY))


def gelu_options(layer: GELU) -> tuple[bool, float]:
    """Return the options of GELU's kernels."""
    return layer.approximate == "tanh", layer.CUBIC


@exactly
def softplus(x: Array, y: Array, z: Array, beta: float, threshold: float) -> None:
    """Softplus's forward."""
    b, inverse, end = F(beta), F(1 / beta), F(threshold)
    for i in range(x.size):
        v = b * x[i]
        smooth = (log1p(exp(-abs(v))) + (ZERO if v < ZERO else v)) * inverse
        z[i] = v
        y[i] = x[i] if v > end else smooth


@exactly
def softplus_backward(dy: Array, dx: Array, z: Array, beta: float, threshold: float) -> None:
    """Softplus's backward."""
    end = F(threshold)
    for i in range(dy.size):
        dx[i] = dy[i] * (ONE if z[i] > end else sigmoid(z[i]))


@exactly
def log_sigmoid(x: Array, y: Array) -> None:
    """LogSigmoid's forward."""
    for i in range(x.size):
        y[i] = (ZERO if x[i] > ZERO else x[i]) - log1p(exp(-abs(x[i])))


@exactly
def log_sigmoid_backward(dy: Array, dx: Array, x: Array) -> None:
    """LogSigmoid's backward."""
    for i in range(dy.size):
        dx[i] = dy[i] * sigmoid(-x[i])


@exactly
def mish(x: Array, y: Array, z: Array, e: Array, w: Array, t: Array) -> None:
    """Mish's forward."""
    for i in range(x.size):
        v = between(x[i], -THOUSAND, EDGE)
        power = exp(v)
        product = power * (power + TWO)
        share = product / (product + TWO)
        z[i] = v
        e[i] = power
        w[i] = product
        t[i] = share
        y[i] = x[i] * share


@exactly
def mish_backward(dy: Array, dx: Array, z: Array, e: Array, w: Array, t: Array) -> None:
    """Mish's backward."""
    for i in range(dy.size):
        slope = FOUR * (e[i] * (ONE + e[i]) / (w[i] + TWO)) / (w[i] + TWO)
        dx[i] = dy[i] * (t[i] + z[i] * slope)


@exactly
def hardswish(x: Array, y: Array) -> None:
    """Hardswish's forward."""
    for i in range(x.size):
        y[i] = x[i] * (between(x[i] + THREE, ZERO, SIX) / SIX)


@exactly
def hardswish_backward(dy: Array, dx: Array, x: Array) -> None:
    """Hardswish's backward."""
    for i in range(dy.size):
        slope = ONE if x[i] >= THREE else x[i] / THREE + HALF
        dx[i] = dy[i] * (ZERO if x[i] <= -THREE else slope)


def keep_where_twin(mask: Any, x: Array) -> Array:
    """The twin of `keep_where`."""
    if not fits(x, (mask, BOOL)):
        return KEEP_WHERE(mask, x)  # type: ignore[no-any-return]
    kept = np.empty_like(x)
    keep(flat(x), flat(kept), flat(mask))
    return kept


KEEP_WHERE: Any = vars(keep_where)["formula"]
TWINS: dict[Any, Any] = {
    KEEP_WHERE: keep_where_twin,
    **twins_of(ReLU, relu, None, (BOOL,), least=2**16),  # NumPy's maximum is faster for fewer
    **twins_of(Hardtanh, hardtanh, None, (BOOL,), lambda layer: (layer.min_val, layer.max_val)),
    **twins_of(LeakyReLU, leaky, leaky_backward, (BOOL,), lambda layer: (layer.negative_slope,)),
    **twins_of(ELU, elu, elu_backward, ("x",), lambda layer: (layer.alpha,)),
    **twins_of(CELU, celu, celu_backward, (FLOAT,), lambda layer: (layer.alpha,)),
    **twins_of(Sigmoid, sigmoid_forward, sigmoid_backward, ("y",)),
    **twins_of(Tanh, None, tanh_backward, ("y",)),
    **twins_of(SiLU, silu, silu_backward, ("x", FLOAT)),
    **twins_of(GELU, gelu, gelu_backward, (FLOAT, FLOAT), gelu_options),
    **twins_of(Softplus, softplus, softplus_backward, (FLOAT,), lambda layer: (layer.beta, layer.threshold)),
    **twins_of(LogSigmoid, log_sigmoid, log_sigmoid_backward, ("x",)),
    **twins_of(Mish, mish, mish_backward, (FLOAT, FLOAT, FLOAT, FLOAT)),
    **twins_of(Hardswish, hardswish, hardswish_backward, ("x",)),
}
