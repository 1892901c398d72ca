"""A History is the list of the rows of a training, each a dict."""

import csv
import json
import math
import textwrap
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, SupportsIndex, overload

import numpy as np

from minnet.core.described import WIDTH, counted
from minnet.core.extras import require
from minnet.core.rows import Row
from minnet.core.table import Table, number
from minnet.core.words import OF_HISTORIES, answer, without_words

SHOWN, SHOWN_HTML = 10, 20  # rows; of a longer history, as many from its beginning as from its end


class History(list[Row]):
    """The rows of a training run, oldest first.

    A row holds ``step`` and ``epoch`` (how many were finished), ``seconds`` since `fit` began,
    ``lr`` (the optimizer's), ``loss`` (the mean training loss since the row before; see `Loss.total_weight`), and
    ``NAME_loss`` and the metrics (``NAME_accuracy``, …) of every evaluation set.

    At the prompt and in a notebook it shows as a table. It is a list, whose slices are Histories, too;
    ``list(history)`` is a plain one.

    Examples
    --------
    >>> history = History([{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.5, "test_accuracy": 0.9}])
    >>> history
    History of 2 rows
                         test
       step     loss accuracy
          1   2.0000
          2   1.5000   0.9000
    >>> history.column("loss")
    [2.0, 1.5]
    >>> history[-1]["test_accuracy"]
    0.9
    """

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order of their first appearance."""
        return list(dict.fromkeys(name for row in self for name in row))

    @overload
    def __getitem__(self, key: SupportsIndex) -> Row: ...

    @overload
    def __getitem__(self, key: slice) -> "History": ...

    def __getitem__(self, key: Any) -> Any:
        rows = super().__getitem__(key)
        return History(rows) if isinstance(key, slice) else rows

    def __dir__(self) -> list[str]:
        return without_words(self, super().__dir__())

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

    def to_pandas(self) -> Any:
        """Return the rows as a pandas DataFrame; a row without a column has NaN there. Needs the extra "jupyter"."""
        columns = {name: [row.get(name, math.nan) for row in self] for name in self.names}
        return require("pandas", "jupyter").DataFrame(columns)

    def __repr__(self) -> str:
        head = f"History of {counted(len(self), 'row')}"
        if not self:
            return head
        known = [row for row in _ends(self, SHOWN) if row is not None]
        table = Table(known, self.names)
        lines = [head, *table.head(), *(table.line(row) if row is not None else "..." for row in _ends(self, SHOWN))]
        if table.hidden:
            lines.append(textwrap.fill(f"(and {', '.join(table.hidden)})", WIDTH))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return a table for a notebook."""
        import html  # 2 ms that only a notebook needs

        names = self.names
        if not names:
            return f"<p>{self!r}</p>"

        def line(tag: str, cell: Callable[[str], str]) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(cell(name))}</{tag}>" for name in names) + "</tr>"

        lines = [line("th", str)]
        for row in _ends(self, SHOWN_HTML):
            if row is None:
                lines.append(f'<tr><td colspan="{len(names)}">{len(self) - SHOWN_HTML:,} more rows</td></tr>')
            else:
                lines.append(line("td", lambda name, row=row: number(row[name], name) if name in row else ""))  # type: ignore[misc]
        return '<table style="text-align: right">\n' + "\n".join(lines) + "\n</table>"


answer(History, OF_HISTORIES)


def _ends(history: History, most: int) -> list[Row | None]:
    """Return the rows, or those at the beginning and at the end with None between them, if there are more than most."""
    return [*history] if len(history) <= most else [*history[: most // 2], None, *history[-most // 2 :]]


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
