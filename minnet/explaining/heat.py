"""One array of a picture: cells coloured by their numbers, with the numbers in them where they fit."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minnet.explaining.abridged import Array, Index, strength
from minnet.plots.colours import Theme, readable
from minnet.plots.tiles import is_square

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CELL, NARROW = (0.52, 0.23), 0.29  # inches: a cell with a number, and how narrow it may be
ROWS = 6  # of numbers
TALLEST, LARGEST = 1.05, 0.2  # inches: a matrix without numbers, and one cell of it
SIDES, GAP = 4, 0.08  # how many matrices stand side by side, and how far apart
LARGE, LEAST = 7.0, 5.2  # points, of the numbers
LETTER = 0.6  # the width of a digit, relative to its size


class Heat(NamedTuple):
    """An array, ready to be drawn."""

    matrices: list[Array]
    colours: list[Array]  # from −1 to 1
    marks: list[Array]  # True where a number gets a frame
    cell: tuple[float, float]  # inches
    texts: list[list[str]]  # the numbers of each matrix, row by row; none if they do not fit
    size: float  # points, of these
    drawn: str  # what part of the array this is, in words; "" for all of it

    @property
    def inches(self) -> tuple[float, float]:
        """The width and the height in inches."""
        rows, columns = self.matrices[0].shape
        return len(self.matrices) * (columns * self.cell[0] + GAP) - GAP, rows * self.cell[1]


def heat(values: Array, width: float, asked: Index = ()) -> Heat:
    """Plan how an array is drawn in so many inches; the number that was asked about gets a frame."""
    selected, shape, drawn = _matrices(values, asked)
    rows, columns = shape
    marks = np.zeros(values.shape, bool)
    marks[asked or (slice(0),) * min(values.ndim, 1)] = bool(asked)

    def cut(array: Array) -> list[Array]:
        return [array[place].reshape(shape) for place in selected]

    strengths = strength(values) if values.dtype.kind == "f" else np.zeros(values.shape)
    parts = cut(values), cut(strengths), cut(marks)
    room = width / len(selected) - GAP * (len(selected) > 1)
    if rows <= ROWS and columns * NARROW <= room:
        cell = min(CELL[0], room / max(columns, 1)), CELL[1]
        for form, least in ((".3g", LARGE - 1), ("#.2g", LEAST), (".2f", LEAST)):
            texts = [[_short(value, form) for value in matrix.ravel().tolist()] for matrix in parts[0]]
            longest = max((len(text) for matrix in texts for text in matrix), default=1)
            size = min(LARGE, 72 * (cell[0] - 0.03) / longest / LETTER)
            if size > least and (form != ".2f" or 0.1 <= np.abs(values).max() < 100):
                return Heat(*parts, cell, texts, size, drawn)
    side = min(room / columns, TALLEST / rows, LARGEST)
    return Heat(*parts, (side, side if rows > 1 else CELL[1]), [], 0, drawn)


def _matrices(values: Array, asked: Index) -> tuple[list[Any], tuple[int, int], str]:
    """Return indices that cut matrices out of an array, their shape, and which part they are.

    A row of pixels is a picture, and so is a column of a matrix that reads pixels.
    """
    shape = values.shape
    if values.ndim < 2:
        pixels = math.isqrt(values.size) if is_square(values.size) else 0
        return [...], (pixels, pixels) if pixels else (1, values.size), ""
    if values.ndim == 2 and is_square(shape[1]):
        places: list[Any] = _with([(i,) for i in range(min(shape[0], SIDES))], asked[:1])
        return places, (math.isqrt(shape[1]),) * 2, _part("rows", places, 0, shape[0])
    if values.ndim == 2 and is_square(shape[0]) and shape[1] < shape[0]:
        places = _with([(slice(None), j) for j in range(min(shape[1], SIDES))], asked and (slice(None), asked[1]))
        return places, (math.isqrt(shape[0]),) * 2, _part("columns", places, 1, shape[1])
    if values.ndim == 2:
        return [...], (shape[0], shape[1]), ""
    places = [place for _, place in zip(range(SIDES), np.ndindex(shape[:-2]), strict=False)]
    places = _with(places, asked[:-2])
    every = math.prod(shape[:-2])
    return places, (shape[-2], shape[-1]), f"{len(places)} of {every:,} matrices" if every > len(places) else ""


def _with(places: list[Any], asked: Any) -> list[Any]:
    """Put the place that was asked about last, if it is not there."""
    return [*places[:-1], asked] if asked and asked not in places else places


def _part(what: str, places: list[Any], axis: int, size: int) -> str:
    return f"{what} {', '.join(str(place[axis]) for place in places)} of {size:,}" if size > len(places) else ""


def draw(axes: "Axes", planned: Heat, left: float, top: float, colours: Theme) -> None:
    """Draw an array, with its upper left corner at a place in inches."""
    rows, columns = planned.matrices[0].shape
    width, height = columns * planned.cell[0], rows * planned.cell[1]
    for i, (matrix, strengths, marks) in enumerate(zip(planned.matrices, planned.colours, planned.marks, strict=True)):
        x = left + i * (width + GAP)
        if not matrix.size:
            continue
        extent = (x, x + width, top - height, top)
        axes.imshow(
            strengths, cmap=colours.diverging, vmin=-1, vmax=1, extent=extent, interpolation="nearest", zorder=2
        )
        _frame(axes, (x, top - height), width, height, colours.grey, 0.6)
        for row, column in np.argwhere(marks):
            corner = x + column * planned.cell[0], top - (row + 1) * planned.cell[1]
            _frame(axes, corner, *planned.cell, colours.text, 1.6)
        if planned.texts:
            _numbers(axes, planned, i, (x, top), colours)


def _frame(axes: "Axes", corner: tuple[float, float], width: float, height: float, colour: Any, line: float) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=colour, linewidth=line, zorder=3))


def _numbers(axes: "Axes", planned: Heat, which: int, corner: tuple[float, float], colours: Theme) -> None:
    wide, high = planned.cell
    for text, ((i, j), shade) in zip(planned.texts[which], np.ndenumerate(planned.colours[which]), strict=True):
        back = colours.diverging(shade / 2 + 0.5)
        place = corner[0] + (j + 0.5) * wide, corner[1] - (i + 0.5) * high
        axes.text(
            *place, text, ha="center", va="center_baseline", fontsize=planned.size, color=readable(back), zorder=4
        )


def _short(value: Any, form: str) -> str:
    """Return a number with few digits, as short as it gets."""
    text = format(value, form).rstrip(".") if isinstance(value, float) and value else f"{value:g}"
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}{e}{int(exponent) if e else ''}".replace("-", "−")
