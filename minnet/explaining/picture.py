"""An explanation as a picture: forward down the left, the gradients back up on the right, the layers between them."""

import textwrap
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from minnet.core.extras import require
from minnet.explaining import labels
from minnet.explaining.asked import asked_in
from minnet.explaining.boxes import SIZE, SMALL, Box, Table, box, draw_box, table
from minnet.explaining.chain import chain
from minnet.explaining.tables import bracketed, signed
from minnet.explaining.tokens import split_remark
from minnet.plots.colours import Theme, theme
from minnet.plots.figure import LARGE, new_figure, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from minnet.explaining.explanation import Explanation, Index, Quantity, Step, Why

WIDTH = 10.0  # inches
COLUMN, MIDDLE = 3.0, 3.2  # the width of the outer columns, and of the boxes between them
LEFT, CENTRE, RIGHT = 0.2, 3.4, 6.8  # where the columns begin
HEAD, FOOT = 0.75, 0.15  # above and below the drawing
APART = 0.34  # from one array down to the next
WRONG_LINES = 4  # about gradients that are wrong
TERMS = 4  # of `why` that are written out
CHINESE = "Noto Sans CJK", "Noto Sans TC", "PingFang", "Heiti TC", "Microsoft JhengHei", "WenQuanYi", "Droid Sans F"


class Row(NamedTuple):
    """Arrays of the chain, and their gradients."""

    values: list[Table]
    gradients: list[Table]
    box: Box | None  # of the layer that computes them from the row above; None if they come from elsewhere
    words: list[str]  # above the box

    @property
    def height(self) -> float:
        """In inches."""
        return max((part.height for part in (*self.values, *self.gradients)), default=0.2)


def picture(explanation: "Explanation", title: str | None = None) -> "Figure":
    """Draw an explanation; see `Explanation.plot`."""
    with require("matplotlib", "plots").rc_context({"font.family": fonts()}):
        return _picture(explanation, title)


def fonts() -> list[str]:
    """Return the families of matplotlib's style, and one with Chinese letters, for a layer's name or its formula."""
    from matplotlib import font_manager, rcParams

    chinese = sorted(name for name in font_manager.get_font_names() if name.startswith(CHINESE))
    return [*rcParams["font.family"], *chinese[:1]]


def _picture(explanation: "Explanation", title: str | None) -> "Figure":
    rows = _rows(explanation)
    tops = _tops(rows)
    why = ["", *(_why(explanation.why) if explanation.why else []), *_agreement(explanation)]
    height = HEAD + tops[-1] + rows[-1].height + 0.15 * len(why) + FOOT
    model = textwrap.shorten(explanation.model, 60, placeholder="…")
    default = labels.TITLE.format(model=model, loss=explanation.loss.description)
    figure = new_figure(WIDTH, height, titled(title, default))
    figure.set_layout_engine("none")
    figure.suptitle(figure.get_suptitle(), y=1 - 0.1 / height, va="top", fontsize=LARGE)
    axes = figure.add_axes((0, 0, 1, 1))
    wide = figure.get_size_inches()[0]
    axes.set(xlim=(0, wide), ylim=(0, height))
    axes.axis("off")
    colours = theme(axes)
    _heads(axes, height - HEAD + 0.22, colours)
    for i, row in enumerate(rows):
        _draw(axes, row, height - HEAD - tops[i], colours)
        if row.box is not None:
            _link(axes, rows[i - 1], row, (height - HEAD - tops[i - 1], height - HEAD - tops[i]), colours)
    for i, line in enumerate(why):
        y = FOOT + 0.15 * (len(why) - i)
        axes.text(LEFT, y, line, fontsize=SIZE, va="top", color=colours.text, parse_math=False)
    axes.set(xlim=(0, wide), ylim=(0, height), aspect="auto")
    return figure


def _rows(explanation: "Explanation") -> list[Row]:
    asked = [asked_in("", quantity, explanation) for quantity in explanation.inputs]
    rows = [_row(explanation.inputs, None, [], asked)]
    for link in chain(explanation):
        words = [labels.LAYERS_LEFT_OUT.format(n=link.left_out)] if link.left_out else []
        words += [_inside(step) for step in link.around]
        if link.given:
            rows.append(_row(link.given, None, []))
        rows.append(_row(link.outputs, box(link, MIDDLE, explanation), words))
    return rows


def _inside(step: "Step") -> str:
    """Say which layer the next ones are inside, with its formula."""
    formula = split_remark(step.formula)[0] or step.formula
    return f"{step.path} {step.description.partition('(')[0]}: {formula}".strip()


def _row(
    quantities: "tuple[Quantity, ...]", planned: Box | None, words: "Sequence[str]", asked: "Sequence[Index]" = ()
) -> Row:
    shown = quantities[:3]
    width = (COLUMN - 0.15 * (len(shown) - 1)) / max(len(shown), 1)
    marks = [*asked, *[()] * len(shown)]
    values = [table(part.name, part, part.values, width, mark) for part, mark in zip(shown, marks, strict=False)]
    gradients = [
        table(labels.GRADIENT.format(name=part.name), part, part.gradient, width, mark)
        for part, mark in zip(shown, marks, strict=False)
        if part.gradient is not None
    ]
    if quantities and not gradients and quantities[0].values.ndim == 0:
        gradients = [Table([labels.GRADIENT_OF_LOSS], None)]
    lines = [part for line in words for part in textwrap.wrap(line, int(MIDDLE / 0.06), max_lines=3, placeholder="…")]
    return Row(values, gradients, planned, lines)


def _tops(rows: list[Row]) -> list[float]:
    """Return how far below the first row each begins: there is room for its box beside the gap above it."""
    tops = [0.0]
    for above, row in pairwise(rows):
        arrays = above.height + APART
        boxes = (above.height - row.height) / 2 + (row.box.height + 0.14 * len(row.words) + 0.2 if row.box else 0)
        tops.append(tops[-1] + max(arrays, boxes))
    return tops


def _heads(axes: "Axes", y: float, colours: Theme) -> None:
    for left, width, words in (
        (LEFT, COLUMN, labels.DOWN),
        (CENTRE, MIDDLE, labels.BETWEEN),
        (RIGHT, COLUMN, labels.UP),
    ):
        axes.text(
            left + (width / 2 if left == CENTRE else 0),
            y,
            words,
            ha="center" if left == CENTRE else "left",
            fontsize=SIZE + 1,
            color=colours.grey,
        )


def _draw(axes: "Axes", row: Row, top: float, colours: Theme) -> None:
    for left, tables in ((LEFT, row.values), (RIGHT, row.gradients)):
        step = (COLUMN + 0.15) / max(len(tables), 1)
        for i, part in enumerate(tables):
            part.draw(axes, left + i * step, top, colours)


def _link(axes: "Axes", above: Row, row: Row, tops: tuple[float, float], colours: Theme) -> None:
    """Draw a box in the middle between two rows of arrays, and the arrows beside it."""
    assert row.box is not None
    middle = (tops[0] - above.height / 2 + tops[1] - row.height / 2) / 2
    high = row.box.height + 0.14 * len(row.words)
    for i, line in enumerate(row.words):
        y = middle + high / 2 - 0.14 * i
        options: dict[str, Any] = {
            "ha": "center",
            "va": "top",
            "fontsize": SMALL,
            "style": "italic",
            "parse_math": False,
        }
        axes.text(CENTRE + MIDDLE / 2, y, line, color=colours.text, **options)
    draw_box(axes, row.box, CENTRE, middle + high / 2 - 0.14 * len(row.words), MIDDLE, colours)
    below = tops[0] - above.height - 0.03
    _arrow(axes, LEFT + 0.3, below, tops[1] + 0.03, colours.series[0])
    if above.gradients:
        _arrow(axes, RIGHT + 0.3, tops[1] + 0.03, below, colours.series[1])


def _arrow(axes: "Axes", x: float, start: float, end: float, colour: object) -> None:
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (x, end), (x, start), arrowprops=style)


def _why(why: "Why") -> list[str]:
    """Return the terms of the number that was asked about, in lines."""
    shown = [f"{bracketed(term.local)} · {bracketed(term.dy)}" for term in why.terms[:TERMS]]
    more = ["…"] if len(why.terms) > TERMS else []
    total = f"dL/d {why.entry} = {why.formula} = {' + '.join(shown + more)} = {signed(why.gradient)}"
    return textwrap.wrap(f"{total}; {labels.SLOPE}: {signed(why.slope)}", 150)


def _agreement(explanation: "Explanation") -> list[str]:
    """Say which gradients differ from finite differences, or how much they do at most."""
    wrong, largest = [], 0.0
    for step in (*explanation.steps, explanation.loss):
        for part in (*step.inputs, *step.parameters):
            if part.gradient is None:
                continue
            if part.differing:
                facts = {"layer": step.path or step.description, "wrong": len(part.differing), "all": len(part.slopes)}
                wrong.append(labels.WRONG.format(name=labels.GRADIENT.format(name=part.name), **facts))
            smooth = part.slopes.keys() - set(part.corners)
            largest = max([largest, *(abs(float(part.gradient[index]) - part.slopes[index]) for index in smooth)])
    if wrong:
        more = [labels.MORE.format(n=len(wrong) - WRONG_LINES)] if len(wrong) > WRONG_LINES else []
        return wrong[:WRONG_LINES] + more
    return [labels.AGREEMENT.format(difference=f"{largest:.0e}".replace("e-0", "e-").replace("-", "−"))]
