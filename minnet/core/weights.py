"""Sample weights say how much each sample counts. Every loss and metric looks at them here."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.masks import refuse_mask

Weights = NDArray[np.float64]


def check_weights(owner: str, name: str, value: ArrayLike) -> Weights:
    """Return weights as a new float64 array; an error, if one is not a number, negative, or infinite."""
    if type(value) is not np.ndarray:
        refuse_mask(owner, name, value, of_samples=False)
    given = np.asarray(value)
    if given.size and given.dtype.kind not in "biuf":
        raise TypeError(f"{owner} expected {name} to be numbers, got {given.dtype}")
    weights = given.astype(np.float64)
    if not (np.isfinite(weights).all() and weights.min(initial=0) >= 0):
        wrong = int((~(np.isfinite(weights) & (weights >= 0))).sum())
        raise ValueError(
            f"{owner} needs {name} >= 0 and finite, got {weights.min()} to {weights.max()} ({wrong:,} of "
            f"{weights.size:,} are not): 0 is the weight of what does not count"
        )
    return weights


def sample_weights(owner: str, value: ArrayLike, shape: tuple[int, ...]) -> Weights:
    """Return the weights of samples whose targets have that shape, with axes of size 1 behind, so that they broadcast.

    They are one a sample, (N,), or one for each place of a sample's first axes: their shape is the beginning of the
    targets' shape. All else is a ValueError or TypeError.
    """
    weights = check_weights(owner, "sample_weight", value)
    axes = weights.ndim
    if weights.shape != shape[:axes] or (shape and not axes):
        fitting = f"{shape[:1]}, or of the first axes of {shape}" if len(shape) > 1 else f"{shape}"
        cure = "one weight a sample (weights of classes are an argument of the constructor)"
        if shape and weights.size == shape[0] and axes > 1:
            cure = "are they in a column? Pass sample_weight.reshape(-1)"
        raise ValueError(f"{owner} expected sample_weight of shape {fitting}, got {weights.shape}: {cure}")
    with np.errstate(over="ignore"):
        total = float(weights.sum()) * max(math.prod(shape[axes:]), 1)
    if not math.isfinite(total):
        raise ValueError(f"{owner} got sample_weight whose sum is infinite: divide them by their maximum")
    return weights.reshape(weights.shape + (1,) * (len(shape) - axes))


def check_takes_weights(what: str, function: Callable[..., Any]) -> None:
    """Raise TypeError if a function or method has no parameter for the weights of samples that it is to be called with.

    `what` says whose it is, such as ``the loss Cubic`` or ``the metric 'worst'``.
    """
    if not takes_weights(function):
        name = getattr(function, "__name__", type(function).__name__)
        raise TypeError(
            f"there are sample weights, but {what} does not take them: give {name} the parameter sample_weight=None, "
            "which is one number >= 0 a sample, or None, or leave the weights out"
        )


def takes_weights(function: Callable[..., Any]) -> bool:
    """Whether a function or method has a parameter `sample_weight`, or takes any named argument."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of a function that is written in C, such as a ufunc
        return False
    return any(p.name == "sample_weight" or p.kind is p.VAR_KEYWORD for p in parameters)
