"""A row is one line of the history: a dict of column → number."""

Row = dict[str, float]


def monitored(owner: object, monitor: str, row: Row) -> float:
    """Return the value of the column that a callback, or a Checkpoint, monitors; a ValueError, if there is none."""
    if monitor not in row:
        raise ValueError(
            f"{type(owner).__name__} monitors {monitor!r}, but a row has only {', '.join(row)}: "
            'pass fit(..., evaluate={"validation": (X, y)}) and monitor="validation_loss"'
        )
    return row[monitor]


def improves(monitor: str, value: float, best: float | None, min_delta: float = 0.0) -> bool:
    """Whether a value is better than the best so far: lower for a loss, higher for anything else; never NaN."""
    sign = 1 if monitor.endswith("loss") else -1
    return value == value and (best is None or sign * value < sign * best - min_delta)
