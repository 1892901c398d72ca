"""Predicted quantities beside the true ones show where a regression is off."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.metrics.predictions import as_numbers
from minnet.metrics.regression import R2, RMSE
from minnet.plots.colours import Theme
from minnet.plots.figure import colour_bar, expect, label_axes, legend_above, panel, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]

DOTS = 5000  # more are drawn as a density
OUTPUTS = 4  # more have one colour


def predicted_true(
    prediction: ArrayLike, target: ArrayLike, *, ax: "Axes | None" = None, title: str | None = None
) -> "Figure":
    """Draw predicted quantities against the true ones: a perfect prediction is on the dotted line.

    Each of up to four outputs has a colour. More than 5,000 dots are drawn as a density.

    Parameters
    ----------
    prediction, target
        (N,), or (N, outputs), of one shape.
    ax, title
        See `minnet.plots`.

    Raises
    ------
    ValueError, TypeError, NonFiniteError
        As `minnet.metrics.R2` raises them.

    Examples
    --------
    >>> predicted_true([1.0, 2.0, 4.0], [1.0, 2.0, 3.0]).get_suptitle()
    'R² 0.500, root mean squared error 0.577'
    """
    p, t = _pairs("predicted_true", prediction, target)
    error = f"root mean squared error {RMSE()(p, t):.3g}"
    heading = titled(title, f"R² {R2()(p, t):.3f}, {error}" if len(p) > 1 else error.capitalize())
    figure, axes, colours = panel("predicted_true", ax, heading, (5.6, 5.2))
    low, high = min(p.min(), t.min()), max(p.max(), t.max())
    margin = 0.04 * (high - low) or 0.5
    axes.plot([low, high], [low, high], color=colours.grey, linestyle=":", linewidth=1, label="predicted = true")
    axes.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin))
    axes.set_aspect("equal")
    _dots(axes, t, p, colours)
    label_axes(axes, "true", "predicted")
    legend_above(axes, colours)
    return figure


def residuals(
    prediction: ArrayLike, target: ArrayLike, *, ax: "Axes | None" = None, title: str | None = None
) -> "Figure":
    """Draw the residuals, true − predicted, over what was predicted: there should be no pattern in them.

    Each of up to four outputs has a colour. More than 5,000 dots are drawn as a density.

    Parameters
    ----------
    prediction, target
        (N,), or (N, outputs), of one shape.
    ax, title
        See `minnet.plots`.

    Raises
    ------
    ValueError, TypeError, NonFiniteError
        As `minnet.metrics.RMSE` raises them.

    Examples
    --------
    >>> residuals([1.0, 2.0, 4.0], [2.0, 2.0, 3.0]).get_suptitle()
    'Residuals: mean 0, standard deviation 0.816'
    """
    p, t = _pairs("residuals", prediction, target)
    rest = t - p
    mean = rest.mean() if abs(rest.mean()) > 1e-6 * rest.std() else 0.0  # and not the error of rounding
    heading = titled(title, f"Residuals: mean {mean:.3g}, standard deviation {rest.std():.3g}")
    figure, axes, colours = panel("residuals", ax, heading, (6.0, 4.4))
    axes.axhline(0, color=colours.grey, linestyle=":", linewidth=1)
    _dots(axes, p, rest, colours)
    label_axes(axes, "predicted", "true − predicted")
    legend_above(axes, colours)
    return figure


def _pairs(name: str, prediction: ArrayLike, target: ArrayLike) -> tuple[Numbers, Numbers]:
    """Return both as (N, outputs), after the checks that metrics make."""
    metric = RMSE()
    p, t = (as_numbers(f"plots.{name}", *pair) for pair in (("prediction", prediction), ("target", target)))
    if p.shape == (*t.shape, 1):
        t = t[..., None]
    metric.update(p, t)
    expect(len(p), f"plots.{name} expected at least one sample, got none")
    return p.reshape(len(p), -1).astype(np.float64), t.reshape(len(t), -1).astype(np.float64)


def _dots(axes: "Axes", x: Numbers, y: Numbers, colours: Theme) -> None:
    """Draw a dot for each number of (N, outputs), or their density."""
    outputs = x.shape[1]
    if x.size > DOTS:
        drawn = axes.hexbin(x.ravel(), y.ravel(), gridsize=50, bins="log", mincnt=1, cmap=colours.rising, zorder=1.5)
        colour_bar(axes, drawn, "samples")
        return
    style: dict[str, Any] = {"linestyle": "", "markersize": 4, "alpha": 0.6, "markeredgewidth": 0}
    for k in range(outputs) if 1 < outputs <= OUTPUTS else ():
        axes.plot(x[:, k], y[:, k], label=f"output {k}", **colours.dots(k), **style)
    if outputs == 1 or outputs > OUTPUTS:
        axes.plot(x.ravel(), y.ravel(), marker="o", color=colours.series[0], **style)
