"""A function as a metric: it returns a number for a whole set, or says that it may be averaged over batches."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minnet.metrics.base import Mean

Function = Callable[[Any, Any], Any]


class Additive(Mean):
    """The mean over samples of a function of batches, one that says ``function.additive = True``."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.reset()

    def update(self, prediction: Any, target: Any) -> None:
        """Add the function's value for a batch, times its samples."""
        self.sum += len(prediction) * as_number(self.function(prediction, target))
        self.samples += len(prediction)


def as_number(value: Any) -> float:
    """Return what a metric returned as a float; a TypeError if it is no number."""
    is_number = hasattr(value, "__float__") and not np.iscomplexobj(value)  # a str has no __float__
    if not is_number or (isinstance(value, np.ndarray) and value.ndim):
        got = f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
        cure = "did it forget to return?" if value is None else "return one number for the whole set"
        raise TypeError(f"a metric must return a number, got {got}: {cure}")
    return float(value)
