"""A History is the list of the rows of a training, each a dict."""

import csv
import json
import math
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from minnet.core.rows import Row


class History(list[Row]):
    """The rows of a training run, oldest first.

    A row holds ``step`` and ``epoch`` (how many were finished), ``seconds`` since `fit` began,
    ``lr`` (the optimizer's), ``loss`` (the mean training loss since the row before; see `Loss.total_weight`), and
    ``NAME_loss`` and the metrics (``NAME_accuracy``, …) of every evaluation set.

    Examples
    --------
    >>> history = History([{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.5, "test_accuracy": 0.9}])
    >>> history.column("loss")
    [2.0, 1.5]
    >>> history[-1]["test_accuracy"]
    0.9
    """

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order of their first appearance."""
        return list(dict.fromkeys(name for row in self for name in row))

    def column(self, name: str) -> list[float]:
        """Return one column; rows without it have NaN there.

        Raises
        ------
        KeyError
            If no row has it.
        """
        if name not in self.names:
            raise KeyError(f"the history has no column {name!r}, only {', '.join(self.names) or 'no row yet'}")
        return [row.get(name, math.nan) for row in self]

    def to_json(self, path: str | PathLike[str]) -> None:
        """Write the rows as a JSON array of objects; a number that is not finite becomes null, and text stays text.

        Raises
        ------
        TypeError
            If a value is none of these, nor a list of them: the message names its column, and nothing is written.
        """
        text = json.dumps([{name: _plain(name, value) for name, value in row.items()} for row in self], indent=1)
        Path(path).write_text(text + "\n", encoding="utf-8")

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write the rows as a CSV table with a header; a row without a column has an empty cell there."""
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.names)
            writer.writeheader()
            writer.writerows(self)


def _plain(name: str, value: Any) -> Any:
    """Return a value of a row as JSON has it."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"the history's column {name!r} holds a {type(value).__name__}, which JSON cannot hold")
