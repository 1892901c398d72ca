"""A row is one line of the history: a dict of column → number, and some columns say how good a model is."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from minnet.core.forms import is_number

Row = dict[str, float]
Mode = Literal["min", "max"]

MODES: tuple[Mode | None, ...] = ("min", "max", None)
RUNNING_ACCURACY = "running_accuracy"  # the column of `RunningScore`


def mode_of(owner: object, monitor: str, mode: Mode | None, metrics: Mapping[str, Any]) -> Mode:
    """Return whether a column is better when it is lower ("min") or higher ("max").

    `mode` says it, or else the metric of the column, by its attribute `better` (the column "test_mae" is of the
    metric "mae"). A column "loss" or "..._loss" that is of no metric is better when it is lower.

    Raises ValueError if neither says it.
    """
    if mode is not None or monitor == RUNNING_ACCURACY:
        return mode or "max"
    column = f"_{monitor}"
    said = {_better(metric) for name, metric in metrics.items() if column.endswith(f"_{name}")}
    if not said:
        said = {"min" if column.endswith("_loss") else None}
    if len(said) > 1 or not said <= {"min", "max"}:
        there = ", ".join(metrics) or "none"
        raise ValueError(
            f"{type(owner).__name__} cannot know whether {monitor!r} is better when it is lower or higher, because it "
            f"is no loss, and no metric of that name has an attribute `better` (the metrics: {there}): "
            'pass mode="min" or mode="max", or set the metric\'s `better` to one of these'
        )
    found: Mode = said.pop()
    return found


def _better(metric: Any) -> Any:
    """Return what a metric says of its direction; a `functools.partial`, what its function says."""
    return getattr(metric, "better", None) or getattr(getattr(metric, "func", None), "better", None)


def monitored(owner: object, monitor: str, row: Row) -> float:
    """Return the value of the column that a callback, or a Checkpoint, monitors; a ValueError, if there is none."""
    if monitor not in row:
        raise ValueError(
            f"{type(owner).__name__} monitors {monitor!r}, but a row has only {', '.join(row)}: "
            'pass fit(..., evaluate={"validation": (X, y)}) and monitor="validation_loss"'
        )
    return row[monitor]


def improves(value: float, best: float | None, mode: Mode, threshold: float = 0.0, relative: bool = False) -> bool:
    """Whether a value is better than the best so far, by more than a threshold; NaN never is.

    A relative threshold is a share of |best|, so that it works for negative values, too.
    """
    if best is None:
        best = math.inf if mode == "min" else -math.inf
    gain = best - value if mode == "min" else value - best
    return gain > (threshold * abs(best) if relative and math.isfinite(best) else threshold)


def check_best(value: object, mode: object) -> None:
    """Check a best value, and its direction, that come from a file. Raises ValueError."""
    if not (value is None or is_number(value)) or mode not in ("min", "max"):
        raise ValueError("the best value is no number, or has no direction")
