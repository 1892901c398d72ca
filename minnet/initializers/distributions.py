"""First weights that are drawn number by number, or are all the same."""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.checks import check_choice, check_number
from minnet.initializers.base import Initializer, fans

ENOUGH = 0.3  # of the normal distribution: so many of its draws are kept that nothing else is faster


def zeros() -> Initializer:
    """Zeros, which suit biases. Weights need different values, because units with equal weights stay equal."""
    return lambda shape, rng: np.zeros(shape)


def ones() -> Initializer:
    """Ones, which suit scales."""
    return lambda shape, rng: np.ones(shape)


def constant(value: float) -> Initializer:
    """One number everywhere, such as the logarithm of the odds of a rare class as the bias of its score."""
    check_number("constant", "value", value)
    return lambda shape, rng: np.full(shape, value, np.float64)


def uniform(low: float, high: float) -> Initializer:
    """Draw uniformly from [low, high); the class notebook uses ``uniform(-1, 1)``."""
    check_number("uniform", "low", low)
    check_number("uniform", "high", high, low=low, why=f"low is {low}")
    return lambda shape, rng: rng.uniform(low, high, shape)


def normal(mean: float = 0.0, std: float = 1.0) -> Initializer:
    """Draw from the normal distribution with this mean and standard deviation."""
    check_number("normal", "mean", mean)
    check_number("normal", "std", std, 0)
    return lambda shape, rng: rng.normal(mean, std, shape)


def trunc_normal(mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Initializer:
    """Draw from the normal distribution with this mean and std, but only numbers in [a, b]. BERT has std=0.02.

    Numbers are drawn again until they lie there: `a` and `b` are limits, not deviations. Where that would take many
    draws, because [a, b] is far from the mean, proposals fall exponentially, as the distribution's tail does, and
    each is kept with the ratio of the two densities as its probability. C. P. Robert, "Simulation of truncated normal
    variables", Statistics and Computing 5, 1995.
    """
    check_number("trunc_normal", "mean", mean)
    check_number("trunc_normal", "std", std, above=0)
    check_number("trunc_normal", "a", a)
    check_number("trunc_normal", "b", b, above=a, why=f"a is {a}")
    low, high = (a - mean) / std, (b - mean) / std

    def initializer(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        values = np.empty(math.prod(shape))
        todo = np.arange(values.size)
        while todo.size:
            drawn, kept = _propose(low, high, todo.size, rng)
            values[todo[kept]] = drawn[kept]
            todo = todo[~kept]
        return np.clip(mean + std * values, a, b).reshape(shape)  # rounding may leave [a, b] by a digit

    return initializer


def xavier_uniform(gain: float = 1.0) -> Initializer:
    """Glorot's uniform: variance gain² · 2 / (fan_in + fan_out), for layers followed by Tanh or Sigmoid.

    It is a compromise: 1 / fan_in would keep the variance of the signal in forward, and 1 / fan_out that of the
    gradient in backward. X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010, eq. 16.
    """
    return lambda shape, rng: _within(gain * math.sqrt(6 / sum(fans(shape))), shape, rng)


def xavier_normal(gain: float = 1.0) -> Initializer:
    """Glorot's normal: variance gain² · 2 / (fan_in + fan_out); see `xavier_uniform`."""
    return lambda shape, rng: rng.normal(0, gain * math.sqrt(2 / sum(fans(shape))), shape)


def kaiming_uniform(gain: float = math.sqrt(2), mode: Literal["fan_in", "fan_out"] = "fan_in") -> Initializer:
    """He's uniform: variance gain² / fan, for layers followed by ReLU, whose gain is √2: see `calculate_gain`.

    With the fan-in, the signal keeps its variance in forward; with the fan-out, the gradient does in backward.
    K. He et al., "Delving deep into rectifiers", ICCV 2015, section 2.2, eq. 10 and 14.
    """
    fan = _fan("kaiming_uniform", mode)
    return lambda shape, rng: _within(gain * math.sqrt(3 / fan(shape)), shape, rng)


def kaiming_normal(gain: float = math.sqrt(2), mode: Literal["fan_in", "fan_out"] = "fan_in") -> Initializer:
    """He's normal: variance gain² / fan; see `kaiming_uniform`."""
    fan = _fan("kaiming_normal", mode)
    return lambda shape, rng: rng.normal(0, gain / math.sqrt(fan(shape)), shape)


def _within(bound: float, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Draw uniformly from [-bound, bound), with the variance bound²/3."""
    return rng.uniform(-bound, bound, shape)


def _fan(owner: str, mode: str) -> Callable[[tuple[int, ...]], int]:
    """Return what computes the fan-in or the fan-out."""
    place = ("fan_in", "fan_out").index(check_choice(owner, "mode", mode, ("fan_in", "fan_out")))
    return lambda shape: fans(shape)[place]


def _propose(low: float, high: float, size: int, rng: np.random.Generator) -> tuple[Array, NDArray[np.bool_]]:
    """Draw numbers, and say which of them to keep as standard normal numbers between low and high."""
    if math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2)) > 2 * ENOUGH:
        values: Array = rng.standard_normal(size)
        return values, (low <= values) & (values <= high)
    if low <= 0 <= high:
        values = rng.uniform(low, high, size)
        return values, rng.random(size) < np.exp(-np.square(values) / 2)
    if high < 0:
        values, kept = _propose(-high, -low, size, rng)
        return -values, kept
    # The density exp(−low · z) falls as exp(−z²/2) does at low: their ratio is exp(−(z − low)²/2), but for a factor.
    values = -np.log1p(rng.random(size) * math.expm1(-low * (high - low))) / low
    return low + values, rng.random(size) < np.exp(-np.square(values) / 2)
