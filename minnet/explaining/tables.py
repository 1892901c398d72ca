"""Tables of numbers in HTML, coloured by how large the numbers are."""

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from minnet.explaining import labels
from minnet.explaining.abridged import Array, Index, focus, matrices, some, strength
from minnet.explaining.cells import number, statistics
from minnet.explaining.text import WRONG

if TYPE_CHECKING:
    from minnet.explaining.explanation import Quantity

ROWS, COLUMNS, MATRICES = 6, 8, 2  # that are shown; where there are more, the last row and column are shown, too
MEASURED = 6  # entries in the list beside a large array
POSITIVE, NEGATIVE = "213, 94, 0", "0, 114, 178"  # red, green, blue: the orange and the blue of minnet.plots
STRONGEST = 0.5  # the opacity of a colour, so that text on it can be read on white and on black


def signed(value: object) -> str:
    """Return a number as text, with a true minus sign."""
    return number(value).replace("-", "−")


def bracketed(value: float) -> str:
    """Return a factor of a product as text; a negative one stands in brackets."""
    return f"({signed(value)})" if value < 0 else signed(value)


def figure(
    name: str, quantity: "Quantity", values: Array, remark: str = "", asked: Index = (), before: str = ""
) -> str:
    """Return an array under its name and its shape; the number that was asked about gets a frame."""
    arrow = f'<span aria-hidden="true">{before} </span>' if before else ""
    caption = f"{arrow}<strong>{escape(name)}</strong> {_shape(quantity)}" + (f" <em>{remark}</em>" if remark else "")
    if known := statistics(values):
        caption += f"<br/><small>{escape(known).replace('-', '−')}</small>"
    if values.size == 0 or values.ndim == 0:
        shown = signed(values[()]) if values.size else labels.EMPTY
        return f"<figure><figcaption>{caption} = {shown}</figcaption></figure>"
    colours, tables = strength(values), []
    centre = asked or focus(quantity.values, quantity.gradient)
    for place, matrix in matrices(values, MATRICES, centre):
        title = f"<small>{escape(name)}[{', '.join(map(str, place))}]</small>" if place else ""
        inside = asked[len(place) :] if asked[: len(place)] == place else ()
        near = (0, *centre)[-2:]
        letters = quantity.letters[len(place) :]
        tables.append(title + _table(name, matrix, colours[place].reshape(matrix.shape), letters, near, inside))
    left = values[..., 0, 0].size - len(tables) if values.ndim > 2 else 0
    more = f"<small>{labels.MORE.format(n=f'{left:,}')}</small>" if left else ""
    return f"<figure><figcaption>{caption}</figcaption>{''.join(tables)}{more}</figure>"


def measured(quantity: "Quantity") -> str:
    """Return the finite differences of an array: as a table like the gradient's, or as a list of some entries."""
    gradient, slopes = quantity.gradient, quantity.slopes
    if gradient is None or not slopes:
        return ""
    name = labels.GRADIENT.format(name=quantity.name)
    if len(slopes) == gradient.size and gradient.ndim <= 2 and max(gradient.shape, default=1) <= ROWS:
        values = np.array([slopes[index] for index in np.ndindex(gradient.shape)]).reshape(gradient.shape)
        return figure(name, quantity, values, labels.MEASURED) + _remarks(quantity, gradient)
    entries = sorted(slopes, key=lambda index: -abs(float(gradient[index])))[:MEASURED]
    rows = [(f"{quantity.name}{list(index)}", gradient[index], slopes[index]) for index in entries]
    body = "".join(
        f'<tr><th scope="row">{escape(entry)}</th><td>{signed(one)}</td><td>{signed(other)}</td></tr>'
        for entry, one, other in rows
    )
    caption = labels.LARGEST.format(name=escape(name))
    table = scrolled(caption, heads(labels.ENTRY, labels.BACKWARD_SAYS, labels.MEASURED) + body)
    return f"<figure><figcaption>{caption}</figcaption>{table}</figure>{_remarks(quantity, gradient)}"


def _remarks(quantity: "Quantity", gradient: Array) -> str:
    """Say where backward and finite differences differ, and where L has a corner."""
    said = []
    if wrong := quantity.differing:
        entry, backward, slope = f"{quantity.name}{list(wrong[0])}", gradient[wrong[0]], quantity.slopes[wrong[0]]
        numbers = {
            "wrong": len(wrong),
            "all": len(quantity.slopes),
            "backward": signed(backward),
            "slope": signed(slope),
        }
        said.append(f'<p class="mn-wrong">{escape(labels.DIFFERS.format(entry=entry, **numbers))} {escape(WRONG)}</p>')
    if quantity.corners:
        said.append(f"<p>{labels.CORNER.format(n=len(quantity.corners))}</p>")
    return "".join(said)


def heads(*words: str) -> str:
    """Return the first row of a table."""
    return "<tr>" + "".join(f'<th scope="col">{word}</th>' for word in words) + "</tr>"


def scrolled(name: str, rows: str) -> str:
    """Return a table that scrolls where the page is narrow, also with the keyboard."""
    return f'<div class="mn-scroll" role="region" tabindex="0" aria-label="{name}"><table>{rows}</table></div>'


def _shape(quantity: "Quantity") -> str:
    shape = quantity.values.shape
    if not shape:
        return ""
    comma = "," if len(shape) == 1 else ""
    letters = f"({', '.join(map(escape, quantity.letters))}{comma}) = " if quantity.letters else ""
    return f"{letters}({', '.join(map(str, shape))}{comma})"


def _table(name: str, matrix: Array, colours: Array, letters: tuple[str, ...], near: Index, asked: Index) -> str:
    rows, columns = some(matrix.shape[0], ROWS, near[0]), some(matrix.shape[1], COLUMNS, near[1])
    is_vector = len(letters) < 2
    corner = [] if is_vector else [escape(f"{letters[-2]} \\ {letters[-1]}")]
    head = heads(*corner, *("…" if j is None else str(j) for j in columns))
    body = ""
    for i in rows:
        first = "" if is_vector else f'<th scope="row">{"…" if i is None else i}</th>'
        cells = (_cell(matrix, colours, i, j, bool(asked) and (i, j) == near) for j in columns)
        body += f"<tr>{first}{''.join(cells)}</tr>"
    return scrolled(escape(name), head + body)


def _cell(matrix: Array, colours: Array, i: int | None, j: int | None, asked: bool) -> str:
    if i is None or j is None:
        return "<td>…</td>"
    colour = float(colours[i, j])
    rgba = f"rgba({POSITIVE if colour > 0 else NEGATIVE}, {abs(colour) * STRONGEST:.2f})"
    style = f' style="background-color: {rgba} !important"' if matrix.dtype.kind == "f" and colour else ""
    frame = ' class="mn-asked"' if asked else ""
    return f"<td{frame}{style}>{signed(matrix[i, j])}</td>"
