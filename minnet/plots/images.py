"""A plot of images shows what a network was given, what it got wrong, or what its weights have learned.

Images are given as (N, H, W), (N, H, W, C) or (N, C, H, W), with one channel or with three for colours; or as rows
(N, H·W), to which `shape` gives the height and width unless they are square. Pixels are floats from 0 (black) to 1
(white), or uint8. What cannot be drawn raises ValueError.
"""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.plots.figure import CLASSES, GREY, LIGHT, NORMAL, PALETTE, SMALL, WIDTH, expect, label_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRUE, PREDICTED = PALETTE[:2]
BARS = 10  # beside an image: more cannot be read


def digits(
    X: ArrayLike,
    labels: Iterable[object] | None = None,
    columns: int = 20,
    *,
    shape: Sequence[int] | None = None,
    title: str | None = None,
) -> "Figure":
    """Draw images side by side, from left to right and from top to bottom.

    Parameters
    ----------
    X
        N images, of digits or of anything else, at least one.
    labels
        N strings or numbers, which are written below the images.
    columns
        The largest number of images in a row; there are fewer if the labels need the room.
    shape
        The shape of an image, if X has rows that are not square.
    """
    images = _images("digits", X, shape)
    names = [] if labels is None else [str(label) for label in labels]
    got = f"got {len(names)} labels and {len(images)} images"
    expect(labels is None or len(names) == len(images), f"plots.digits expected a label an image, {got}")
    expect(columns >= 1, f"plots.digits needs columns >= 1, got {columns}")
    if names:
        columns = min(columns, int(WIDTH / (0.12 + 0.075 * max(map(len, names)))) or 1)
    across = min(columns, len(images))
    down = math.ceil(len(images) / across)
    side = min(WIDTH / across / 1.04, 1.0)  # the width of an image in inches; below, it is 1
    tall = images.shape[1] / images.shape[2]
    pitch = tall + (0.22 / side if names else 0.04)  # from row to row
    figure = new_figure(max(1.04 * across * side, 2), down * side * pitch + 0.4, title or _count(len(images), "image"))
    axes = figure.add_subplot()
    for i, image in enumerate(images):
        left, top = 1.04 * (i % across), pitch * (i // across)
        axes.imshow(image, cmap="gray", vmin=0, vmax=1, extent=(left, left + 1, top + tall, top))
        if names:
            axes.text(left + 0.5, top + tall + 0.02 / side, names[i], ha="center", va="top", fontsize=SMALL)
    axes.set(xlim=(0, 1.04 * across - 0.04), ylim=(pitch * down, 0))
    axes.axis("off")
    return figure


def mistakes(
    X: ArrayLike,
    probabilities: ArrayLike,
    target: ArrayLike,
    most: int = 20,
    *,
    shape: Sequence[int] | None = None,
    title: str | None = None,
) -> "Figure":
    """Draw the misclassified images, each beside its probabilities (of many classes, the ten largest and the true one).

    Parameters
    ----------
    X
        N images.
    probabilities
        The model's output, (N, C), whose rows add up to 1.
    target
        The true labels, (N,), from 0 to C − 1.
    most
        The largest number of mistakes that are drawn: the first ones.
    shape
        The shape of an image, if X has rows that are not square.
    """
    images = _images("mistakes", X, shape)
    p, labels = _answers(len(images), probabilities, target)
    expect(most >= 1, f"plots.mistakes needs most >= 1, got {most}")
    predicted = p.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    summary = f"{_count(len(wrong), 'mistake')} among {_count(len(images), 'image')}"
    if len(wrong) == 0:
        figure = new_figure(5, 1.2, title or summary.replace("0 mistakes", "No mistake"))
        figure.text(0.5, 0.3, "Every prediction is right: there is nothing to show.", ha="center", fontsize=NORMAL)
        return figure
    if len(wrong) > most:
        summary += f", the first {most}"
    wrong = wrong[:most]
    across = min(len(wrong), 4)
    down = math.ceil(len(wrong) / across)
    figure = new_figure(max(across * WIDTH / 4, 3), 1.8 * down + 0.9, title or summary)
    grid = figure.add_gridspec(down, 2 * across)
    for place, i in enumerate(wrong):
        row, column = divmod(place, across)
        picture, bars = (figure.add_subplot(grid[row, 2 * column + right]) for right in (0, 1))
        picture.imshow(images[i], cmap="gray", vmin=0, vmax=1)
        picture.set_title(f"{predicted[i]}, is {labels[i]}", fontsize=NORMAL)
        picture.axis("off")
        handles = _bars(bars, p[i], int(predicted[i]), int(labels[i]))
        lowest = place + across >= len(wrong)
        label_axes(bars, "probability" if lowest else "", "class" if column == 0 else "", SMALL)
    figure.legend(handles, ("predicted", "true"), loc="outside lower center", ncols=2, frameon=False, fontsize=NORMAL)
    return figure


def learned(
    weight: ArrayLike,
    start: ArrayLike,
    bias: ArrayLike | None = None,
    bias_start: ArrayLike | None = None,
    *,
    shape: Sequence[int] | None = None,
    title: str | None = None,
) -> "Figure":
    """Draw what one matrix of weights has learned, as an image for each class: W − W₀, not W.

    A pixel that is 0 in every image has gradient 0, so its weights are still the random ones of the start. In the
    difference they are 0. All images share one scale. Where it is positive, a bright pixel raises the class's score.

    Parameters
    ----------
    weight, start
        W after training and W₀ before it, finite, (H·W, C), for up to 100 classes C: ``layer.weight.data``, and a
        ``copy()`` of it that was made before, because training writes in place.
    bias, bias_start
        b and b₀, (C,), drawn as bars: b − b₀ if both are given, else b.
    shape
        The height and width of an image, if it is not square.
    """
    expected = np.shape(start)
    message = f"the weight at the start as (H·W, C), and shape=(H, W), got {expected} and {shape}"
    expect(len(expected) == 2 and (shape is None or len(shape) == 2), f"plots.learned expected {message}")
    change = _change("weight", weight, start, expected)
    classes = expected[1]
    shift = None if bias is None else _change("bias", bias, bias_start, (classes,))
    expect(classes <= CLASSES, f"plots.learned draws up to {CLASSES} classes, got {classes}: pass a part, W[:, :100]")
    height, width = _image_shape("learned", expected[0], shape)
    limit = float(np.abs(change).max()) or 1.0
    across = min(classes, 5 if classes <= BARS else 10)
    down = math.ceil(classes / across)
    row = max(0.4 + 8 * height / width / max(across, 5), 1.8 / down)  # inches: the colour bar needs 1.8
    heights = [row] * down + [1.8] * (shift is not None)
    size = 2 * max(min(across, 5), 2), 0.6 + sum(heights)
    figure = new_figure(*size, title or "What the weights have learned, class by class")
    grid = figure.add_gridspec(len(heights), across, height_ratios=heights)
    for k in range(classes):
        axes = figure.add_subplot(grid[divmod(k, across)], xticks=(), yticks=())
        image = axes.imshow(change[:, k].reshape(height, width), cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes.set_title(str(k), fontsize=NORMAL)
    bar = figure.colorbar(image, ax=figure.axes, aspect=30)
    bar.set_label("W − W₀ (+ raises\nthe class's score)", fontsize=NORMAL)
    bar.ax.tick_params(labelsize=SMALL)
    if shift is not None:
        axes = figure.add_subplot(grid[down, :], xticks=range(0, classes, math.ceil(classes / 30)))
        axes.bar(range(classes), shift, color=GREY, width=0.6)
        axes.axhline(0, color=GREY, linewidth=0.8)
        label_axes(axes, "class", "bias b" if bias_start is None else "b − b₀")
    return figure


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _image_shape(function: str, numbers: int, shape: Sequence[int] | None) -> tuple[int, ...]:
    """Return the given shape of an image, or that of a square, of so many numbers."""
    found = (math.isqrt(numbers),) * 2 if shape is None else tuple(shape)
    got = f"images of {numbers} numbers, which make no {'square' if shape is None else found}"
    cure = "pass shape=(height, width), or X[None] for one image"
    expect(math.prod(found) == numbers, f"plots.{function} got {got}: {cure}")
    return found


def _images(function: str, X: ArrayLike, shape: Sequence[int] | None) -> NDArray[np.floating[Any]]:
    """Return images as (N, H, W), or with colours as (N, H, W, C), from 0 to 1."""
    images = np.asarray(X)
    got = images.shape
    if images.ndim > 1 and (shape is not None or images.ndim == 2):
        images = images.reshape(len(images), *_image_shape(function, math.prod(got[1:]), shape))
    if images.ndim == 4 and (images.shape[1] == 1 or (images.shape[1] == 3 and images.shape[3] not in (1, 3, 4))):
        images = np.moveaxis(images, 1, 3)  # (N, C, H, W), as Conv2d takes it
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    expect(
        images.size > 0 and (images.ndim == 3 or (images.ndim == 4 and images.shape[3] in (3, 4))),
        f"plots.{function} expected N images, (N, H, W), (N, H, W, C) or rows (N, H·W), got {got}: "
        "pass at least one image (X[None] if it is the only one), of 1 or 3 channels",
    )
    wanted = f"plots.{function} expected uint8, or floats from 0 to 1, got"
    is_bytes = images.dtype == np.uint8
    expect(is_bytes or images.dtype.kind == "f", f"{wanted} {images.dtype}: pass X.astype(np.uint8)")
    low, high = images.min(), images.max()
    expect(is_bytes or (low >= 0 and high <= 1), f"{wanted} {low:.3g} to {high:.3g}: pass X.clip(0, 1)")
    return images / (255 if is_bytes else 1)


def _answers(count: int, probabilities: ArrayLike, target: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return probabilities and labels of so many images as arrays."""
    p, labels = np.asarray(probabilities), np.asarray(target)
    wanted = "plots.mistakes expected"
    cure = "pass X, probabilities and target of the same samples"
    expect(p.ndim == 2 and len(p) == count, f"{wanted} probabilities ({count}, C), got {p.shape}: {cure}")
    sums_to_1 = p.dtype.kind == "f" and np.all(p >= 0) and np.allclose(p.sum(axis=1), 1, atol=1e-3)
    cure = "if they are scores, pass mn.Softmax().forward(scores)"
    expect(sums_to_1, f"{wanted} probabilities, got rows that are negative or do not add up to 1: {cure}")
    in_range = labels.shape == (count,) and labels.dtype.kind in "iu" and np.isin(labels, range(p.shape[1])).all()
    cure = "of one-hot rows, pass target.argmax(axis=1)"
    wanted += f" an integer label 0 … {p.shape[1] - 1} an image, ({count},)"
    expect(in_range, f"{wanted}, got {labels.dtype} {labels.shape}: {cure}")
    return p, labels


def _bars(axes: "Axes", p: NDArray[Any], predicted: int, true: int) -> "list[Artist]":
    """Draw the probabilities of one image as bars; return those of the predicted and the true class."""
    largest = [k for k in np.argsort(-p, kind="stable").tolist() if k != true]
    shown = sorted([true, *largest][:BARS])
    colours = [PREDICTED if k == predicted else TRUE if k == true else LIGHT for k in shown]
    axes.barh(range(len(shown)), p[shown], color=colours)
    axes.set(xlim=(0, 1), xticks=(0, 1), ylim=(len(shown) - 0.4, -0.6))
    axes.set_yticks(range(len(shown)), [str(k) for k in shown])
    axes.tick_params(axis="y", length=0)
    places = [shown.index(predicted), shown.index(true)]
    for place in places:  # a bar may be too short to be seen
        axes.get_yticklabels()[place].set(color=colours[place], fontweight="bold")
    return [axes.patches[place] for place in places]


def _change(name: str, after: ArrayLike, before: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.floating[Any]]:
    """Return after − before, both of this shape; `before` may be None."""
    new, old = np.asarray(after), np.zeros(shape) if before is None else np.asarray(before)
    for which, array in ((name, new), (f"{name} at the start", old)):
        got = f"plots.learned expected the {which} as {shape} finite floats, got {array.dtype} {array.shape}"
        expect(array.shape == shape and array.dtype.kind == "f", f"{got}: pass layer.{name}.data")
        expect(np.isfinite(array).all(), f"{got} with NaN or infinity: training diverged; lower the learning rate")
    cure = f"training writes in place, so pass a copy made before it, layer.{name}.data.copy()"
    expect(not np.shares_memory(new, old), f"plots.learned got the same {name} twice: {cure}")
    change: NDArray[np.floating[Any]] = new - old
    return change
