"""The box of a layer in a picture: what it is, its formula, its Parameters and their gradients."""

import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

from minnet.explaining import labels
from minnet.explaining.abridged import Array, Index
from minnet.explaining.asked import asked_in
from minnet.explaining.chain import Link
from minnet.explaining.formula_text import FormulaText, formula_text
from minnet.explaining.heat import Heat, draw, heat
from minnet.plots.colours import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from minnet.explaining.explanation import Explanation, Quantity

PADDING, LINE, BETWEEN = 0.09, 0.15, 0.09  # inches
SIZE, SMALL = 8.0, 7.0  # points
LETTER = 0.066  # inches, of a letter of SIZE
MOST = 4  # arrays of a layer


class Table(NamedTuple):
    """An array under its caption."""

    caption: list[str]
    planned: Heat | None  # None for a caption alone

    @property
    def height(self) -> float:
        """In inches, the caption included."""
        return LINE * len(self.caption) + (self.planned.inches[1] if self.planned else 0)

    def draw(self, axes: "Axes", left: float, top: float, colours: Theme) -> None:
        """Draw it with its upper left corner at a place in inches."""
        for i, line in enumerate(self.caption):
            y = top - LINE * i
            axes.text(left, y, line, fontsize=SMALL, va="top", color=colours.text, parse_math=False, zorder=5)
        if self.planned:
            draw(axes, self.planned, left, top - LINE * len(self.caption), colours)


class Box(NamedTuple):
    """A layer's box, without its place."""

    title: list[str]
    formula: FormulaText | None
    rows: list[list[Table]]

    @property
    def height(self) -> float:
        """In inches."""
        rows = sum(max(table.height for table in row) + BETWEEN for row in self.rows)
        return 2 * PADDING + LINE * len(self.title) + (self.formula.height + 0.04 if self.formula else 0) + rows


def table(name: str, quantity: "Quantity", values: Array, width: float, asked: Index = ()) -> Table:
    """Plan an array of so many inches."""
    shape = f"({', '.join(quantity.letters)}) = " if quantity.letters else ""
    sizes = "×".join(map(str, values.shape))
    if values.ndim == 0:
        return Table([f"{name} = {float(values):.4g}".replace("-", "−")], None)
    planned = heat(values, width, asked) if values.size else None
    words = f"{name} {shape}{sizes}" + (f", {planned.drawn}" if planned and planned.drawn else "")
    return Table(textwrap.wrap(words, max(int(width / (LETTER * 0.9)), 12)), planned)


def box(link: Link, width: float, explanation: "Explanation") -> Box:
    """Plan the box of a layer, in so many inches."""
    step, room = link.step, width - 2 * PADDING
    where = f"{step.path}  " if step.path not in ("", "loss") else ""
    title = textwrap.wrap(where + step.description, int(room / LETTER))[:3]
    half = (room - 0.12) / 2
    rows = []
    for quantity in (*step.parameters, *(step.inputs[1:] if step.path == "loss" else ()))[:MOST]:
        asked = asked_in(step.path, quantity, explanation)
        row = [table(quantity.name, quantity, quantity.values, half, asked)]
        if quantity.gradient is not None and quantity in step.parameters:
            row.append(table(labels.GRADIENT.format(name=quantity.name), quantity, quantity.gradient, half, asked))
        rows.append(row)
    return Box(title, formula_text(step.formula, room) if step.formula else None, rows)


def draw_box(axes: "Axes", planned: Box, left: float, top: float, width: float, colours: Theme) -> None:
    """Draw a box with its upper left corner at a place in inches."""
    from matplotlib.patches import FancyBboxPatch

    style = f"round,pad=0,rounding_size={PADDING}"
    corner = left, top - planned.height
    frame: dict[str, Any] = {"facecolor": colours.paper, "edgecolor": colours.grey, "linewidth": 1, "zorder": 1.5}
    axes.add_patch(FancyBboxPatch(corner, width, planned.height, boxstyle=style, **frame))
    y = top - PADDING
    for line in planned.title:
        options: dict[str, Any] = {
            "ha": "center",
            "va": "top",
            "fontsize": SIZE,
            "fontweight": "bold",
            "parse_math": False,
        }
        axes.text(left + width / 2, y, line, color=colours.text, zorder=5, **options)
        y -= LINE
    if planned.formula:
        planned.formula.draw(axes, left + width / 2, y - 0.02, colours.text)
        y -= planned.formula.height + 0.04
    for row in planned.rows:
        y -= BETWEEN
        for i, part in enumerate(row):
            part.draw(axes, left + PADDING + i * (width - 2 * PADDING + 0.12) / 2, y, colours)
        y -= max(part.height for part in row)
