"""Cells are numbers as text: of one width in an array, abridged where the array is large."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMNS, ROWS = 7, 4  # shown of a matrix; of one row, all up to LONG
LONG = 10
WIDTH = 9


def number(value: Any) -> str:
    """Return a number with four digits, such as ``-0.04663``, ``2.321e-06`` or ``12``."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if not isinstance(value, float | np.floating):
        return str(value)
    size = abs(float(value))
    text = f"{float(value):.3e}" if 0 < size < 1e-3 else f"{float(value):.4g}"
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}" if e else text


def block(array: NDArray[Any], indent: str, name: str) -> list[str]:
    """Return the lines that show an array: all of it if it is small, else its first rows and columns.

    Of an array of more than two axes, the first matrix is shown, with its place.
    """
    if array.ndim == 0 or array.size == 0:
        return [indent + number(array[()])] if array.size else [f"{indent}(empty)"]
    lines = []
    if array.ndim > 2:
        place = (0,) * (array.ndim - 2)
        count = array.size // array[place].size
        lines.append(f"{indent}{name}{list(place)}" + (f", the first of {count}:" if count > 1 else ":"))
        array = array[place]
    if array.ndim == 1 or len(array) == 1:
        return lines + _row(array.reshape(-1), indent)
    few = len(array) if len(array) <= ROWS + 1 else ROWS
    if few < len(array) and not array[:few].any() and array.any():
        return [*lines, f"{indent}   (its first rows are 0)"]
    columns = array.shape[1] if array.shape[1] <= COLUMNS else COLUMNS - 1
    for row in array[:few]:
        cells = "".join(f"{number(value):>{WIDTH}} " for value in row[:columns])
        lines.append((indent + cells + " ..." * (columns < len(row))).rstrip())
    rest = [f"{len(array) - few} more rows"] if few < len(array) else []
    rest += [f"{array.shape[1]} columns"] if columns < array.shape[1] else []
    if rest:
        lines.append(f"{indent}   ... {', '.join(rest)}")
    return lines


def _row(row: NDArray[Any], indent: str) -> list[str]:
    """Return a vector in lines of five, or its first numbers."""
    if len(row) > LONG:
        if not row[: COLUMNS - 1].any() and row.any():
            return [f"{indent}   (its first numbers are 0)"]
        cells = "".join(f"{number(value):>{WIDTH}} " for value in row[: COLUMNS - 1])
        return [f"{indent}{cells} ..."]
    step = len(row) if len(row) <= COLUMNS else 5
    return [
        (indent + "".join(f"{number(value):>{WIDTH}} " for value in row[i : i + step])).rstrip()
        for i in range(0, len(row), step)
    ]


def statistics(array: NDArray[Any]) -> str:
    """Return the smallest, the largest and the mean number; "" for a small array, or one that holds no numbers."""
    if array.size <= LONG or array.dtype.kind not in "fiu":
        return ""
    zeros, mean = int((array == 0).sum()), float(array.mean())
    mean = 0.0 if abs(mean) < 1e-14 * float(np.abs(array).max()) else mean  # rounding
    text = f"{number(array.min())} to {number(array.max())}, mean {number(mean)}"
    return f"{text}, {zeros:,} of {array.size:,} are 0" if zeros * 4 > array.size else text
