"""A plot is a picture of what a network saw, learned or mistook; each function here returns one.

What is returned is a matplotlib Figure: a notebook shows it when it is a cell's last value, a script
calls ``figure.savefig(path)``. Every function takes a `title` of your own to stand above the picture.

pyplot is not used, so there is nothing to close and no backend to choose. matplotlib comes with the
extra "plots", and is imported when the first picture is drawn.
"""

import functools
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Points = Iterable[tuple[float, float]]  # (step, percent)
Reference = Points | Mapping[str, Points]

# The colours of M. Okabe and K. Ito, which the colour-blind can tell apart.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
TRUE, PREDICTED, OTHER = PALETTE[0], PALETTE[1], "#B0B0B0"
GREY = "#707070"
WIDTH = 10.0  # inches, at 100 pixels an inch: about the width of a notebook's page
SMALL, NORMAL, LARGE = 8.5, 10, 12  # font sizes in points
MANY = 60  # classes; of more, a confusion matrix shows only the colours


def digits(
    X: ArrayLike, labels: Iterable[object] | None = None, columns: int = 20, title: str | None = None
) -> "Figure":
    """Draw images side by side, from left to right and from top to bottom.

    Parameters
    ----------
    X
        The images, (N, 784) or (N, 28, 28): floats from 0 (black) to 1 (white), or uint8.
    labels
        N strings or numbers, to stand under the images.
    columns
        How many images a row has at most; fewer if the labels need the room.

    Raises
    ------
    ValueError
        If the images or the labels are not as said, or there is no image.
    """
    images = _images("digits", X)
    names = None if labels is None else [str(label) for label in labels]
    if names is not None and len(names) != len(images):
        raise ValueError(f"plots.digits expected a label an image, got {len(names)} labels and {len(images)} images")
    if columns < 1:
        raise ValueError(f"plots.digits needs columns >= 1, got {columns}")
    if names:
        columns = min(columns, int(WIDTH / (0.12 + 0.075 * max(map(len, names)))) or 1)
    across = min(columns, len(images))
    down = math.ceil(len(images) / across)
    side = min(WIDTH / across / 1.04, 1.0)  # of an image, in inches
    pitch = 1.04 if names is None else 1 + 0.22 / side  # from row to row, in images
    height = down * side * pitch + 0.4
    figure = _figure(max(1.04 * across * side, 2), height, title or _count(len(images), "digit"))
    axes = figure.add_subplot()
    for i, image in enumerate(images):
        left, top = 1.04 * (i % across), pitch * (i // across)
        axes.imshow(image, cmap="gray", vmin=0, vmax=1, extent=(left, left + 1, top + 1, top))
        if names:
            axes.text(left + 0.5, top + 1 + 0.02 / side, names[i], ha="center", va="top", fontsize=SMALL)
    axes.set(xlim=(0, 1.04 * across - 0.04), ylim=(pitch * down, 0))
    axes.axis("off")
    return figure


def mistakes(
    X: ArrayLike, probabilities: ArrayLike, target: ArrayLike, most: int = 20, title: str | None = None
) -> "Figure":
    """Draw the misclassified digits, each beside the probabilities it was given.

    Parameters
    ----------
    X
        The images, (N, 784) or (N, 28, 28): floats from 0 to 1, or uint8.
    probabilities
        The model's output, (N, 10).
    target
        The true labels, (N,).
    most
        How many mistakes are drawn at most: the first ones.

    Raises
    ------
    ValueError
        If the arguments are not as said.
    """
    images, p, labels = _images("mistakes", X), np.asarray(probabilities), np.asarray(target)
    if p.shape != (len(images), 10):
        raise ValueError(
            f"plots.mistakes expected ten probabilities an image, ({len(images)}, 10), got {p.shape}: "
            "pass X, probabilities and target of the same samples"
        )
    if not (p.dtype.kind == "f" and np.all(p >= 0) and np.allclose(p.sum(axis=1), 1, atol=1e-3)):
        raise ValueError(
            "plots.mistakes expected probabilities, got rows that are not: for scores, "
            "pass mn.Softmax().forward(scores)"
        )
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() > 9:
        raise ValueError(
            f"plots.mistakes expected a label 0 … 9 an image, ({len(images)},) integers, got "
            f"{labels.shape} {labels.dtype}: of one-hot rows, pass target.argmax(axis=1)"
        )
    if most < 1:
        raise ValueError(f"plots.mistakes needs most >= 1, got {most}")
    predicted = p.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    said = f"{_count(len(wrong), 'mistake')} among {_count(len(images), 'digit')}"
    if len(wrong) == 0:
        figure = _figure(5, 1.2, title or said.replace("0 mistakes", "No mistake"))
        figure.text(0.5, 0.3, "Every prediction is right: there is nothing to show.", ha="center", fontsize=NORMAL)
        return figure
    if len(wrong) > most:
        said += f", the first {most}" if most > 1 else ", the first"
    wrong = wrong[:most]
    across = min(len(wrong), 4)
    down = math.ceil(len(wrong) / across)
    figure = _figure(max(across * WIDTH / 4, 3), 1.8 * down + 0.9, title or said)
    grid = figure.add_gridspec(down, 2 * across)
    for place, i in enumerate(wrong):
        row, column = divmod(place, across)
        picture = figure.add_subplot(grid[row, 2 * column])
        picture.imshow(images[i], cmap="gray", vmin=0, vmax=1)
        picture.set_title(f"{predicted[i]}, is {labels[i]}", fontsize=NORMAL)
        picture.axis("off")
        bars = figure.add_subplot(grid[row, 2 * column + 1])
        colours = [PREDICTED if k == predicted[i] else TRUE if k == labels[i] else OTHER for k in range(10)]
        bars.barh(range(10), p[i], color=colours)
        bars.set(xlim=(0, 1), xticks=(0, 1), yticks=range(10), ylim=(9.6, -0.6))
        _tidy(bars, "probability" if place + across >= len(wrong) else "", "digit" if column == 0 else "", size=SMALL)
        bars.tick_params(axis="y", length=0)
        for k in (predicted[i], labels[i]):  # a bar may be too short to be seen
            bars.get_yticklabels()[k].set(color=colours[k], fontweight="bold")
    handles = [bars.patches[predicted[i]], bars.patches[labels[i]]]
    figure.legend(handles, ("predicted", "true"), loc="outside lower center", ncols=2, frameon=False, fontsize=NORMAL)
    return figure


def learned(
    weight: ArrayLike,
    start: ArrayLike,
    bias: ArrayLike | None = None,
    bias_start: ArrayLike | None = None,
    title: str | None = None,
) -> "Figure":
    """Draw what one matrix of weights has learned, as a picture a digit: W − W₀, not W.

    A pixel that is black in every image has gradient 0, so its weights are still the random ones they
    began as. In the difference they are 0. All pictures share one scale.

    Parameters
    ----------
    weight, start
        W after training and W₀ before it, (784, 10): ``layer.weight.data``, and ``layer.weight.data.copy()``
        made before, for without a copy it would change along with the weights.
    bias, bias_start
        b and b₀, (10,): drawn as bars, b − b₀ if both are given.

    Raises
    ------
    ValueError
        If an array has another shape, holds NaN or infinity, or `start` is no copy.
    """
    change = _change("weight", weight, start, (784, 10))
    limit = float(np.abs(change).max()) or 1.0
    shift = None if bias is None else _change("bias", bias, bias_start, (10,))
    figure = _figure(WIDTH, 4.6 if shift is None else 6.4, title or "What the weights have learned, digit by digit")
    grid = figure.add_gridspec(2 if shift is None else 3, 5)
    pictures = []
    for digit in range(10):
        axes = figure.add_subplot(grid[digit // 5, digit % 5])
        image = axes.imshow(change[:, digit].reshape(28, 28), cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes.set_title(str(digit), fontsize=NORMAL)
        axes.set(xticks=(), yticks=())
        pictures.append(axes)
    bar = figure.colorbar(image, ax=pictures, aspect=30)
    bar.set_label("W − W₀: ink here speaks\nagainst (−) or for (+) the digit", fontsize=NORMAL)
    bar.ax.tick_params(labelsize=SMALL)
    if shift is not None:
        axes = figure.add_subplot(grid[2, :])
        axes.bar(range(10), shift, color=GREY, width=0.6)
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.set_xticks(range(10))
        _tidy(axes, "digit", "bias b" if bias_start is None else "b − b₀")
    return figure


def learning_curves(
    history: Sequence[Mapping[str, float]],
    columns: Iterable[str] | None = None,
    reference: Mapping[str, Points] | None = None,
    title: str | None = None,
) -> "Figure":
    """Draw losses and accuracies as training went on.

    Parameters
    ----------
    history
        The rows, such as ``trainer.history``.
    columns
        Which columns to draw; by default all named ``loss``, ``…_loss`` and ``…accuracy``. Accuracies
        are shares, 0 to 1, and drawn in per cent.
    reference
        Name → (step, per cent) pairs to compare the accuracies with, drawn dashed and grey.

    Raises
    ------
    ValueError
        If there is no row, no such column, or nothing to draw.
    """
    rows = list(history)
    present = list(dict.fromkeys(name for row in rows for name in row))
    if not rows or "step" not in present:
        raise ValueError("plots.learning_curves expected rows with a step, got none: pass trainer.history after fit")
    names = [n for n in present if n.endswith(("loss", "accuracy"))] if columns is None else list(columns)
    for name in names:
        if name not in present or not name.endswith(("loss", "accuracy")):
            raise ValueError(
                f"plots.learning_curves draws columns named …loss and …accuracy, got {name!r}: "
                f"the history has {', '.join(present)}"
            )
    # One data set has one colour, in both panels.
    sets = list(dict.fromkeys(name.removesuffix("loss").removesuffix("accuracy") for name in names))
    losses = [name for name in names if name.endswith("loss")]
    accuracies = [name for name in names if name.endswith("accuracy")]
    panels = [kind for kind, some in (("loss", losses), ("accuracy (%)", accuracies or reference)) if some]
    if not panels:
        raise ValueError(f"plots.learning_curves found no loss and no accuracy among {', '.join(present)}")
    figure = _figure(WIDTH if len(panels) == 2 else 0.6 * WIDTH, 4.2, title or "Learning curves")
    for i, kind in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), i + 1, sharex=figure.axes[0] if i else None)
        for name in losses if kind == "loss" else accuracies:
            points = [(row["step"], row[name]) for row in rows if name in row]
            colour = sets.index(name.removesuffix("loss").removesuffix("accuracy"))
            label = "loss while training" if name == "loss" else name.replace("_", " ")
            _curve(axes, points, label, PALETTE[colour % len(PALETTE)], 1 if kind == "loss" else 100)
        if kind != "loss" and reference:
            _reference(axes, reference)
        _tidy(axes, "step", kind, steps=True)
    return figure


def running_accuracy(
    scores: Mapping[int, float], reference: Reference | None = None, title: str | None = None
) -> "Figure":
    """Draw the running accuracy of an online pass.

    Parameters
    ----------
    scores
        Step → share of right predictions of late, 0 to 1: `minnet.callbacks.RunningScore.scores`.
    reference
        (step, per cent) pairs to compare with, drawn dashed and grey; or name → such pairs.

    Raises
    ------
    ValueError
        If there is no score, or one is outside 0 … 1.
    """
    if not scores:
        raise ValueError("plots.running_accuracy expected step → score, got none: pass RunningScore.scores after fit")
    figure = _figure(0.7 * WIDTH, 4.2, title or "Running accuracy, each sample counted before it is learned")
    axes = figure.add_subplot()
    _curve(axes, sorted(scores.items()), "running accuracy", PALETTE[0], 100)
    if reference:
        _reference(axes, reference)
    # The score starts at 0. Where the next one is far above, that point would squeeze all the others flat.
    later = [y for line in axes.lines for x, y in line.get_xydata() if x > 0]
    if later and min(later) > 0.75 * max(later):
        margin = 0.1 * (max(later) - min(later)) + 0.1
        axes.set_ylim(min(later) - margin, max(later) + margin)
        axes.lines[0].set_label("running accuracy, from 0 % at step 0")
    _tidy(axes, "step", "running accuracy (%)", steps=True)
    return figure


def confusion(matrix: ArrayLike, names: Sequence[object] | None = None, title: str | None = None) -> "Figure":
    """Draw a confusion matrix, coloured by its mistakes: the right ones, on the diagonal, stay grey.

    Parameters
    ----------
    matrix
        Counts (C, C), rows the true classes and columns the predicted ones:
        `minnet.metrics.confusion_matrix`. Zeros are left out; of more than 60 classes, all the numbers.
    names
        C names of the classes; by default 0 … C − 1.

    Raises
    ------
    ValueError
        If the matrix is not square, holds anything but counts, or only zeros; if the names are not C.
    """
    counts = np.asarray(matrix)
    square = counts.ndim == 2 and counts.shape[0] == counts.shape[1] > 0
    if not square or counts.dtype.kind not in "iu" or counts.min() < 0:
        raise ValueError(
            f"plots.confusion expected counts (C, C), integers from 0, got {counts.shape} {counts.dtype}: "
            "pass mn.metrics.confusion_matrix(prediction, target)"
        )
    classes, total, right = len(counts), int(counts.sum()), int(np.trace(counts))
    if total == 0:
        raise ValueError("plots.confusion expected at least one sample, got only zeros")
    words = [str(name) for name in (range(classes) if names is None else names)]
    if len(words) != classes:
        raise ValueError(f"plots.confusion expected {classes} names, one a class, got {len(words)}")
    wrong = np.ma.masked_array(counts, np.eye(classes, dtype=bool))
    numbered = classes <= MANY
    size = SMALL if classes <= 20 else 7
    cell = max(0.28, 0.1 + 0.0088 * size * len(str(counts.max())))  # inches: the longest number fits
    side = max(cell * min(classes, MANY), 3)
    longest = max(map(len, words))
    room = 0.075 * longest  # for the names
    figure = _figure(
        1.1 * side + 1 + room, side + 1 + room, title or f"{right:,} of {total:,} right ({right / total:.1%})"
    )
    axes = figure.add_subplot()
    axes.set_facecolor("#DDDDDD")  # shows through on the diagonal, which is masked
    image = axes.imshow(wrong, cmap="YlOrBr", vmin=0, vmax=max(int(wrong.filled(0).max()), 1))
    for i, j in np.argwhere(counts) if numbered else ():
        red, green, blue, _ = image.to_rgba(counts[i, j]) if i != j else (0.87, 0.87, 0.87, 1)
        # The luminance at which black and white stand out equally.
        colour = "black" if 0.21 * red**2.2 + 0.72 * green**2.2 + 0.07 * blue**2.2 > 0.18 else "white"
        axes.text(j, i, str(counts[i, j]), ha="center", va="center", fontsize=size, color=colour)
    shown = range(0, classes, math.ceil(classes / MANY))
    axes.set_xticks(shown, [words[k] for k in shown], rotation=90 if longest > 3 else 0)
    axes.set_yticks(shown, [words[k] for k in shown])
    _tidy(axes, "predicted", "true")
    bar = figure.colorbar(image, ax=axes, shrink=0.6, fraction=0.06, pad=0.02)
    bar.set_label("mistakes", fontsize=NORMAL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.ax.locator_params(axis="y", integer=True)
    return figure


def _figure(width: float, height: float, title: str) -> "Figure":
    """Make an empty figure, of so many inches."""
    require("matplotlib", "plots")
    width = max(width, 0.2 + 0.1 * len(title))
    figure = _figure_class()(figsize=(width, height), dpi=100, layout="constrained")
    figure.suptitle(title, fontsize=LARGE)
    return figure


@functools.cache
def _figure_class() -> "type[Figure]":
    from matplotlib.figure import Figure

    class NotebookFigure(Figure):
        """A Figure that a notebook shows without ``%matplotlib inline``, which registers no bare Figure's picture."""

        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png")
            return buffer.getvalue()

    return NotebookFigure


def _tidy(axes: "Axes", xlabel: str, ylabel: str, size: float = NORMAL, steps: bool = False) -> None:
    """Label the axes and take away the frame; with `steps`, x counts steps and there is a legend."""
    axes.set_xlabel(xlabel, fontsize=size)
    axes.set_ylabel(ylabel, fontsize=size)
    axes.tick_params(labelsize=SMALL)
    axes.spines[["top", "right"]].set_visible(False)
    if steps:
        axes.locator_params(axis="x", integer=True, nbins=6)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        seen = {x for line in axes.lines for x in line.get_xdata()}
        if len(seen) == 1:  # a history of one row
            axes.set_xticks(list(seen))
        axes.grid(color=GREY, alpha=0.2, linewidth=0.6)
        # Above the panel, where it hides no curve.
        ncols = 2 if all(len(str(line.get_label())) < 25 for line in axes.lines) else 1
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=ncols, frameon=False, fontsize=SMALL)


def _curve(axes: "Axes", points: Iterable[tuple[float, Any]], label: str, colour: str, factor: float) -> None:
    """Draw (step, value) pairs times `factor` as a line; 100 makes shares per cent."""
    steps, values = np.array([(step, np.nan if value is None else value) for step, value in points], float).T
    finite = np.isfinite(values)
    if factor == 100 and not np.all((values[finite] >= 0) & (values[finite] <= 1)):
        raise ValueError(
            f"plots expected {label} as a share, 0 to 1, got {values[finite].max()}: divide per cent by 100"
        )
    if not finite.all():
        label += f" (not finite from step {steps[~finite][0]:,.0f})"
    marker = "o" if finite.sum() <= 30 else ""  # one point alone makes no line
    values = np.where(finite, values, np.nan)
    axes.plot(steps, values * factor, color=colour, label=label, marker=marker, markersize=4, linewidth=1.6)


def _reference(axes: "Axes", reference: Reference) -> None:
    """Draw figures to compare with: dashed, grey, with hollow markers."""
    named = reference if isinstance(reference, Mapping) else {"reference": reference}
    for i, (name, points) in enumerate(named.items()):
        pairs = np.array(list(points), float)
        if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.all((pairs[:, 1] >= 0) & (pairs[:, 1] <= 100)):
            raise ValueError(
                f"plots expected the reference {name!r} as (step, per cent) pairs, got shape {pairs.shape}"
            )
        style: dict[str, Any] = {
            "color": GREY,
            "linestyle": "--",
            "linewidth": 1,
            "markerfacecolor": "none",
            "zorder": 1.9,
        }
        axes.plot(pairs[:, 0], pairs[:, 1], marker="os^Dv"[i % 5], markersize=6, label=name, **style)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _images(function: str, X: ArrayLike) -> NDArray[Any]:
    """Return images as (N, 28, 28), 0 to 1, or say why X is none."""
    images = np.asarray(X)
    if images.shape[1:] not in ((784,), (28, 28)) or len(images) == 0:
        cure = (
            "for one image, pass X[None]" if images.shape in ((784,), (28, 28)) else "cut the data to images of 28 × 28"
        )
        raise ValueError(f"plots.{function} expected images (N, 784) or (N, 28, 28), got {images.shape}: {cure}")
    if images.dtype == np.uint8:
        images = images / 255
    elif images.dtype.kind != "f":
        raise ValueError(
            f"plots.{function} expected uint8, or floats 0 to 1, got {images.dtype}: pass X.astype(np.uint8)"
        )
    if not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(
            f"plots.{function} expected pixels from 0 to 1, got {images.min():.3g} to {images.max():.3g}: "
            "undo the scaling, or pass X.clip(0, 1)"
        )
    return images.reshape(-1, 28, 28)


def _change(name: str, after: ArrayLike, before: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return after − before, both of this shape; before may be None."""
    new = np.asarray(after)
    old = np.zeros(shape) if before is None else np.asarray(before)
    for which, array in ((name, new), (f"{name} at the start", old)):
        if array.shape != shape or array.dtype.kind != "f":
            raise ValueError(
                f"plots.learned expected the {which} as {shape} floats, got {array.shape} {array.dtype}: "
                f"pass layer.{name}.data"
            )
        if not np.isfinite(array).all():
            raise ValueError(
                f"plots.learned expected finite numbers, got NaN or infinity in the {which}: "
                "the training diverged; lower the learning rate"
            )
    if np.shares_memory(new, old):
        raise ValueError(
            f"plots.learned expected two arrays, got the same {name} twice: training writes in place, "
            f"so keep a copy before it, layer.{name}.data.copy()"
        )
    return new - old
