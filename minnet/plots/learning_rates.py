"""The curve of the learning rate finder shows at which learning rates the loss falls."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from minnet.plots.figure import label_axes, legend_above, panel, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Curve(Protocol):
    """What `minnet.lr_finder` returns."""

    @property
    def lrs(self) -> Sequence[float]:
        """The learning rates."""
        ...

    @property
    def losses(self) -> Sequence[float]:
        """The loss at each."""
        ...

    @property
    def smoothed(self) -> Sequence[float]:
        """Their running average."""
        ...

    @property
    def suggestion(self) -> float:
        """A learning rate to start from."""
        ...


def lr_finder(curve: Curve, *, ax: "Axes | None" = None, title: str | None = None) -> "Figure":
    """Draw the loss over the learning rate, with the suggestion.

    Parameters
    ----------
    curve
        What `minnet.lr_finder` returned.
    ax, title
        See `minnet.plots`.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if not hasattr(curve, "smoothed"):
        cure = "pass what mn.lr_finder(trainer, loader) returns"
        raise TypeError(f"plots.lr_finder expected the curve of the finder, got a {type(curve).__name__}: {cure}")
    figure, axes, colours = panel("lr_finder", ax, titled(title, "Loss over learning rate"))
    axes.plot(curve.lrs, curve.losses, color=colours.grey, linewidth=0.8, alpha=0.6, label="loss of each batch")
    axes.plot(curve.lrs, curve.smoothed, linewidth=1.6, label="smoothed", **colours.line(0))
    suggestion = f"suggestion: {curve.suggestion:.1e}"
    axes.axvline(curve.suggestion, color=colours.series[1], linestyle="--", linewidth=1.6, label=suggestion)
    axes.set_xscale("log")
    low, high = min(curve.smoothed), curve.smoothed[0]
    axes.set_ylim(low - 0.2 * (high - low) - 1e-12, high + 0.5 * (high - low) + 1e-12)
    label_axes(axes, "learning rate", "loss")
    legend_above(axes, colours)
    return figure
