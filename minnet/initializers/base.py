"""What initializers share: their arrays' fans, the gains of activations, and how a layer draws."""

import math
import sys
from collections.abc import Callable

import numpy as np

from minnet.core.arrays import Array
from minnet.core.blueprint import is_blueprint, stand_in
from minnet.core.checks import check_choice, check_number

Initializer = Callable[[tuple[int, ...], np.random.Generator], Array]


def draw(initializer: Initializer, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Return an array that the initializer drew; an error, if it is not a function or returns another shape."""
    if not callable(initializer):
        from minnet import initializers

        cure = ""
        if isinstance(initializer, str) and initializer in initializers.__all__:
            cure = f": pass mn.initializers.{initializer}()"
        raise TypeError(f"expected an initializer, a function (shape, rng) -> array, got {initializer!r}{cure}")
    if initializer is getattr(sys.modules["minnet.initializers"], getattr(initializer, "__name__", ""), None):
        name = initializer.__name__
        raise TypeError(f"mn.initializers.{name} is a function that makes one: pass mn.initializers.{name}()")
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


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the gain that makes up for what an activation does to the size of a signal.

    1 for "linear", "sigmoid", "conv2d" and the like, 5/3 for "tanh", √2 for "relu", √(2 / (1 + param²)) for
    "leaky_relu" with the slope `param` (0.01), and 3/4 for "selu". Those of "tanh" and "selu" were found by trial.
    """
    linear = ("linear", *(f"conv{t}{n}d" for t in ("", "_transpose") for n in (1, 2, 3)))
    slope = 0.01 if param is None else check_number("calculate_gain", "param", param)
    gains = dict.fromkeys((*linear, "sigmoid"), 1.0) | {"tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
    gains["leaky_relu"] = math.sqrt(2 / (1 + slope**2))
    return gains[check_choice("calculate_gain", "nonlinearity", nonlinearity, gains)]
