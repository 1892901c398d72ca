"""An initializer is a function ``(shape, rng) -> array`` that draws a layer's first weights.

Each function below returns one: ``mn.Linear(784, 10, weight_init=mn.initializers.uniform(-1, 1))``. Weights have the
shape (in, out), so an array's fan-in is the size of its first axis and its fan-out the size of its second; axes after
these (a convolution's kernel) multiply both.
"""

import math
from collections.abc import Callable

import numpy as np

from minnet.core.arrays import Array
from minnet.core.blueprint import is_blueprint, stand_in
from minnet.core.checks import check_number

Initializer = Callable[[tuple[int, ...], np.random.Generator], Array]

__all__ = [
    "Initializer",
    "draw",
    "fans",
    "kaiming_normal",
    "kaiming_uniform",
    "normal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]


def zeros() -> Initializer:
    """Zeros, which suit biases. Weights need different values, because units with equal weights stay equal."""
    return lambda shape, rng: np.zeros(shape)


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


def kaiming_uniform(gain: float = math.sqrt(2)) -> Initializer:
    """He's uniform: variance gain² / fan_in, for layers followed by ReLU, whose gain is √2.

    K. He et al., "Delving deep into rectifiers", ICCV 2015, section 2.2, eq. 10.
    """
    return lambda shape, rng: _within(gain * math.sqrt(3 / fans(shape)[0]), shape, rng)


def kaiming_normal(gain: float = math.sqrt(2)) -> Initializer:
    """He's normal: variance gain² / fan_in; see `kaiming_uniform`."""
    return lambda shape, rng: rng.normal(0, gain / math.sqrt(fans(shape)[0]), shape)


def _within(bound: float, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Draw uniformly from [-bound, bound), with the variance bound²/3."""
    return rng.uniform(-bound, bound, shape)


def draw(initializer: Initializer, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Return an array that the initializer drew; an error, if it is not a function or returns another shape."""
    if not callable(initializer):
        cure = ""
        if isinstance(initializer, str) and initializer in globals():
            cure = f": pass mn.initializers.{initializer}()"
        raise TypeError(f"expected an initializer, a function (shape, rng) -> array, got {initializer!r}{cure}")
    if is_blueprint():
        return stand_in(shape, np.dtype(np.float64))
    values = np.asarray(initializer(shape, rng))
    if values.shape != shape:
        raise ValueError(
            f"the initializer was asked for shape {shape} and returned {values.shape}: "
            "it is a function (shape, rng) -> array of that shape"
        )
    return values


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return (fan_in, fan_out) of an array of weights; a ValueError, if it has fewer than two axes, as a bias has."""
    if len(shape) < 2:
        raise ValueError(f"shape {shape} has no fan-in and fan-out: give a bias zeros(), uniform(...) or normal(...)")
    kernel = math.prod(shape[2:])
    return shape[0] * kernel, shape[1] * kernel
