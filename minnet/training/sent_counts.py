"""The counts of a metric are sent from one process to another, which merges them into its own metric."""

import pickle
from typing import Any

from minnet.metrics.base import Metric
from minnet.metrics.heads import Of


def merges(metric: Any) -> bool:
    """Whether a metric can merge all that it counts.

    A class that has its own `reset` may count more than its base does, so it has to have its own `merge`, too.
    """
    kind = next(kind for kind in type(metric).__mro__ if vars(kind).keys() & {"reset", "merge"} or kind is object)
    own = "merge" in vars(kind) and (kind is not Metric)
    return own and (not isinstance(metric, Of) or not isinstance(metric.counter, Metric) or merges(metric.counter))


def sent_counts(metric: Metric, given: Any) -> bytes:
    """Return what a metric has counted that was made of the metric, or function, `given`.

    Functions and models that it was given are not sent: the other process has them.
    """
    counter, options = _counter(metric, given)
    try:
        return pickle.dumps({name: value for name, value in vars(counter).items() if name not in options})
    except Exception as error:
        raise TypeError(
            f"{type(counter).__name__} holds what cannot be sent to another process ({error}): let it count in arrays, "
            "numbers and lists; or leave out its merge, and only predictions are sent"
        ) from error


def merge_counts(metric: Any, given: Any, sent: bytes) -> None:
    """Add what `sent_counts` returned to a metric of the same options."""
    counter, options = _counter(metric, given)
    other = object.__new__(type(counter))
    vars(other).update(options, **pickle.loads(sent))  # from a process of this job
    counter.merge(other)


def _counter(metric: Any, given: Any) -> tuple[Any, dict[str, Any]]:
    """Return what counts: the metric, or that of one output; and what it was given that can be called, by names."""
    while isinstance(metric, Of):
        metric, given = metric.counter, given.metric
    known = {id(given), *map(id, getattr(given, "__dict__", {}).values())}
    return metric, {name: value for name, value in vars(metric).items() if callable(value) and id(value) in known}
