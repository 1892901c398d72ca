"""A formula of a picture: set by matplotlib's mathtext, as large as its room allows, or else as it was written."""

import textwrap
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from minnet.explaining.tex import tex
from minnet.explaining.tokens import split_remark

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGE, LEAST, PLAIN = 11.0, 7.0, 7.5  # points
LINE = 0.14  # inches, of plain text


class FormulaText(NamedTuple):
    """A formula with the size of its letters, and its height in inches."""

    text: str
    is_math: bool
    size: float
    height: float

    def draw(self, axes: "Axes", x: float, top: float, colour: object) -> None:
        """Draw it, with the middle of its upper side at a place in inches."""
        axes.text(
            x,
            top,
            self.text,
            fontsize=self.size,
            ha="center",
            va="top",
            color=colour,
            parse_math=self.is_math,
            zorder=5,
        )


def formula_text(plain: str, width: float) -> FormulaText:
    """Plan how a formula is written in so many inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser

    if not plain.strip():
        return FormulaText("", False, PLAIN, 0.0)
    written = f"${tex(plain)}$".replace(r"\frac", r"\dfrac")
    is_chinese = any(unicodedata.east_asian_width(letter) in "WF" for letter in written)
    if not is_chinese:  # mathtext has no such letters
        wide, high, *_ = MathTextParser("path").parse(written, 72, FontProperties(size=LARGE))
        size = LARGE * min(1.0, 72 * width / max(wide, 1))
        if size >= LEAST:
            return FormulaText(written, True, size, high * size / LARGE / 72 + 0.04)
    lines = textwrap.wrap(split_remark(plain)[0] or plain, max(int(width / 0.068), 10) // (1 + is_chinese))
    return FormulaText("\n".join(lines), False, PLAIN, LINE * len(lines) + 0.04)
