"""Curves show how a training went; a confusion matrix, what it led to."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.plots.figure import CLASSES, GREY, NORMAL, PALETTE, SMALL, WIDTH, expect, label_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Points = Iterable[tuple[float, float]]  # (step, per cent)


def learning_curves(
    history: Sequence[Mapping[str, float]],
    columns: Iterable[str] | None = None,
    reference: Mapping[str, Points] | None = None,
    *,
    title: str | None = None,
) -> "Figure":
    """Draw losses and accuracies as training went on.

    Parameters
    ----------
    history
        The rows, at least one, such as ``trainer.history``.
    columns
        Which columns to draw; by default all named ``loss``, ``…_loss`` and ``…accuracy``. Accuracies
        are shares, 0 to 1, and drawn in per cent.
    reference
        Name → (step, per cent) pairs to compare the accuracies with, drawn dashed and grey.
    """
    stepped = len(history) > 0 and all("step" in row for row in history)
    expect(stepped, "plots.learning_curves expected rows with a step, got none: pass trainer.history after fit")
    kinds = {name: name.rpartition("_")[2] for row in history for name in row}  # "test_loss" → "loss"
    names = [name for name in kinds if kinds[name] in ("loss", "accuracy")] if columns is None else list(columns)
    for name in names or ("",):
        got = f"got {name!r}: the history has {', '.join(kinds)}"
        known = kinds.get(name) in ("loss", "accuracy")
        expect(known, f"plots.learning_curves draws columns named …loss and …accuracy, {got}")
    sets = list(dict.fromkeys(name.rpartition("_")[0] for name in names))
    wanted = {kinds[name] for name in names} | ({"accuracy"} if reference else set())
    panels = sorted(wanted, reverse=True)  # the loss first
    figure = new_figure(WIDTH if len(panels) == 2 else 0.6 * WIDTH, 4.2, title or "Learning curves")
    for i, kind in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), i + 1, sharex=figure.axes[0] if i else None)
        for name in [name for name in names if kinds[name] == kind]:
            points = [(row["step"], row[name]) for row in history if name in row]
            label = "loss while training" if name == "loss" else name.replace("_", " ")
            # One data set has one colour, in both panels.
            colour = PALETTE[sets.index(name.rpartition("_")[0]) % len(PALETTE)]
            _curve(axes, points, label, colour, 1 if kind == "loss" else 100)
        if reference and kind == "accuracy":
            _reference(axes, reference)
        _tidy_steps(axes, "loss" if kind == "loss" else "accuracy (%)")
    return figure


def running_accuracy(
    scores: Mapping[int, float] | Sequence[Mapping[str, float]],
    reference: Points | Mapping[str, Points] | None = None,
    *,
    title: str | None = None,
) -> "Figure":
    """Draw the running accuracy of an online pass.

    Parameters
    ----------
    scores
        The rows that `minnet.callbacks.RunningScore` added a ``running_accuracy`` to, such as
        ``trainer.history``; or step → running accuracy, 0 to 1.
    reference
        (step, per cent) pairs to compare with, drawn dashed and grey; or name → such pairs.
    """
    if not isinstance(scores, Mapping):
        scores = {int(row["step"]): row["running_accuracy"] for row in scores if "running_accuracy" in row}
    cure = "fit with callbacks=[mn.callbacks.RunningScore()] and pass trainer.history"
    expect(scores, f"plots.running_accuracy expected at least one score, got none: {cure}")
    figure = new_figure(0.7 * WIDTH, 4.2, title or "Running accuracy, each sample counted before it is learned")
    axes = figure.add_subplot()
    points = [_curve(axes, sorted(scores.items()), "running accuracy", PALETTE[0], 100)]
    if reference is not None:
        points += _reference(axes, reference if isinstance(reference, Mapping) else {"reference": reference})
    # The score is 0 at step 0. Where the next one is far above, that point would squeeze all others flat.
    later = np.concatenate([pairs[pairs[:, 0] > 0, 1] for pairs in points])
    if len(later) and later.min() > 0.75 * later.max():
        margin = 0.1 * np.ptp(later) + 0.1
        axes.set_ylim(later.min() - margin, later.max() + margin)
        if 0 in scores:
            axes.lines[0].set_label(f"running accuracy, from {scores[0]:.0%} at step 0")
    _tidy_steps(axes, "running accuracy (%)")
    return figure


def confusion(matrix: ArrayLike, names: Sequence[object] | None = None, *, title: str | None = None) -> "Figure":
    """Draw a confusion matrix, coloured by its mistakes: the right ones, on the diagonal, stay grey.

    Parameters
    ----------
    matrix
        Counts (C, C) for up to 100 classes, rows the true and columns the predicted ones, as
        `minnet.metrics.confusion_matrix` returns them. Zeros are left out.
    names
        C names of the classes, such as ``model.class_names``; by default 0 … C − 1.
    """
    counts = np.asarray(matrix)
    square = counts.ndim == 2 and counts.shape[0] == counts.shape[1] and counts.dtype.kind in "iu"
    got = f"{counts.dtype} {counts.shape}: pass mn.metrics.confusion_matrix(prediction, target)"
    valid = square and np.all(counts >= 0) and counts.any()
    expect(valid, f"plots.confusion expected counts (C, C), integers and not all 0, got {got}")
    classes, total, right = len(counts), int(counts.sum()), int(np.trace(counts))
    expect(classes <= CLASSES, f"plots.confusion draws up to {CLASSES} classes, got {classes}: pass a part of them")
    words = [str(name) for name in (range(classes) if names is None else names)]
    expect(len(words) == classes, f"plots.confusion expected {classes} names, one a class, got {len(words)}")
    wrong = np.ma.masked_array(counts, np.eye(classes, dtype=bool))
    size = SMALL if classes <= 20 else 7
    cell = max(0.28, 0.1 + 0.0088 * size * len(str(counts.max())))  # inches: the longest number fits
    side, longest = max(cell * classes, 3), max(map(len, words))
    room = 0.075 * longest + 1
    figure = new_figure(1.1 * side + room, side + room, title or f"{right:,} of {total:,} right ({right / total:.1%})")
    axes = figure.add_subplot()
    axes.set_facecolor("#DDDDDD")  # shows through on the diagonal, which is masked
    image = axes.imshow(wrong, cmap="YlOrBr", vmin=0, vmax=max(int(wrong.filled(0).max()), 1))
    for i, j in np.argwhere(counts):
        red, green, blue, _ = image.to_rgba(counts[i, j]) if i != j else (0.87, 0.87, 0.87, 1)
        # Black and white stand out equally on a luminance of 0.18.
        colour = "black" if 0.21 * red**2.2 + 0.72 * green**2.2 + 0.07 * blue**2.2 > 0.18 else "white"
        axes.text(j, i, str(counts[i, j]), ha="center", va="center", fontsize=size, color=colour)
    axes.set_xticks(range(classes), words, rotation=90 if longest > 3 else 0)
    axes.set_yticks(range(classes), words)
    label_axes(axes, "predicted", "true")
    bar = figure.colorbar(image, ax=axes, shrink=0.6, fraction=0.06, pad=0.02)
    bar.set_label("mistakes", fontsize=NORMAL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.ax.locator_params(axis="y", integer=True)
    return figure


def _tidy_steps(axes: "Axes", ylabel: str) -> None:
    """Finish a panel of curves over steps."""
    label_axes(axes, "step", ylabel)
    axes.locator_params(axis="x", integer=True, nbins=6)
    # Around a single step there are ticks between the integers all the same.
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}" if abs(x - round(x)) < 1e-6 else "")
    axes.grid(color=GREY, alpha=0.2, linewidth=0.6)
    ncols = 2 if all(len(str(line.get_label())) < 25 for line in axes.lines) else 1
    # Above the panel, where it hides no curve.
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=ncols, frameon=False, fontsize=SMALL)


def _curve(
    axes: "Axes", points: Iterable[tuple[float, Any]], label: str, colour: str, factor: float
) -> NDArray[np.float64]:
    """Draw (step, value) pairs as a line, the values times `factor`: 100 makes shares per cent. Return them."""
    # A row read back from JSON has None for NaN.
    pairs = np.array([(step, np.nan if value is None else factor * value) for step, value in points], np.float64)
    finite = np.isfinite(pairs[:, 1])
    if factor == 100:
        outside = pairs[finite & ((pairs[:, 1] < 0) | (pairs[:, 1] > 100)), 1][:1] / 100
        expect(not outside.size, f"plots expected {label} as shares from 0 to 1, got {outside}: divide per cent by 100")
    if not finite.all():
        label += f" (not finite from step {pairs[~finite][0, 0]:,.0f})"
    pairs[~finite, 1] = np.nan
    marker = "o" if finite.sum() <= 30 else ""  # one point alone makes no line
    axes.plot(*pairs.T, color=colour, label=label, marker=marker, markersize=4, linewidth=1.6)
    return pairs


def _reference(axes: "Axes", reference: Mapping[str, Points]) -> list[NDArray[np.float64]]:
    """Draw (step, per cent) pairs to compare with: dashed, grey, hollow, behind the curves. Return them."""
    drawn = [np.array(list(points), np.float64) for points in reference.values()]
    style: dict[str, Any] = {"color": GREY, "linewidth": 1, "markerfacecolor": "none", "markersize": 6, "zorder": 1.9}
    for i, (name, pairs) in enumerate(zip(reference, drawn, strict=True)):
        valid = pairs.ndim == 2 and pairs.shape[1] == 2 and np.all((pairs[:, 1] >= 0) & (pairs[:, 1] <= 100))
        wanted = f"plots expected the reference {name!r} as pairs (step, per cent from 0 to 100)"
        expect(valid, f"{wanted}, got shape {pairs.shape}")
        axes.plot(*pairs.T, linestyle="--", marker="os^Dv"[i % 5], label=name, **style)
    return drawn
