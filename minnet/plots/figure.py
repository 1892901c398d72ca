"""The figure that every plot draws on: its colours, its sizes, its title, and the axes' labels."""

import functools
import io
from typing import TYPE_CHECKING, Any

from minnet.core.extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The colours of M. Okabe and K. Ito, which colour-blind people can tell apart.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LIGHT, GREY = "#B0B0B0", "#707070"
WIDTH = 10.0  # inches, at 100 pixels an inch: about the width of a notebook's page
SMALL, NORMAL, LARGE = 8.5, 10, 12  # font sizes in points
CLASSES = 100  # the most that a plot of all classes has room for


def expect(truth: object, message: str) -> None:
    """Raise a ValueError with a message, unless something is true."""
    if not truth:
        raise ValueError(message)


def new_figure(width: float, height: float, title: str) -> "Figure":
    """Return an empty figure of so many inches, or wide enough for its title; MissingExtraError without matplotlib."""
    require("matplotlib", "plots")
    size = max(width, 0.2 + 0.1 * len(title)), height
    figure = _figure_class()(figsize=size, dpi=100, layout="constrained")
    figure.suptitle(title, fontsize=LARGE)
    return figure


def label_axes(axes: "Axes", xlabel: str, ylabel: str, size: float = NORMAL) -> None:
    """Label the axes, and hide the frame at the top and on the right."""
    axes.set_xlabel(xlabel, fontsize=size)
    axes.set_ylabel(ylabel, fontsize=size)
    axes.tick_params(labelsize=SMALL)
    axes.spines[["top", "right"]].set_visible(False)


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
