"""Curves show how a training went, or several."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minnet.core.described import counted
from minnet.plots.colours import STYLES, Theme, theme
from minnet.plots.figure import expect, label_axes, legend_above, new_figure, panel, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Sequence[Mapping[str, Any]]
Points = Iterable[tuple[float, float]]  # (step, per cent)

SIZE = 4.2, 3.9  # of one of several panels
WIDE = 20.0  # times the lowest loss: where the axis becomes logarithmic
MARKED = 30  # points at most have markers


class Column(NamedTuple):
    """A column of a history: ``test_loss`` is the loss of the set "test", ``loss`` that of the training."""

    name: str
    of: str
    kind: str

    @property
    def label(self) -> str:
        """What the legend calls it."""
        return (self.of or ("training" if self.kind == "loss" else self.kind)).replace("_", " ")


def curves(
    history: Rows | Mapping[str, Rows],
    columns: Iterable[str] | None = None,
    *,
    reference: Mapping[str, Points] | None = None,
    log: bool | None = None,
    ax: "Axes | None" = None,
    title: str | None = None,
) -> "Figure":
    """Draw losses and metrics over the steps of a training run, or of several.

    There is a panel for each kind of column: losses, accuracies, and other metrics. Accuracies are drawn in per cent.

    Parameters
    ----------
    history
        The rows, at least one, such as ``trainer.history``; or a name → the rows, of several runs to compare: each has
        a colour, and each data set a style of line.
    columns
        Which columns to draw; by default the losses and metrics of all data sets.
    reference
        Name → (step, per cent) pairs to compare the accuracies with, drawn dashed and grey.
    log
        Whether the losses' axis is logarithmic; by default it is if they fall to a twentieth, or lower.
    ax, title
        See `minnet.plots`. On one `ax`, draw columns of one kind.

    Raises
    ------
    ValueError
        If there are no rows with a step, no such column, or accuracies that are not shares from 0 to 1.

    Examples
    --------
    >>> history = [{"step": 10, "loss": 2.0, "test_loss": 2.1}, {"step": 20, "loss": 1.0, "test_loss": 1.5}]
    >>> [line.get_label() for line in curves(history).axes[0].lines]
    ['training', 'test']
    """
    runs = {"": history} if not isinstance(history, Mapping) else dict(history)
    drawn = _columns(runs, None if columns is None else list(columns))
    kinds = sorted({column.kind for column in drawn} | ({"accuracy"} if reference else set()), key=_order)
    heading = titled(title, "Learning curves" if len(runs) == 1 else counted(len(runs), "run"))
    if len(kinds) == 1:
        figure, axes, _ = panel("curves", ax, heading)
        panels = [axes]
    else:
        cure = f"pass columns of one of them, such as columns=[{drawn[0].name!r}]"
        expect(ax is None, f"plots.curves has {len(kinds)} panels to draw on one ax, {', '.join(kinds)}: {cure}")
        across = min(len(kinds), 2)
        down = math.ceil(len(kinds) / across)
        figure = new_figure(SIZE[0] * across, SIZE[1] * down, heading)
        panels = []
        for i in range(len(kinds)):
            panels.append(figure.add_subplot(down, across, i + 1, sharex=panels[0] if i else None))
    sets = list(dict.fromkeys(column.of for column in drawn))
    for axes, kind in zip(panels, kinds, strict=True):
        own = [column for column in drawn if column.kind == kind]
        _panel(axes, runs, own, sets, reference if kind == "accuracy" and reference else {}, log)
    return figure


def _columns(runs: Mapping[str, Rows], wanted: list[str] | None) -> list[Column]:
    """Return the columns to draw."""
    for rows in runs.values():
        is_rows = isinstance(rows, Sequence) and not isinstance(rows, str) and len(rows) > 0
        stepped = is_rows and all(isinstance(row, Mapping) and "step" in row for row in rows)
        expect(stepped, "plots.curves expected rows with a step, got none: pass trainer.history after fit")
    expect(runs, "plots.curves expected at least one run, got none: pass {name: trainer.history}")
    names = list(dict.fromkeys(name for rows in runs.values() for row in rows for name in row))
    sets = [name.removesuffix("_loss") for name in names if name.endswith("_loss")]
    columns = {name: _column(name, sets) for name in names if name != "step"}
    if wanted is None:
        quality = (c for c in columns.values() if c.kind in ("loss", "accuracy") or c.of)
        chosen = [column.name for column in quality if _is_number(column.name, runs)]
    else:
        chosen = wanted
    for name in chosen or [""]:
        expect(name in columns, f"plots.curves found no column {name!r} to draw: the history has {', '.join(names)}")
        cure = "name columns that have a number in each row"
        expect(_is_number(name, runs), f"plots.curves found other things than numbers in the column {name!r}: {cure}")
    return [columns[name] for name in chosen]


def _column(name: str, sets: list[str]) -> Column:
    """Tell the data set of a column from what it measures."""
    of = next((of for of in sorted(sets, key=len, reverse=True) if name.startswith(f"{of}_")), "")
    kind = name.removeprefix(f"{of}_") if of else name
    if not of and kind.endswith("_accuracy"):
        of, kind = kind.removesuffix("_accuracy"), "accuracy"
    return Column(name, of, kind)


def _is_number(name: str, runs: Mapping[str, Rows]) -> bool:
    values = [row[name] for rows in runs.values() for row in rows if name in row]
    return all(value is None or (np.isscalar(value) and not isinstance(value, str)) for value in values)


def _order(kind: str) -> tuple[int, str]:
    """Return where a panel stands: the loss first, then the accuracy."""
    return ("loss", "accuracy").index(kind) if kind in ("loss", "accuracy") else 2, kind


def _panel(
    axes: "Axes",
    runs: Mapping[str, Rows],
    columns: list[Column],
    sets: list[str],
    reference: Mapping[str, Points],
    log: bool | None,
) -> None:
    """Draw the columns of one kind."""
    colours, kind = theme(axes), columns[0].kind if columns else "accuracy"
    factor = 100 if kind == "accuracy" else 1
    points = []
    for i, (run, rows) in enumerate(runs.items()):
        for column in columns:
            pairs = [(row["step"], row[column.name]) for row in rows if column.name in row]
            if len(runs) == 1:  # one data set has one colour, in all panels
                label, look = column.label, colours.line(place := sets.index(column.of)) | colours.dots(place)
            else:
                look = colours.line(i) | colours.dots(i) | {"linestyle": STYLES[sets.index(column.of) % len(STYLES)]}
                label = run if len(sets) == 1 else f"{run}, {column.label}"
            if pairs:
                points.append(_curve(axes, pairs, label, factor, look))
    points += _reference(axes, reference, colours)
    _limits(axes, points, kind, log)
    label_axes(axes, "step", "accuracy (%)" if factor == 100 else kind.replace("_", " "))
    axes.locator_params(axis="x", integer=True, nbins=6)
    # Around a single step there are ticks between the integers all the same.
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}" if abs(x - round(x)) < 1e-6 else "")
    axes.grid(color=colours.faint, linewidth=0.6)
    axes.set_axisbelow(True)
    legend_above(axes, colours)


def _curve(
    axes: "Axes", points: Iterable[tuple[float, Any]], label: str, factor: float, look: Mapping[str, Any]
) -> NDArray[np.float64]:
    """Draw (step, value) pairs as a line, the values times `factor`: 100 makes shares per cent. Return them."""
    # A row read back from JSON has None for NaN.
    pairs = np.array([(step, np.nan if value is None else factor * value) for step, value in points], np.float64)
    finite = np.isfinite(pairs[:, 1])
    if factor == 100:
        outside = pairs[finite & ((pairs[:, 1] < 0) | (pairs[:, 1] > 100)), 1][:1] / 100
        cure = "divide per cent by 100"
        expect(not outside.size, f"plots.curves expected accuracies as shares from 0 to 1, got {outside}: {cure}")
    if not finite.all():
        label += f" (not finite from step {pairs[~finite][0, 0]:,.0f})"
    pairs[~finite, 1] = np.nan
    if finite.sum() > MARKED:  # one point alone makes no line, so a few have markers
        look = {**look, "marker": ""}
    axes.plot(*pairs.T, label=label, markersize=4, linewidth=1.6, **look)
    return pairs


def _reference(axes: "Axes", reference: Mapping[str, Points], colours: Theme) -> list[NDArray[np.float64]]:
    """Draw (step, per cent) pairs to compare with: dashed, grey, hollow, behind the curves. Return them."""
    drawn = [np.array(list(points), np.float64) for points in reference.values()]
    style: dict[str, Any] = {"color": colours.grey, "linewidth": 1, "markerfacecolor": "none", "markersize": 6}
    for i, (name, pairs) in enumerate(zip(reference, drawn, strict=True)):
        valid = pairs.ndim == 2 and pairs.shape[1] == 2 and np.all((pairs[:, 1] >= 0) & (pairs[:, 1] <= 100))
        wanted = f"plots.curves expected the reference {name!r} as pairs (step, per cent from 0 to 100)"
        expect(valid, f"{wanted}, got shape {pairs.shape}")
        axes.plot(*pairs.T, linestyle="--", marker="os^Dv"[i % 5], label=name, zorder=1.9, **style)
    return drawn


def _limits(axes: "Axes", points: list[NDArray[np.float64]], kind: str, log: bool | None) -> None:
    """Choose the axis: no accuracy beyond 100 %, a logarithmic one for a loss that falls far, no start far below."""
    values = np.concatenate([pairs[np.isfinite(pairs[:, 1]), 1] for pairs in points] or [np.zeros(0)])
    if not values.size:
        return
    if kind.endswith("loss"):
        positive = bool(values.min() > 0)
        cure = f"got {values.min():g}: leave log out"
        expect(positive or not log, f"plots.curves needs losses above 0 for a logarithmic axis, {cure}")
        if log or (log is None and positive and values.max() >= WIDE * values.min()):
            axes.set_yscale("log")
        return
    full = 100.0 if kind == "accuracy" else 1.0
    if values.min() < 0 or values.max() > full:
        return
    # A score that starts at 0 is 0 at step 0. Where the next is far above, that point would squeeze all others flat.
    later = np.concatenate([pairs[(pairs[:, 0] > 0) & np.isfinite(pairs[:, 1]), 1] for pairs in points])
    close = later.size > 0 and values.min() < 0.5 * later.min() and later.min() > 0.75 * later.max()
    seen = later if close else values
    margin = 0.08 * np.ptp(seen) + 0.001 * full
    axes.set_ylim(max(seen.min() - margin, 0.0), min(seen.max() + margin, full))
