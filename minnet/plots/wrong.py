"""The mistakes of which a model is most confident show what it has not understood, or what is labelled wrongly."""

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.arrays import Array, Labels
from minnet.core.checks import check_choice
from minnet.core.described import counted
from minnet.core.layer import Layer
from minnet.metrics.predictions import TAKES
from minnet.plots import tiles
from minnet.plots.answers import probabilities
from minnet.plots.colours import readable, theme
from minnet.plots.figure import (
    NORMAL,
    SMALL,
    WIDTH,
    expect,
    label_axes,
    letter,
    names_of,
    new_figure,
    short,
    titled,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BARS = 10  # beside an image: more cannot be read
FEATURES = 8  # of a table


class Wrong(NamedTuple):
    """The mistakes to draw, the most confident first."""

    rows: Labels  # which samples
    p: Array  # the probabilities (M, C)
    predicted: Labels
    true: Labels
    names: list[str]

    def title(self, i: int) -> str:
        """Say in words what the i-th mistake is."""
        words = [short(self.names[k]) for k in (self.predicted[i], self.true[i])]
        return (", " if len("".join(words)) < 8 else "\n").join(
            f"{said} {word}" for said, word in zip(("predicted", "true"), words, strict=True)
        )


def mistakes(
    X: ArrayLike,
    prediction: ArrayLike,
    target: ArrayLike,
    *,
    most: int = 20,
    takes: str | None = None,
    shape: Sequence[int] | None = None,
    class_names: Sequence[object] | Layer | None = None,
    feature_names: Sequence[object] | None = None,
    title: str | None = None,
) -> "Figure":
    """Draw the mistakes of which the model is most confident: images beside their probabilities, or rows of a table.

    Beside an image stand its ten most probable classes, and the true one.

    Parameters
    ----------
    X
        N images, as for `minnet.plots.images`; or the rows of a table, (N, features).
    prediction
        The model's output, (N, C); or of yes-or-no answers (N,), or (N, 1).
    target
        The labels (N,), 0 … C − 1; of yes-or-no answers, 1 and 0.
    most
        The largest number of mistakes that are drawn.
    takes
        What the prediction is: ``"probabilities"`` (also if it is None), ``"scores"``, of which the softmax is taken
        (the sigmoid of a yes), or ``"log-probabilities"``.
    shape
        The shape of an image, if X has rows that are images and not square.
    class_names
        A name for each class, or the model that has them; by default 0 … C − 1.
    feature_names
        A name for each column of a table.
    title
        See `minnet.plots`.

    Raises
    ------
    ValueError, TypeError, NonFiniteError
        If these are something else, or not of the same samples.
    """
    check_choice("plots.mistakes", "takes", takes, TAKES)
    expect(most >= 1, f"plots.mistakes needs most >= 1, got {most}")
    p, labels = probabilities("plots.mistakes", prediction, target, takes)
    data = np.asarray(X)
    cure = "pass X, prediction and target of the same samples"
    expect(len(data) == len(p), f"plots.mistakes got {len(data):,} X and {len(p):,} predictions: {cure}")
    names, predicted = names_of("mistakes", p.shape[1], class_names), p.argmax(axis=1)
    every = np.flatnonzero(predicted != labels)
    heading = f"{counted(len(every), 'mistake')} among {counted(len(data), 'sample')}"
    if not len(every):
        figure = new_figure(5, 1.2, titled(title, heading.replace("0 mistakes", "No mistake")))
        words = "Every prediction is right: there is nothing to show."
        figure.text(0.5, 0.3, words, ha="center", fontsize=NORMAL, color=theme(figure).text)
        return figure
    rows = every[np.argsort(-p[every, predicted[every]], kind="stable")][:most]
    if len(every) > most:
        heading = f"The {most} most confident of {heading}"
    wrong = Wrong(rows, p[rows], predicted[rows], labels[rows], names)
    if shape is None and data.ndim == 2 and not _are_images(data):
        return _table(data, wrong, feature_names, titled(title, heading))
    return _pictures(tiles.as_pictures("mistakes", data[rows], shape), wrong, titled(title, heading))


def _are_images(rows: NDArray[Any]) -> bool:
    """Whether rows (N, features) are probably square images."""
    in_range = rows.dtype == np.uint8 or (rows.dtype.kind in "fb" and rows.min() >= 0 and rows.max() <= 1)
    return tiles.is_square(rows.shape[1]) and in_range


def _pictures(pictures: NDArray[Any], wrong: Wrong, title: str) -> "Figure":
    """Draw each image beside its probabilities."""
    names = [short(name, 12) for name in wrong.names]
    across = min(len(pictures), 4 if max(map(len, names)) <= 3 else 3)
    down = math.ceil(len(pictures) / across)
    tall = 26 * letter() * down + 0.9  # ten names beside the bars
    figure = new_figure(max(across * WIDTH / (4 if across == 4 else 3), 4), tall, title)
    grid = figure.add_gridspec(down, 2 * across)
    for place, picture in enumerate(pictures):
        row, column = divmod(place, across)
        left, bars = (figure.add_subplot(grid[row, 2 * column + right]) for right in (0, 1))
        left.imshow(picture, cmap="gray", vmin=0, vmax=1)
        left.set_anchor("NW")
        left.set_title(wrong.title(place), fontsize=NORMAL, loc="left")
        left.set(xticks=(), yticks=())
        left.spines[:].set(color=theme(left).grey, linewidth=0.5)
        handles = _bars(bars, wrong, place, names)
        lowest = place + across >= len(pictures)
        label_axes(bars, "probability" if lowest else "", "class" if column == 0 else "", SMALL)
    legend: dict[str, Any] = {"loc": "outside lower center", "ncols": 2, "frameon": False, "fontsize": NORMAL}
    figure.legend(handles, ("predicted", "true"), labelcolor=theme(figure).text, **legend)
    return figure


def _bars(axes: "Axes", wrong: Wrong, i: int, names: list[str]) -> "list[Artist]":
    """Draw the probabilities of one image as bars; return those of the predicted and the true class."""
    p, predicted, true = wrong.p[i], int(wrong.predicted[i]), int(wrong.true[i])
    largest = [k for k in np.argsort(-p, kind="stable").tolist() if k != true]
    shown, colours = sorted([true, *largest][:BARS]), theme(axes)
    known = {predicted: colours.series[1], true: colours.series[0]}
    axes.barh(range(len(shown)), p[shown], color=[known.get(k, colours.grey) for k in shown])
    axes.set(xlim=(0, 1), xticks=(0, 1), ylim=(len(shown) - 0.4, -0.6))
    axes.set_yticks(range(len(shown)), [names[k] for k in shown])
    axes.tick_params(axis="y", length=0)
    places = [shown.index(predicted), shown.index(true)]
    for place in places:  # a bar may be too short to be seen
        axes.get_yticklabels()[place].set(color=known[shown[place]], fontweight="bold")
    return [axes.patches[place] for place in places]


def _table(data: NDArray[Any], wrong: Wrong, feature_names: Sequence[object] | None, title: str) -> "Figure":
    """Draw the rows of a table, each number coloured by how far it is from its column's mean."""
    features = data.shape[1]
    names = [f"feature {k}" for k in range(features)] if feature_names is None else [str(n) for n in feature_names]
    got = f"got {len(names)}"
    expect(len(names) == features, f"plots.mistakes expected {features} feature_names, one a column of X, {got}")
    apart = _apart(data, wrong.rows)
    shown = np.sort(np.argsort(-np.abs(apart).mean(axis=0), kind="stable")[:FEATURES])  # the most unusual ones
    head = ["predicted", "true", "confidence", *(textwrap.fill(short(names[k], 24), 12) for k in shown)]
    cells = []
    for i, row in enumerate(wrong.rows):
        said, true = (short(wrong.names[k], 12) for k in (wrong.predicted[i], wrong.true[i]))
        cells.append([said, true, f"{100 * wrong.p[i].max():.1f} %", *(f"{number:.4g}" for number in data[row, shown])])
    figure = new_figure(1.15 * len(head), 0.28 * (len(cells) + 2) + 1.1, title)
    axes = figure.add_subplot()
    axes.axis("off")
    colours = theme(axes)
    table = axes.table(cells, colLabels=head, cellLoc="center", bbox=[0, 0, 1, 1])  # type: ignore[arg-type]
    table.auto_set_font_size(False)
    table.set_fontsize(SMALL)  # type: ignore[arg-type]
    for (row, column), cell in table.get_celld().items():
        paper: Any = colours.paper
        if row and column > 2:
            paper = colours.diverging(0.5 + np.clip(apart[row - 1, shown[column - 3]], -4, 4) / 12)
        cell.set(facecolor=paper, edgecolor=colours.faint, height=cell.get_height() * (1 if row else 1.8))
        cell.get_text().set(color=readable(paper[:3]), fontweight="normal" if row else "bold")
    more = f" {len(shown)} of {features} columns, the most unusual ones." if len(shown) < features else ""
    note = f"Blue is below the mean of a column, orange above.{more}"
    figure.supxlabel(note, fontsize=SMALL, color=colours.text)
    return figure


def _apart(data: NDArray[Any], rows: Labels) -> NDArray[np.float64]:
    """Return by how many standard deviations some rows of a table are above the mean of each column."""
    mean, spread = data.mean(axis=0, dtype=np.float64), data.std(axis=0, dtype=np.float64)
    apart: NDArray[np.float64] = data[rows] - mean
    np.divide(apart, spread, out=apart, where=spread > 0)  # of a column of one value, 0 everywhere
    return apart
