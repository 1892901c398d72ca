"""The figure that every plot draws on: its size, its title, its labels and its legend."""

import functools
import io
import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minnet.core.extras import require
from minnet.core.layer import Layer
from minnet.plots.colours import Theme, theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 10.0  # inches, at 100 pixels an inch: about the width of a notebook's page
PANEL = 6.0, 4.2  # the width and height of a figure of one panel
SMALL, NORMAL, LARGE = "small", "medium", "large"  # sizes of text, relative to rcParams["font.size"]
INCHES = 0.075  # the width of a small letter


def expect(truth: object, message: str) -> None:
    """Raise a ValueError with a message, unless something is true."""
    if not truth:
        raise ValueError(message)


def titled(title: str | None, default: str) -> str:
    """Return the user's title, which may be empty, or the default."""
    return default if title is None else title


def letter() -> float:
    """Return the width of a small letter in inches, in the size of text that matplotlib's style has."""
    return INCHES * float(require("matplotlib", "plots").rcParams["font.size"]) / 10


def new_figure(width: float, height: float, title: str) -> "Figure":
    """Return an empty figure of so many inches, or wide enough for its title; MissingExtraError without matplotlib."""
    require("matplotlib", "plots")
    size = max(width, 0.2 + 1.35 * letter() * max(map(len, title.split("\n")))), height
    figure = _figure_class()(figsize=size, dpi=100, layout="constrained")
    figure.suptitle(title, fontsize=LARGE)
    return figure


def panel(name: str, ax: "Axes | None", title: str, size: tuple[float, float] = PANEL) -> "tuple[Figure, Axes, Theme]":
    """Return the figure, the one panel to draw on, and its colours: the user's axes, or those of a new figure."""
    require("matplotlib", "plots")
    if ax is None:
        figure = new_figure(*size, title)
        axes = figure.add_subplot()
    else:
        axes = check_axes(name, ax)
        figure = axes.figure.figure  # of axes in a subfigure, the whole figure
        letters = max(int(axes.get_window_extent().width / figure.dpi / (1.15 * letter())), 20)
        axes.set_title("\n".join(textwrap.fill(line, letters) for line in title.split("\n")), fontsize=LARGE)
    return figure, axes, theme(axes)


def check_axes(name: str, ax: Any) -> "Axes":
    """Return matplotlib's Axes as they are; a TypeError, with the cure, if it is something else."""
    from matplotlib.axes import Axes

    if isinstance(ax, Axes) and ax.figure is not None:
        return ax
    got, cure = f"a {type(ax).__name__}", "figure, ax = plt.subplots()"
    if shape := getattr(ax, "shape", ()):
        got, cure = f"an array of them, {shape}", f"pass one, ax[{', '.join('0' * len(shape))}]"
    elif isinstance(ax, Axes):
        got = "axes that were removed from their figure"
    raise TypeError(f"plots.{name} expected ax to be matplotlib's Axes, got {got}: {cure}")


def label_axes(axes: "Axes", xlabel: str, ylabel: str, size: str = NORMAL) -> None:
    """Label the axes, and hide the frame at the top and on the right."""
    axes.set_xlabel(xlabel, fontsize=size)
    axes.set_ylabel(ylabel, fontsize=size)
    axes.tick_params(labelsize=SMALL)
    axes.spines[["top", "right"]].set_visible(False)


def colour_bar(axes: "Axes", drawn: Any, label: str, **options: Any) -> Any:
    """Say beside the panel what the colours stand for; the options are matplotlib's. Return the bar."""
    bar = axes.figure.colorbar(drawn, ax=axes, pad=0.02, **options)
    bar.set_label(label, fontsize=NORMAL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
    return bar


def legend_above(axes: "Axes", colours: Theme) -> None:
    """Put the legend between the panel and its title, where it hides no curve."""
    labels = [str(label) for label in axes.get_legend_handles_labels()[1]]
    if not labels:
        return
    columns = 2 if max(map(len, labels)) < 25 else 1
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, frameon=False, fontsize=SMALL, labelcolor=colours.text
    )
    if axes.get_title():
        axes.set_title(axes.get_title(), fontsize=LARGE, pad=8 + 187 * letter() * math.ceil(len(labels) / columns))


def names_of(name: str, classes: int, class_names: "Sequence[object] | Layer | None") -> list[str]:
    """Return a name for each class: those that were given, or those of the model that was given, or 0 … C − 1."""
    given = class_names.class_names if isinstance(class_names, Layer) else class_names
    if given is None:
        return [str(k) for k in range(classes)]
    words = [str(word) for word in given]
    expect(len(words) == classes, f"plots.{name} expected {classes} class_names, one a class, got {len(words)}")
    return words


def short(word: str, most: int = 20) -> str:
    """Return a name, or its beginning if it has more letters."""
    return word if len(word) <= most else word[: most - 1] + "…"


@functools.cache
def _figure_class() -> "type[Figure]":
    from matplotlib.figure import Figure

    class NotebookFigure(Figure):
        """A Figure that IPython shows without pyplot or ``%matplotlib inline``."""

        def draw(self, renderer: Any) -> None:
            super().draw(renderer)
            self.set_layout_engine("none")  # because a second layout would move things by a pixel

        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png")
            return buffer.getvalue()

    return NotebookFigure
