"""Measures are the metrics of one evaluation, whatever their kind."""

import copy
import itertools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from minnet.core.checks import check_choice, named
from minnet.core.gathered import GatheredTree
from minnet.core.layer import Layer
from minnet.core.trees import first, leaves
from minnet.core.weights import check_takes_weights
from minnet.losses import Loss
from minnet.losses.multi import MultiLoss, losses_of
from minnet.metrics import Of, accuracy
from minnet.metrics.base import Metric
from minnet.metrics.confusion import ConfusionMatrix
from minnet.metrics.functions import Additive, Function, as_number
from minnet.training.sent_counts import merge_counts, merges, sent_counts

PADDED = (
    ": a function is given the whole set, and sequences of several lengths make no array; derive it from "
    "mn.metrics.Metric, which is given each batch, or say function.additive = True"
)


class Measures:
    """The metrics of one evaluation: metrics are updated batch by batch, functions called with the whole set.

    Each metric is a fresh copy, because several threads may evaluate, with the loss's options. A function that says
    ``additive = True`` is averaged over batches. `expected` is the number of samples, if that is known, or 0.

    Those of a `part` of the set are counted, and then sent to another process, as `state`, which merges them. A metric
    that cannot merge is given the part's batches there.
    """

    def __init__(
        self, metrics: Mapping[str, Metric | Function], loss: Loss, expected: int, *, part: bool = False
    ) -> None:
        self._metrics: dict[str, Metric | Function] = {}
        self._given, self._part = dict(metrics), part
        self._batches: list[Any] = []  # of a part, for metrics that cannot merge
        for name, metric in metrics.items():
            if isinstance(metric, Metric):
                with _named(name):
                    self._metrics[name] = metric.fresh(loss)
            else:
                self._metrics[name] = Additive(metric) if getattr(metric, "additive", False) else metric
        self._prediction, self._target = GatheredTree(expected, PADDED), GatheredTree(expected, PADDED)
        self._weights: GatheredTree | None = None
        self._expected = expected
        self._unmerged = [name for name, one in self._metrics.items() if isinstance(one, Metric) and not merges(one)]

    def update(self, prediction: Any, target: Any, sample_weight: Any = None) -> None:
        """Add the samples of a batch."""
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        if not len(first(prediction)):
            return
        if self._part and self._unmerged:
            self._batches.append(copy.deepcopy((prediction, target, weights)))
        for name, metric in self._metrics.items():
            if isinstance(metric, Metric) and not (self._part and name in self._unmerged):
                with _named(name):
                    metric.update(prediction, target, **weights)
        functions = [name for name, metric in self._metrics.items() if not isinstance(metric, Metric)]
        if functions:
            with _named(*functions):
                if not all(map(np.ndim, leaves(target))):
                    raise TypeError(
                        f"a function of the whole set needs targets that are arrays, got {named(target)}: say that it "
                        "is additive, or derive a class from mn.metrics.Metric"
                    )
                self._gather(prediction, target, sample_weight)

    def _gather(self, prediction: Any, target: Any, sample_weight: Any) -> None:
        """Keep what functions are called with."""
        self._prediction.add(prediction)
        self._target.add(target)
        if sample_weight is not None:
            self._weights = self._weights or GatheredTree(self._expected, PADDED)
            self._weights.add(sample_weight)

    def state(self) -> Any:
        """Return what was counted, for `merge` in another process."""
        counts = {}
        for name, metric in self._metrics.items():
            if isinstance(metric, Metric) and name not in self._unmerged:
                with _named(name):
                    counts[name] = sent_counts(metric, self._given[name])
        gathered = (self._prediction, self._target, self._weights)
        return counts, [tree.tree if tree else None for tree in gathered], self._batches

    def merge(self, state: Any) -> None:
        """Add what another process has counted, of samples that come after these."""
        counts, (prediction, target, weights), batches = state
        for name, sent in counts.items():
            with _named(name):
                merge_counts(self._metrics[name], self._given[name], sent)
        if prediction is not None:
            self._gather(prediction, target, weights)
        for prediction, target, weights in batches:
            for name in self._unmerged:
                with _named(name):
                    self._metrics[name].update(prediction, target, **weights)  # type: ignore[union-attr]

    def compute(self) -> dict[str, float]:
        """Return the values for the whole set."""
        values = {}
        weights = {} if self._weights is None else {"sample_weight": self._weights.tree}
        for name, metric in self._metrics.items():
            with _named(name):
                if isinstance(metric, Metric):
                    values[name] = as_number(metric.compute())
                else:
                    values[name] = as_number(metric(self._prediction.tree, self._target.tree, **weights))
        return values


@contextmanager
def _named(*names: str) -> Iterator[None]:
    """Say in a note of an error in which metric it was."""
    try:
        yield
    except Exception as error:
        error.add_note(f"in the metric {', '.join(map(repr, names))}")
        raise


def check_metrics(metrics: object) -> None:
    """Check that metrics are functions or Metric objects, with names."""
    if not isinstance(metrics, Mapping):
        got = "a function" if callable(metrics) else named(metrics)
        raise TypeError(
            f"Trainer expected metrics to be a dict of names and functions, got {got}: "
            'pass metrics={"accuracy": mn.metrics.accuracy}'
        )
    for name, metric in metrics.items():
        check_metric(name, metric)


def check_metric(name: object, metric: object) -> None:
    """Check that a metric is a function or a Metric object that returns a number, and that its name is its own."""
    if not isinstance(name, str) or not name:
        raise TypeError(f"Trainer expected the names of metrics to be strings, got {name!r}")
    if name == "loss":
        raise ValueError(
            "Trainer expected a metric with a name of its own, got 'loss', which is the loss's: choose another"
        )
    if isinstance(metric, type | Layer) or not callable(metric):
        cure = f"{name!r}: mn.metrics.accuracy}}, without parentheses after it"
        if isinstance(metric, type):
            cure = f"{name!r}: {metric.__name__}()}}"
        elif hasattr(metric, "update"):
            cure = f"{name!r}: ...}} with a class that is derived from mn.metrics.Metric"
        raise TypeError(
            f"Trainer expected metrics[{name!r}] to be a function (prediction, target) -> float, or a Metric, got "
            f"{named(metric)}: pass metrics={{{cure}"
        )
    if isinstance(metric, ConfusionMatrix):
        raise TypeError(
            f"Trainer expected metrics[{name!r}] to return a number, got a ConfusionMatrix: "
            "after training, call it: mn.metrics.confusion_matrix(trainer.predict(X), y)"
        )
    check_choice(f"metrics[{name!r}]", "better", getattr(metric, "better", None), ("min", "max", None))


def check_parts_take_weights(loss: Loss, metrics: Mapping[str, Any], train_step: Any = None) -> None:
    """Check that what is to be given weights of samples takes them; a TypeError names the method, and the cure."""
    for one in losses_of(loss).values() or (loss,):
        for method in (one.forward, one.total_weight):
            check_takes_weights(f"the loss {type(one).__name__}", method)
    if train_step is not None:
        check_takes_weights(f"the Trainer {type(train_step.__self__).__name__}", train_step)
    for name, metric in metrics.items():
        metric = of_output(metric)
        check_takes_weights(f"the metric {name!r}", metric.update if isinstance(metric, Metric) else metric)


def of_output(metric: Any) -> Any:
    """Return the metric that an `Of` is given for one output, or the metric itself."""
    while isinstance(metric, Of):
        metric = metric.metric
    return metric


def default_metrics(loss: Loss) -> dict[str, Metric | Function]:
    """Return the accuracy, if a loss takes class labels; of a `MultiLoss`, that of each output whose loss does."""
    if isinstance(loss, MultiLoss):
        return {f"{name}_accuracy": Of(key, accuracy) for name, key, one in loss.heads if one.classifies}
    return {"accuracy": accuracy} if loss.classifies else {}


def check_columns(sets: Iterable[str], metrics: Iterable[str], losses: Iterable[str] = ()) -> None:
    """Check that each set and metric has a column of its own in the history.

    `losses` are the names of the losses that are reported beside L: of the training data, and of each set.
    """
    own = [f"{name}_loss" for name in losses]
    seen = {column: ("training data", column) for column in own}
    for pair in itertools.product(sets, ("loss", *own, *metrics)):
        column = f"{pair[0]}_{pair[1]}"
        if column in seen:
            raise ValueError(
                f"fit got the column {column!r} twice, for the metric {seen[column][1]!r} of the set "
                f"{seen[column][0]!r}, and for {pair[1]!r} of {pair[0]!r}: rename one"
            )
        seen[column] = pair
