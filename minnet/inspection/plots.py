"""A plot is a picture of what a network saw, learned or mistook; each function here returns one.

What is returned is a matplotlib Figure: a notebook shows it when it is a cell's last value, a script calls
``figure.savefig(path)``. Every function takes a `title` to stand above the picture, has one of its own if
none is given, and raises ValueError, with the cure, for input that it cannot draw. matplotlib comes with
the extra "plots", and is imported when the first picture is drawn; pyplot is not used, so there is nothing
to close and no backend to choose.
"""

import functools
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Points = Iterable[tuple[float, float]]  # (step, per cent)

# The colours of M. Okabe and K. Ito, which the colour-blind can tell apart.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
TRUE, PREDICTED, OTHER, GREY = PALETTE[0], PALETTE[1], "#B0B0B0", "#707070"
WIDTH = 10.0  # inches, at 100 pixels an inch: about the width of a notebook's page
SMALL, NORMAL, LARGE = 8.5, 10, 12  # font sizes in points


def digits(
    X: ArrayLike, labels: Iterable[object] | None = None, columns: int = 20, *, title: str | None = None
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
        If there is no image, or images or labels are not as said.
    """
    images = _images("digits", X)
    names = [] if labels is None else [str(label) for label in labels]
    fits = labels is None or len(names) == len(images)
    _expect(fits, f"plots.digits expected a label an image, got {len(names)} labels and {len(images)} images")
    _expect(columns >= 1, f"plots.digits needs columns >= 1, got {columns}")
    if names:
        columns = min(columns, int(WIDTH / (0.12 + 0.075 * max(map(len, names)))) or 1)
    across = min(columns, len(images))
    down = math.ceil(len(images) / across)
    side = min(WIDTH / across / 1.04, 1.0)  # of an image, in inches
    pitch = 1 + 0.22 / side if names else 1.04  # from row to row, in images
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
    X: ArrayLike, probabilities: ArrayLike, target: ArrayLike, most: int = 20, *, title: str | None = None
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
        If the arrays are not as said, or not of the same samples.
    """
    images, p, labels = _images("mistakes", X), np.asarray(probabilities), np.asarray(target)
    _expect(
        p.shape == (len(images), 10),
        f"plots.mistakes expected ten probabilities an image, {(len(images), 10)}, got {p.shape}: "
        "pass X, probabilities and target of the same samples",
    )
    _expect(
        p.dtype.kind == "f" and np.all(p >= 0) and np.allclose(p.sum(axis=1), 1, atol=1e-3),
        "plots.mistakes expected probabilities, got rows that are none: if they are scores, "
        "pass mn.Softmax().forward(scores)",
    )
    _expect(
        labels.shape == (len(images),) and labels.dtype.kind in "iu" and np.isin(labels, range(10)).all(),
        f"plots.mistakes expected an integer label 0 … 9 an image, ({len(images)},), got {labels.dtype} "
        f"{labels.shape}: of one-hot rows, pass target.argmax(axis=1)",
    )
    _expect(most >= 1, f"plots.mistakes needs most >= 1, got {most}")
    predicted = p.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    said = f"{_count(len(wrong), 'mistake')} among {_count(len(images), 'digit')}"
    if len(wrong) == 0:
        figure = _figure(5, 1.2, title or said.replace("0 mistakes", "No mistake"))
        figure.text(0.5, 0.3, "Every prediction is right: there is nothing to show.", ha="center", fontsize=NORMAL)
        return figure
    if len(wrong) > most:
        said += f", the first {most}"
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
        lowest = place + across >= len(wrong)
        _tidy(bars, "probability" if lowest else "", "digit" if column == 0 else "", SMALL)
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
    *,
    title: str | None = None,
) -> "Figure":
    """Draw what one matrix of weights has learned, as a picture a digit: W − W₀, not W.

    A pixel that is black in every image has gradient 0, so its weights are still the random ones they
    began as. In the difference they are 0. All pictures share one scale.

    Parameters
    ----------
    weight, start
        W after training and W₀ before it, (784, 10): ``layer.weight.data``, and a ``copy()`` of it made
        before, for training writes in place.
    bias, bias_start
        b and b₀, (10,): drawn as bars, b − b₀ if both are given.

    Raises
    ------
    ValueError
        If an array has another shape, holds NaN or infinity, or `start` is no copy.
    """
    change = _change("weight", weight, start, (784, 10))
    shift = None if bias is None else _change("bias", bias, bias_start, (10,))
    limit = float(np.abs(change).max()) or 1.0
    figure = _figure(WIDTH, 4.6 if shift is None else 6.4, title or "What the weights have learned, digit by digit")
    grid = figure.add_gridspec(2 if shift is None else 3, 5)
    for digit in range(10):
        axes = figure.add_subplot(grid[digit // 5, digit % 5], xticks=(), yticks=())
        image = axes.imshow(change[:, digit].reshape(28, 28), cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes.set_title(str(digit), fontsize=NORMAL)
    bar = figure.colorbar(image, ax=figure.axes, aspect=30)
    bar.set_label("W − W₀: ink here speaks\nagainst (−) or for (+) the digit", fontsize=NORMAL)
    bar.ax.tick_params(labelsize=SMALL)
    if shift is not None:
        axes = figure.add_subplot(grid[2, :], xticks=range(10))
        axes.bar(range(10), shift, color=GREY, width=0.6)
        axes.axhline(0, color=GREY, linewidth=0.8)
        _tidy(axes, "digit", "bias b" if bias_start is None else "b − b₀")
    return figure


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
    stepped = len(history) > 0 and all("step" in row for row in history)
    _expect(stepped, "plots.learning_curves expected rows with a step, got none: pass trainer.history after fit")
    kinds = {name: name.rpartition("_")[2] for row in history for name in row}  # "test_loss" → "loss"
    names = [name for name in kinds if kinds[name] in ("loss", "accuracy")] if columns is None else list(columns)
    for name in names or ("",):
        _expect(
            kinds.get(name) in ("loss", "accuracy"),
            f"plots.learning_curves draws columns named …loss and …accuracy, got {name!r}: "
            f"the history has {', '.join(kinds)}",
        )
    sets = list(dict.fromkeys(name.rpartition("_")[0] for name in names))
    wanted = {kinds[name] for name in names} | ({"accuracy"} if reference else set())
    panels = sorted(wanted, reverse=True)  # the loss first
    figure = _figure(WIDTH if len(panels) == 2 else 0.6 * WIDTH, 4.2, title or "Learning curves")
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

    Raises
    ------
    ValueError
        If there is no score, or one is outside 0 … 1.
    """
    if not isinstance(scores, Mapping):
        scores = {int(row["step"]): row["running_accuracy"] for row in scores if "running_accuracy" in row}
    cure = "fit with callbacks=[mn.callbacks.RunningScore()] and pass trainer.history"
    _expect(scores, f"plots.running_accuracy expected at least one score, got none: {cure}")
    figure = _figure(0.7 * WIDTH, 4.2, title or "Running accuracy, each sample counted before it is learned")
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
        Counts (C, C), rows the true classes and columns the predicted ones:
        `minnet.metrics.confusion_matrix`. Zeros are left out.
    names
        C names of the classes; by default 0 … C − 1.

    Raises
    ------
    ValueError
        If the matrix is not square, or holds anything but counts, or no sample, or more classes than can
        be read; if the names are not C.
    """
    counts = np.asarray(matrix)
    square = counts.ndim == 2 and counts.shape[0] == counts.shape[1]
    _expect(
        square and counts.dtype.kind in "iu" and np.all(counts >= 0) and counts.any(),
        f"plots.confusion expected counts (C, C), integers and not all 0, got {counts.dtype} {counts.shape}: "
        "pass mn.metrics.confusion_matrix(prediction, target)",
    )
    classes, total, right = len(counts), int(counts.sum()), int(np.trace(counts))
    _expect(classes <= 100, f"plots.confusion draws up to 100 classes, got {classes}: pass a part, matrix[:100, :100]")
    words = [str(name) for name in (range(classes) if names is None else names)]
    _expect(len(words) == classes, f"plots.confusion expected {classes} names, one a class, got {len(words)}")
    wrong = np.ma.masked_array(counts, np.eye(classes, dtype=bool))
    size = SMALL if classes <= 20 else 7
    cell = max(0.28, 0.1 + 0.0088 * size * len(str(counts.max())))  # inches: the longest number fits
    side, longest = max(cell * classes, 3), max(map(len, words))
    room = 0.075 * longest + 1
    figure = _figure(1.1 * side + room, side + room, title or f"{right:,} of {total:,} right ({right / total:.1%})")
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
    _tidy(axes, "predicted", "true")
    bar = figure.colorbar(image, ax=axes, shrink=0.6, fraction=0.06, pad=0.02)
    bar.set_label("mistakes", fontsize=NORMAL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.ax.locator_params(axis="y", integer=True)
    return figure


def _expect(truth: object, message: str) -> None:
    if not truth:
        raise ValueError(message)


def _figure(width: float, height: float, title: str) -> "Figure":
    """Make an empty figure, of so many inches, or wide enough for its title."""
    require("matplotlib", "plots")
    width = max(width, 0.2 + 0.1 * len(title))
    figure = _figure_class()(figsize=(width, height), dpi=100, layout="constrained")
    figure.suptitle(title, fontsize=LARGE)
    return figure


@functools.cache
def _figure_class() -> "type[Figure]":
    from matplotlib.figure import Figure

    class NotebookFigure(Figure):
        """A Figure that IPython shows also when neither pyplot nor ``%matplotlib inline`` has told it how."""

        def draw(self, renderer: Any) -> None:
            super().draw(renderer)
            self.set_layout_engine("none")  # laid out once: a second time would move things by a pixel

        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png")
            return buffer.getvalue()

    return NotebookFigure


def _tidy(axes: "Axes", xlabel: str, ylabel: str, size: float = NORMAL) -> None:
    """Label the axes, and take away half of the frame."""
    axes.set_xlabel(xlabel, fontsize=size)
    axes.set_ylabel(ylabel, fontsize=size)
    axes.tick_params(labelsize=SMALL)
    axes.spines[["top", "right"]].set_visible(False)


def _tidy_steps(axes: "Axes", ylabel: str) -> None:
    """Finish a panel of curves over steps."""
    _tidy(axes, "step", ylabel)
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
        _expect(
            not outside.size, f"plots expected {label} as shares from 0 to 1, got {outside}: divide per cent by 100"
        )
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
        _expect(
            pairs.ndim == 2 and pairs.shape[1] == 2 and np.all((pairs[:, 1] >= 0) & (pairs[:, 1] <= 100)),
            f"plots expected the reference {name!r} as pairs (step, per cent from 0 to 100), got shape {pairs.shape}",
        )
        axes.plot(*pairs.T, linestyle="--", marker="os^Dv"[i % 5], label=name, **style)
    return drawn


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _images(function: str, X: ArrayLike) -> NDArray[np.floating[Any]]:
    """Return images as (N, 28, 28), 0 to 1, or say why X is none."""
    images = np.asarray(X)
    cure = "X[None] for one image" if images.shape in ((784,), (28, 28)) else "at least one, of 28 × 28 pixels"
    _expect(
        images.shape[1:] in ((784,), (28, 28)) and images.size > 0,
        f"plots.{function} expected images (N, 784) or (N, 28, 28), got {images.shape}: pass {cure}",
    )
    _expect(
        images.dtype == np.uint8 or images.dtype.kind == "f",
        f"plots.{function} expected uint8, or floats from 0 to 1, got {images.dtype}: pass X.astype(np.uint8)",
    )
    pixels: NDArray[np.floating[Any]] = images / (255 if images.dtype == np.uint8 else 1)
    low, high = pixels.min(), pixels.max()
    _expect(
        low >= 0 and high <= 1,
        f"plots.{function} expected pixels from 0 to 1, got {low:.3g} to {high:.3g}: pass X.clip(0, 1)",
    )
    return pixels.reshape(-1, 28, 28)


def _change(name: str, after: ArrayLike, before: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.floating[Any]]:
    """Return after − before, both of this shape; `before` may be None."""
    new, old = np.asarray(after), np.zeros(shape) if before is None else np.asarray(before)
    for which, array in ((name, new), (f"{name} at the start", old)):
        got = f"plots.learned expected the {which} as {shape} finite floats, got {array.dtype} {array.shape}"
        _expect(array.shape == shape and array.dtype.kind == "f", f"{got}: pass layer.{name}.data")
        _expect(np.isfinite(array).all(), f"{got} with NaN or infinity: training diverged; lower the learning rate")
    cure = f"training writes in place, so pass a copy made before it, layer.{name}.data.copy()"
    _expect(not np.shares_memory(new, old), f"plots.learned got the same {name} twice: {cure}")
    change: NDArray[np.floating[Any]] = new - old
    return change
