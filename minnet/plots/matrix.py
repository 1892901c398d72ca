"""A confusion matrix shows which classes are taken for which."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.layer import Layer
from minnet.metrics.confusion import ConfusionMatrix
from minnet.metrics.predictions import as_numbers
from minnet.plots.colours import Theme, readable
from minnet.plots.figure import SMALL, colour_bar, expect, label_axes, letter, names_of, panel, short, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Counts = NDArray[Any]

LARGEST = 9.0  # inches that the matrix may be wide
SEEN = 400  # cells along an axis that can be told apart
CLASSES = 2000  # the most that are drawn


def confusion(
    prediction: ArrayLike,
    target: ArrayLike | None = None,
    *,
    threshold: float | None = None,
    class_names: Sequence[object] | Layer | None = None,
    ax: "Axes | None" = None,
    title: str | None = None,
) -> "Figure":
    """Draw a confusion matrix, coloured by its mistakes: the right ones, on the diagonal, stay grey.

    Rows are the true classes, and columns the predicted ones. The counts are written into the cells if they fit; zeros
    are left out.

    Parameters
    ----------
    prediction
        Scores or probabilities (N, C); the numbers of the predicted classes (N,); or yes-or-no answers (N,), with a
        `threshold`. Or, without a target, counts (C, C), as `minnet.metrics.confusion_matrix` returns them. C is at
        most 2,000.
    target
        The labels (N,), 0 … C − 1; of yes-or-no answers, 1 and 0.
    threshold
        Above which number an answer is a yes: 0.5 for probabilities, 0 for scores.
    class_names
        A name for each class, or the model that has them; by default 0 … C − 1.
    ax, title
        See `minnet.plots`.

    Raises
    ------
    ValueError, TypeError
        If the counts are not integers (C, C), or all 0; or as `minnet.metrics.confusion_matrix` raises them.

    Examples
    --------
    >>> confusion(np.array([[9, 1], [0, 5]]), class_names=["cat", "dog"]).get_suptitle()
    '14 of 15 right (93.3 %)'
    """
    if target is None:
        counts = _counts(np.asarray(prediction))
    else:
        p, labels = (as_numbers("plots.confusion", *pair) for pair in (("prediction", prediction), ("target", target)))
        scores = _one_hot(p, labels) if threshold is None else p
        counts = ConfusionMatrix(threshold=threshold)(scores, target)
    classes, total, right = len(counts), int(counts.sum()), int(np.trace(counts))
    cure = "pass the counts of some of them, matrix[:2000, :2000]"
    expect(classes <= CLASSES, f"plots.confusion draws up to {CLASSES:,} classes, got {classes:,}: {cure}")
    words = [short(name) for name in names_of("confusion", classes, class_names)]
    cell = 0.1 + letter() * len(str(counts.max()))  # inches: the longest number fits
    side, room = min(max(max(cell, 0.28) * classes, 3), LARGEST), letter() * max(map(len, words)) + 1
    heading = titled(title, f"{right:,} of {total:,} right ({100 * right / total:.1f} %)")
    figure, axes, colours = panel("confusion", ax, heading, (side + room + 1, side + room))
    inches = side if ax is None else min(axes.get_window_extent().size) / axes.figure.dpi
    _cells(axes, counts, colours)
    if cell * classes <= inches:
        _numbers(axes, counts, colours)
    _names(axes, words, inches)
    label_axes(axes, "predicted", "true")
    side = _side(counts)
    label = "mistakes" if side == 1 else f"mistakes, the most of {side} × {side} cells"
    bar = colour_bar(axes, axes.images[-1], label, shrink=0.6, fraction=0.06)
    bar.ax.locator_params(axis="y", integer=True)
    return figure


def _one_hot(prediction: Counts, target: Counts) -> Counts:
    """Return the numbers of classes as scores of all classes that occur; scores as they are."""
    numbers = prediction.shape == target.shape and prediction.dtype.kind in "iub" and target.dtype.kind in "iub"
    if not numbers or not prediction.size or min(prediction.min(), target.min()) < 0:
        return prediction
    classes: Counts = prediction[..., None] == np.arange(int(max(prediction.max(), target.max())) + 1)
    return classes.astype(np.float32)


def _counts(matrix: Counts) -> Counts:
    """Return counts as they are, after a check."""
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1] and matrix.dtype.kind in "iu"
    got = f"{matrix.dtype} {matrix.shape}: pass (prediction, target), or mn.metrics.confusion_matrix of them"
    valid = square and np.all(matrix >= 0) and matrix.any()
    expect(valid, f"plots.confusion expected counts (C, C), integers and not all 0, got {got}")
    return matrix


def _cells(axes: "Axes", counts: Counts, colours: Theme) -> None:
    """Colour the diagonal grey, and each mistake by its count; where there is none, the paper stays."""
    from matplotlib.colors import ListedColormap

    diagonal, edge = np.eye(len(counts), dtype=bool), len(counts) - 0.5
    hits, wrong = _pooled(np.where(diagonal, counts, 0)), _pooled(np.where(diagonal, 0, counts))
    end = len(wrong) * _side(counts) - 0.5
    style: dict[str, Any] = {"interpolation": "nearest", "extent": (-0.5, end, end, -0.5)}
    axes.imshow(np.ma.masked_equal(hits, 0), cmap=ListedColormap([colours.faint]), **style)
    axes.imshow(np.ma.masked_equal(wrong, 0), cmap=colours.rising, vmin=0, vmax=max(int(wrong.max()), 1), **style)
    axes.set(xlim=(-0.5, edge), ylim=(edge, -0.5))


def _side(counts: Counts) -> int:
    """Return how many cells along an axis are drawn as one: enough, that what is drawn can be seen."""
    return -(-len(counts) // SEEN)


def _pooled(counts: Counts) -> Counts:
    """Return the largest count of each square of cells, where single cells would be too small to be seen."""
    side = _side(counts)
    if side == 1:
        return counts
    whole = np.pad(counts, (0, -len(counts) % side))
    blocks: Counts = whole.reshape(len(whole) // side, side, -1, side).max(axis=(1, 3))
    return blocks


def _numbers(axes: "Axes", counts: Counts, colours: Theme) -> None:
    """Write the counts into their cells."""
    for i, j in np.argwhere(counts):
        paper = colours.faint if i == j else axes.images[-1].to_rgba(counts[i, j])[:3]
        axes.text(j, i, str(counts[i, j]), ha="center", va="center", fontsize=SMALL, color=readable(paper))


def _names(axes: "Axes", words: list[str], inches: float) -> None:
    """Write the names of the classes at both axes: all of them, or as many as there is room for."""
    line = 2.5 * letter()
    step = next(k for k in (1, 2, 5, 10, 20, 50, 100, 1000) if line * len(words) / k <= inches or k == 1000)
    places, shown = range(0, len(words), step), words[::step]
    upright = max(map(len, shown)) * letter() > 0.8 * step * inches / len(words)
    axes.set_xticks(places, shown, rotation=90 if upright else 0)
    axes.set_yticks(places, shown)
