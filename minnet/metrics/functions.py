"""A function as a metric: it returns a number for a whole set, or says that it may be averaged over batches."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minnet.core.trees import first
from minnet.core.weights import check_weights
from minnet.metrics.base import Mean

Function = Callable[..., Any]


class Additive(Mean):
    """The mean over samples of a function of batches, one that says ``function.additive = True``.

    With weights of samples, the function is given them, and returns the weighted mean of a batch.
    """

    def __init__(self, function: Function) -> None:
        self.function = function
        self.reset()

    def update(self, prediction: Any, target: Any, sample_weight: ArrayLike | None = None) -> None:
        """Add the function's value for a batch, times its samples, or the sum of their weights."""
        weight: float = len(first(prediction))
        if sample_weight is not None:
            weight = float(check_weights("the metric", "sample_weight", sample_weight).sum())
        if weight:
            options = {} if sample_weight is None else {"sample_weight": sample_weight}
            self.sum += weight * as_number(self.function(prediction, target, **options))
        self.samples += weight


def as_number(value: Any) -> float:
    """Return what a metric returned as a float; a TypeError if it is no number."""
    is_number = hasattr(value, "__float__") and not np.iscomplexobj(value)  # a str has no __float__
    if not is_number or (isinstance(value, np.ndarray) and value.ndim):
        got = f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
        cure = "did it forget to return?" if value is None else "return one number for the whole set"
        raise TypeError(f"a metric must return a number, got {got}: {cure}")
    return float(value)
