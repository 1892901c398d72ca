"""A metric is a number that says how good predictions are, for people to read; it has no gradient."""

import copy
import inspect
from typing import Any, Literal, Self

from numpy.typing import ArrayLike

from minnet.core.described import shown

OF_LOSS = ("ignore_index", "threshold", "takes")  # options that the loss of a Trainer knows


class Metric:
    """The base of every metric: `reset`, then `update` with each batch of a set, then `compute`.

    A metric of your own needs these three methods. `reset` makes new counts; it does not empty the old ones, because
    the Trainer evaluates with a shallow copy of the metric, so that several threads may evaluate at the same time.

    Attributes
    ----------
    better : "min", "max" or None
        Which values are better: what early stopping, checkpoints and learning rates go by; None if neither.

    Examples
    --------
    >>> import numpy as np
    >>> class Worst(Metric):
    ...     better = "min"
    ...
    ...     def reset(self):
    ...         self.worst = 0.0
    ...
    ...     def update(self, prediction, target):
    ...         self.worst = max(self.worst, np.abs(prediction - target).max())
    ...
    ...     def compute(self):
    ...         return float(self.worst)
    >>> Worst()(np.array([1.0, 2.0]), np.array([1.0, 5.0]))
    3.0
    """

    better: Literal["min", "max"] | None = None
    __repr__ = shown

    def reset(self) -> None:
        """Forget all samples."""
        raise NotImplementedError(f"{type(self).__name__} has no reset: define reset(self)")

    def update(self, prediction: Any, target: Any) -> Any:
        """Add the samples of a batch."""
        raise NotImplementedError(f"{type(self).__name__} has no update: define update(self, prediction, target)")

    def compute(self) -> Any:
        """Return the metric of all samples since `reset`."""
        raise NotImplementedError(f"{type(self).__name__} has no compute: define compute(self)")

    def fresh(self, loss: object = None) -> Self:
        """Return a copy without samples; the options that are None are those of the loss, if that has them."""
        metric = copy.copy(self)
        for name in OF_LOSS:
            if getattr(metric, name, ...) is None:
                setattr(metric, name, getattr(loss, name, None))
        metric.reset()
        return metric

    def __call__(self, prediction: ArrayLike, target: ArrayLike, *options: Any, **named: Any) -> Any:
        """Return the metric of one set, with other options than this metric's if there are any."""
        arguments = inspect.signature(type(self))
        if given := arguments.bind_partial(*options, **named).arguments:
            metric = type(self)(**{name: getattr(self, name) for name in arguments.parameters} | given)
        else:
            metric = self.fresh()
        metric.update(prediction, target)
        return metric.compute()

    def _some(self, samples: int) -> int:
        """Return how many samples there are; a ValueError, if none."""
        if not samples:
            raise ValueError(f"{type(self).__name__} expected at least one sample, got none, or only ignored ones")
        return samples


class Mean(Metric):
    """The base of metrics that are a mean over samples: `update` adds to `sum` and to `samples`."""

    def reset(self) -> None:
        """Forget all samples."""
        self.sum, self.samples = 0.0, 0

    def compute(self) -> float:
        """Return the mean over all samples."""
        return self.sum / self._some(self.samples)
