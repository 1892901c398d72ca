"""Measures are the metrics of one evaluation, whatever their kind."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from minnet.core.arrays import Array
from minnet.core.gathered import Gathered
from minnet.losses import Loss
from minnet.metrics.base import Metric
from minnet.metrics.functions import Additive, Function, as_number


class Measures:
    """The metrics of one evaluation: metrics are updated batch by batch, functions called with the whole set.

    Each metric is a fresh copy, because several threads may evaluate, with the loss's options. A function that says
    ``additive = True`` is averaged over batches. `expected` is the number of samples, if that is known, or 0.
    """

    def __init__(self, metrics: Mapping[str, Metric | Function], loss: Loss, expected: int) -> None:
        self._metrics: dict[str, Metric | Function] = {}
        for name, metric in metrics.items():
            if isinstance(metric, Metric):
                with _named(name):
                    self._metrics[name] = metric.fresh(loss)
            else:
                self._metrics[name] = Additive(metric) if getattr(metric, "additive", False) else metric
        self._prediction, self._target = Gathered(expected), Gathered(expected)

    def update(self, prediction: Array, target: Any) -> None:
        """Add the samples of a batch."""
        for name, metric in self._metrics.items():
            if isinstance(metric, Metric) and len(target):
                with _named(name):
                    metric.update(prediction, target)
        functions = [name for name, metric in self._metrics.items() if not isinstance(metric, Metric)]
        if functions:
            with _named(*functions):
                self._prediction.add(prediction)
                self._target.add(target)

    def compute(self) -> dict[str, float]:
        """Return the values for the whole set."""
        values = {}
        for name, metric in self._metrics.items():
            with _named(name):
                if isinstance(metric, Metric):
                    values[name] = as_number(metric.compute())
                else:
                    values[name] = as_number(metric(self._prediction.array, self._target.array))
        return values


@contextmanager
def _named(*names: str) -> Iterator[None]:
    """Say in a note of an error in which metric it was."""
    try:
        yield
    except Exception as error:
        error.add_note(f"in the metric {', '.join(map(repr, names))}")
        raise
