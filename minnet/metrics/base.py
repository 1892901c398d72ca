"""A metric is a number that says how good predictions are, for people to read; it has no gradient."""

import copy
import inspect
from typing import Any, Literal, Self

from numpy.typing import ArrayLike, NDArray

from minnet.core.checks import named
from minnet.core.described import shown
from minnet.core.weights import Weights, check_takes_weights

OF_LOSS = ("ignore_index", "threshold", "takes")  # options that the loss of a Trainer knows


class Metric:
    """The base of every metric: `reset`, then `update` with each batch of a set, then `compute`.

    A metric of your own needs these three methods. `reset` makes new counts; it does not empty the old ones, because
    the Trainer evaluates with a shallow copy of the metric, so that several threads may evaluate at the same time.
    With a fourth one, `merge`, several processes (`minnet.MPI`) share the work of an evaluation; without it, they
    send each other the predictions of the whole set.

    **Sample weights** say how much each sample counts: one number >= 0 a sample, (N,), or for labels (N, ...) one for
    each place of their first axes. A weight of 2 is the sample twice. The metrics of minnet are equal to
    scikit-learn's; so is that a class whose samples all have the weight 0 counts as a class. A metric of your own takes
    them if its update does: ``update(prediction, target, sample_weight=None)``.

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
    ...
    ...     def merge(self, other):
    ...         self.worst = max(self.worst, other.worst)
    >>> Worst()(np.array([1.0, 2.0]), np.array([1.0, 5.0]))
    3.0
    """

    better: Literal["min", "max"] | None = None
    __repr__ = shown

    def reset(self) -> None:
        """Forget all samples."""
        raise NotImplementedError(f"{type(self).__name__} has no reset: define reset(self)")

    def update(self, prediction: Any, target: Any, *sample_weight: Any, **named: Any) -> Any:
        """Add the samples of a batch, and their weights if there are any."""
        raise NotImplementedError(f"{type(self).__name__} has no update: define update(self, prediction, target)")

    def compute(self) -> Any:
        """Return the metric of all samples since `reset`."""
        raise NotImplementedError(f"{type(self).__name__} has no compute: define compute(self)")

    def merge(self, other: Self) -> None:
        """Add the samples of another metric with the same options, as if they came after this metric's.

        Two parts of a set that are counted by two metrics then give the value of the whole set. `other` stays as it is.

        Raises
        ------
        TypeError, ValueError
            If the other metric is of another class, has other options, or counted samples of another form.
        """
        raise NotImplementedError(f"{type(self).__name__} has no merge: define merge(self, other)")

    def fresh(self, loss: object = None) -> Self:
        """Return a copy without samples; the options that are None are those of the loss, if that has them."""
        metric = copy.copy(self)
        for name in OF_LOSS:
            if getattr(metric, name, ...) is None:
                setattr(metric, name, getattr(loss, name, None))
        metric.reset()
        return metric

    def __call__(
        self,
        prediction: ArrayLike,
        target: ArrayLike,
        *options: Any,
        sample_weight: ArrayLike | None = None,
        **named: Any,
    ) -> Any:
        """Return the metric of one set, with other options than this metric's if there are any."""
        arguments = inspect.signature(type(self))
        if given := arguments.bind_partial(*options, **named).arguments:
            metric = type(self)(**{name: getattr(self, name) for name in arguments.parameters} | given)
        else:
            metric = self.fresh()
        if sample_weight is None:
            metric.update(prediction, target)
        else:
            check_takes_weights(f"the metric {type(self).__name__}", metric.update)
            metric.update(prediction, target, sample_weight=sample_weight)
        return metric.compute()

    def check_merges(self, other: "Metric") -> None:
        """Check that another metric is of the same class and options: what `merge` asks first."""
        if type(other) is not type(self):
            raise TypeError(f"merge expected another {type(self).__name__}, got {named(other)}")
        if repr(other) != repr(self):
            raise ValueError(f"merge expected a metric with the same options, {self!r}, got {other!r}")

    def _some(self, samples: float) -> float:
        """Return how many samples there are, or the sum of their weights; a ValueError, if that is 0."""
        if not samples:
            raise ValueError(f"{type(self).__name__} expected at least one sample that counts, got none")
        return samples


class Mean(Metric):
    """The base of metrics that are a mean over samples: `update` adds to `sum` and to `samples`.

    With weights, these are the weighted sum and the sum of the weights.
    """

    def reset(self) -> None:
        """Forget all samples."""
        self.sum, self.samples = 0.0, 0.0

    def add(self, values: NDArray[Any], weights: Weights | None = None) -> None:
        """Add the values of samples (N,)."""
        self.sum += float(values.sum() if weights is None else weights @ values)
        self.samples += len(values) if weights is None else float(weights.sum())

    def merge(self, other: Self) -> None:
        """Add the samples of another metric with the same options."""
        self.check_merges(other)
        self.sum += other.sum
        self.samples += other.samples

    def compute(self) -> float:
        """Return the mean over all samples."""
        return self.sum / self._some(self.samples)
