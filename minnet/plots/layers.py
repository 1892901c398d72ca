"""What goes through each layer shows why a network does not learn: dead units, saturation, vanishing gradients."""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import scaled
from minnet.core.described import counted
from minnet.core.layer import Layer
from minnet.core.trees import as_tree, call, cast_tree, first, leaves, mapped, taken
from minnet.layers.activations.classic import Hardtanh, ReLU, ReLU6, Sigmoid, Tanh
from minnet.plots.figure import SMALL, expect, label_axes, letter, panel, short, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SAMPLES = 256  # of a batch that are looked at
ROWS = 40  # layers that are drawn
QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)
DIED: tuple[type[Layer], ...] = (ReLU, ReLU6)
LIMITS: dict[type[Layer], tuple[float, float]] = {Sigmoid: (0, 1), Tanh: (-1, 1), Hardtanh: (-1, 1)}


class Row(NamedTuple):
    """The numbers of one layer: some of their quantiles, and a remark."""

    name: str
    quantiles: NDArray[np.float64]
    remark: str


def activations(model: Layer, X: Any, *, ax: "Axes | None" = None, title: str | None = None) -> "Figure":
    """Draw the distribution of the outputs of each layer, for a batch.

    A thin line reaches from the 1st to the 99th percentile, a thick one over the middle half; a dot is the median.
    Beside a ReLU stands how many of its units are 0 for all samples, and so learn nothing; beside a Sigmoid or a Tanh,
    which share of its outputs is within a hundredth of its limits, where the gradient vanishes.

    Parameters
    ----------
    model
        Any layer; of more than 40 inside it, the first are drawn. A copy is run, in eval mode.
    X
        A batch, of which the first 256 samples are used: an array, or a tuple or dict of arrays for a model of several
        inputs. uint8 is multiplied by the model's `input_scale`.
    ax, title
        See `minnet.plots`.

    Raises
    ------
    ValueError, TypeError
        As the layers raise them.
    """
    probe, seen = copy.deepcopy(model).eval(), list[Row]()
    x = _batch("activations", X, probe)
    for path, layer in probe.named_layers():
        if not _holds_layers(layer):
            _record(layer, path, seen)
    call(probe.forward, x)
    expect(seen, f"plots.activations found no layer to run in {model.describe()}")
    heading = f"Outputs of each layer, for {counted(len(first(x)), 'sample')}"
    return _draw("activations", seen, "output", "linear", ax, titled(title, heading))


def gradients(
    model: Layer, loss: Layer, X: Any, target: Any, *, ax: "Axes | None" = None, title: str | None = None
) -> "Figure":
    """Draw the distribution of the gradient of each Parameter, for a batch: how large its numbers are.

    A thin line reaches from the 1st to the 99th percentile of what is not 0, a thick one over the middle half; a dot
    is the median. Where they become smaller from the last layer to the first, gradients vanish; where they become
    larger, they explode. Beside them stands which share is exactly 0.

    Parameters
    ----------
    model
        Any layer; of more than 40 Parameters, the first are drawn. A copy is run, in training mode.
    loss
        The loss it is trained with.
    X, target
        A batch, of which the first 256 samples are used: arrays, or tuples or dicts of arrays, as for `Trainer.fit`.
        uint8 in X is multiplied by the model's `input_scale`.
    ax, title
        See `minnet.plots`.

    Raises
    ------
    ValueError, TypeError
        As the layers and the loss raise them, and if the model has no Parameter.
    """
    probe, measure = copy.deepcopy(model).train(), copy.deepcopy(loss)
    x = _batch("gradients", X, probe)
    expect(probe.parameters(), f"plots.gradients found no Parameter in {model.describe()}")
    for parameter in probe.parameters():
        parameter.grad[...] = 0
    wanted = taken(as_tree("plots.gradients", "target", target), slice(SAMPLES))
    measure.forward(call(probe.forward, x), wanted)
    probe.backward(measure.backward())
    rows = []
    for path, parameter in probe.named_parameters():
        sizes = np.abs(parameter.grad.astype(np.float64)).ravel()
        zero = float(np.mean(sizes == 0))
        remark = "all 0" if zero == 1 else f"{100 * zero:.0f} % are 0" if zero >= 0.005 else ""
        rows.append(Row(path, _quantiles(sizes[sizes > 0]), remark))
    heading = f"Gradients of each Parameter, for {counted(len(first(x)), 'sample')}"
    return _draw("gradients", rows, "size of the gradient", "log", ax, titled(title, heading))


def _batch(name: str, X: Any, model: Layer) -> Any:
    """Return the first samples as the model takes them."""
    samples = taken(as_tree(f"plots.{name}", "X", X), slice(SAMPLES))
    return cast_tree(mapped(lambda x: scaled(x, model.input_scale), samples), model.dtype)


def _holds_layers(layer: Layer) -> bool:
    return sum(1 for _ in layer.named_layers()) > 1


def _record(layer: Layer, path: str, seen: list[Row]) -> None:
    """Make a layer note the quantiles of each output."""
    forward = layer.forward

    def recorded(*inputs: Any, **options: Any) -> Any:
        y = forward(*inputs, **options)
        numbers = np.concatenate([np.asarray(leaf, np.float64).ravel() for leaf in leaves(y)])
        seen.append(Row(f"{path} {type(layer).__name__}".strip(), _quantiles(numbers), _remark(layer, y)))
        return y

    layer.forward = recorded  # type: ignore[method-assign]


def _remark(layer: Layer, y: NDArray[Any]) -> str:
    """Say how many units of a layer are dead, or which share of its outputs is saturated."""
    if isinstance(layer, DIED):
        units = y.reshape(len(y), y.shape[1], -1) if y.ndim == 4 else y.reshape(-1, y.shape[-1], 1)  # a channel is one
        dead = int((units == 0).all(axis=(0, 2)).sum())
        return f"{dead} of {units.shape[1]} dead" if dead else "none dead"
    for kind, (low, high) in LIMITS.items():
        if isinstance(layer, kind):
            near = 0.01 * (high - low)
            return f"{100 * np.mean((y < low + near) | (y > high - near)):.0f} % saturated"
    return ""


def _quantiles(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the quantiles of the finite numbers; NaN if there is none."""
    finite = numbers[np.isfinite(numbers)]
    return np.quantile(finite, QUANTILES) if finite.size else np.full(len(QUANTILES), np.nan)


def _draw(name: str, rows: Sequence[Row], xlabel: str, scale: str, ax: "Axes | None", title: str) -> "Figure":
    """Draw a line for each row, the first one at the top."""
    if len(rows) > ROWS:
        title += f"\nthe first {ROWS} of {len(rows)}"
    rows = rows[:ROWS]
    words = [short(row.name, 32) for row in rows]
    room = letter() * (max(map(len, words)) + max(len(row.remark) for row in rows))
    figure, axes, colours = panel(name, ax, title, (4.5 + room, 0.3 * len(rows) + 1.2))
    for i, row in enumerate(rows):
        low, first, middle, third, high = row.quantiles
        axes.plot([low, high], [i, i], color=colours.series[0], linewidth=1)
        axes.plot([first, third], [i, i], color=colours.series[0], linewidth=6, alpha=0.5, solid_capstyle="butt")
        axes.plot(middle, i, marker="o", markersize=5, color=colours.series[1])
        place: dict[str, Any] = {
            "transform": axes.get_yaxis_transform(),
            "va": "center",
            "fontsize": SMALL,
            "color": colours.text,
        }
        axes.text(1.02, i, row.remark, **place)
    axes.set_yticks(range(len(rows)), words)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    values = np.array([row.quantiles for row in rows])
    if scale == "log" and np.nanmax(values, initial=0) > 0:
        axes.set_xscale("log")
    elif np.isfinite(values).any():
        axes.axvline(0, color=colours.grey, linestyle=":", linewidth=1, zorder=1)
        spreads = (values[:, -1] - values[:, 0])[np.isfinite(values[:, 0])]
        if spreads.min(initial=np.inf, where=spreads > 0) * 100 < spreads.max(initial=0):  # a layer would be a dot
            axes.set_xscale("symlog", linthresh=float(np.median(spreads[spreads > 0]) / 10))
    axes.grid(axis="x", color=colours.faint, linewidth=0.6)
    axes.set_axisbelow(True)
    label_axes(axes, xlabel, "")
    return figure
