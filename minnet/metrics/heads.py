"""The metric of one output of a model with several."""

import copy
from collections.abc import Callable
from typing import Any, Self

from minnet.core.checks import named
from minnet.core.gathered import GatheredTree
from minnet.metrics.base import Metric
from minnet.metrics.functions import Additive


class Of(Metric):
    """A metric of one output of a model with several: it is given the predictions and targets of that output.

    A target that is one array is that of all outputs, as for `GaussianNLLLoss`.

    Parameters
    ----------
    head
        The output's name, or its number if predictions are tuples.
    metric
        A metric, or a function ``(prediction, target) -> float``.

    Raises
    ------
    TypeError
        If one of them is something else; in `update`, if the prediction is no dict (or tuple).
    ValueError
        In `update`, if they have no such output.

    Examples
    --------
    >>> import numpy as np
    >>> import minnet as mn
    >>> metric = Of("digit", mn.metrics.Accuracy())
    >>> metric({"digit": np.array([[0.1, 0.9]]), "angle": np.zeros((1, 1))}, {"digit": [1], "angle": [[0.0]]})
    1.0
    """

    counter: Any  # what counts the samples so far: a metric, or what becomes of a function

    def __init__(self, head: str | int, metric: Metric | Callable[..., Any]) -> None:
        if isinstance(head, bool) or not isinstance(head, str | int):
            raise TypeError(f"Of expected head to be the name of an output, or its number, got {named(head)}")
        if isinstance(metric, type) or not callable(metric):
            cure = f"make one, {metric.__name__}()" if isinstance(metric, type) else "such as mn.metrics.Accuracy()"
            raise TypeError(f"Of expected a metric or a function (prediction, target), got {named(metric)}: {cure}")
        self.head: Any = head
        self.metric = metric
        self.better = getattr(metric, "better", None)

    def fresh(self, loss: object = None) -> Self:
        """Return a copy without samples; its metric has the options of the loss of this output."""
        own = copy.copy(self)
        losses: Any = getattr(loss, "losses", None)
        of_head = losses[self.head] if isinstance(losses, dict | tuple) and self.head in _keys(losses) else None
        if isinstance(self.metric, Metric):
            own.counter = self.metric.fresh(of_head)
        else:
            own.counter = Additive(self.metric) if getattr(self.metric, "additive", False) else _Whole(self.metric)
        return own

    def reset(self) -> None:
        """Forget all samples."""
        vars(self).update(vars(self.fresh()))

    def update(self, prediction: Any, target: Any, sample_weight: Any = None) -> None:
        """Add the samples of a batch: those of this output."""
        weights = sample_weight[self.head] if isinstance(sample_weight, dict | tuple) else sample_weight
        options = {} if weights is None else {"sample_weight": weights}
        output = self._of("prediction", prediction)
        y = self._of("target", target) if isinstance(target, dict | tuple) else target
        self.counter.update(output, y, **options)

    def merge(self, other: Self) -> None:
        """Add the samples of another `Of` the same output, and of a metric with the same options."""
        self.check_merges(other)
        self.counter.merge(other.counter)

    def compute(self) -> Any:
        """Return the metric of all samples."""
        return self.counter.compute()

    def _of(self, what: str, tree: Any) -> Any:
        if not isinstance(tree, dict | tuple):
            raise TypeError(f"Of({self.head!r}, ...) expected a {what} of several outputs, got {named(tree)}")
        if self.head not in _keys(tree):
            there = ", ".join(map(repr, _keys(tree)))
            raise ValueError(f"Of expected a {what} with the output {self.head!r}, got those of {there}")
        return tree[self.head]


class _Whole:
    """A function that is called once, with all predictions and targets of a set."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._prediction, self._target, self._weights = GatheredTree(), GatheredTree(), GatheredTree()

    def update(self, prediction: Any, target: Any, sample_weight: Any = None) -> None:
        self._prediction.add(prediction)
        self._target.add(target)
        if sample_weight is not None:
            self._weights.add(sample_weight)

    def merge(self, other: Self) -> None:
        parts = (self._prediction, other._prediction), (self._target, other._target), (self._weights, other._weights)
        for own, more in parts:
            if len(more):
                own.add(more.tree)

    def compute(self) -> Any:
        weights = {"sample_weight": self._weights.tree} if len(self._weights) else {}
        return self._function(self._prediction.tree, self._target.tree, **weights)


def _keys(tree: Any) -> Any:
    return tree if isinstance(tree, dict) else range(len(tree))
