"""A row is what the history holds of one moment of training: a number for each column."""

Row = dict[str, float]


def monitored(owner: object, monitor: str, row: Row) -> float:
    """Return the column of a row that a callback, or a Checkpoint, watches.

    Raises
    ------
    ValueError
        If the row lacks it.
    """
    if monitor not in row:
        raise ValueError(
            f"{type(owner).__name__} monitors {monitor!r}, but a row has only {', '.join(row)}: "
            'pass fit(..., evaluate={"validation": (X, y)}) and monitor="validation_loss"'
        )
    return row[monitor]


def improves(monitor: str, value: float, best: float | None, min_delta: float = 0.0) -> bool:
    """Whether a value is better than the best so far: a loss is to fall, anything else to rise; NaN is no value."""
    sign = 1 if monitor.endswith("loss") else -1
    return value == value and (best is None or sign * value < sign * best - min_delta)
