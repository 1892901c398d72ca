"""A table shows rows of numbers as text: one column under its heading, in no more than 79 characters."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from minnet.core.described import WIDTH

MOST = 12  # characters of a cell that is no number
WIDTHS = {"step": 7, "epoch": 5, "seconds": 7}  # of the columns that begin each row; others, at least NUMBER
NUMBER = 8  # such as 1.23e-05


def number(value: Any, name: str = "") -> str:
    """Return a value as a cell shows it: floats with five digits, or with an exponent where they are tiny or huge.

    The column ``seconds`` has one decimal. A float that is a whole number keeps its decimals, so that columns align.

    Examples
    --------
    >>> [number(value) for value in (12, 0.5, 12.3456, 0.00234, 0.00012345, float("nan"))]
    ['12', '0.5000', '12.346', '0.00234', '1.23e-04', 'nan']
    """
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0:
        value = value.item()
    if not isinstance(value, float):
        text = " ".join(str(value).split())
        return text if len(text) <= MOST or isinstance(value, int) else text[: MOST - 3] + "..."
    size = abs(value)
    if name == "seconds" and size < 1e6:
        return f"{value:.1f}"
    if size and not 1e-3 <= size < 1e5:  # or NaN, which is shown as it is
        return f"{value:.2e}"
    decimals = 5 - sum(size >= power for power in (0.01, 10, 100, 1000, 10_000))
    return f"{value:.{decimals if size else 4}f}"


class Text(str):
    """Text of several lines, which shows at the prompt and in a notebook as it is printed."""

    def __repr__(self) -> str:
        return str(self)


class Table:
    """Columns whose widths are chosen once, so that rows can be printed as they come.

    A heading is cut at its underscores into words, one below the other. Columns that a line has no room for are left
    out, the last ones first.

    Parameters
    ----------
    rows
        Those that are known: name → value.
    names
        The columns, in order.

    Attributes
    ----------
    hidden : list of str
        The columns that are left out.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]], names: Iterable[str]) -> None:
        self._rows = rows
        self._widths: dict[str, int] = {}
        self.hidden: list[str] = []
        for name in names:
            width = self._width(name)
            if self.hidden or sum(self._widths.values()) + len(self._widths) + width > WIDTH:
                self.hidden.append(name)
            else:
                self._widths[name] = width

    def head(self) -> list[str]:
        """Return the lines of the headings; the words of one end at the same line as those of the others."""
        words = {name: _words(name) for name in self._widths}
        most = max(map(len, words.values()), default=0)
        cells = {name: [""] * (most - len(found)) + found for name, found in words.items()}
        return [self._line({name: cells[name][i] for name in cells}) for i in range(most)]

    def line(self, row: Mapping[str, Any]) -> str:
        """Return a row; a column that it lacks is empty."""
        return self._line({name: number(row[name], name) if name in row else "" for name in self._widths})

    def _line(self, cells: Mapping[str, str]) -> str:
        return " ".join(f"{cells[name]:>{width}}" for name, width in self._widths.items()).rstrip()

    def _width(self, name: str) -> int:
        texts = [number(row[name], name) for row in self._rows if name in row]
        return max(*map(len, _words(name)), *map(len, texts), WIDTHS.get(name, NUMBER))


def _words(name: str) -> list[str]:
    """Cut a name at underscores, and what is too long for a cell after so many characters."""
    return [word[i : i + MOST] for word in str(name).split("_") for i in range(0, len(word), MOST)] or [""]
