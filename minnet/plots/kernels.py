"""Weights as pictures show what a layer looks for, or what it has learned."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.layer import Layer
from minnet.plots import tiles
from minnet.plots.figure import check_axes, colour_bar, expect, label_axes, letter, names_of, panel, short, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[np.floating[Any]]


class Drawn(NamedTuple):
    """The pictures of an array of weights, each with its caption."""

    pictures: Numbers
    captions: list[str]
    total: int


def weights(
    layer: Layer | ArrayLike,
    *,
    start: Layer | ArrayLike | None = None,
    most: int = 100,
    shape: Sequence[int] | None = None,
    class_names: Sequence[object] | Layer | None = None,
    ax: "Axes | None" = None,
    title: str | None = None,
) -> "Figure":
    """Draw weights as pictures: of a `Linear` layer each column, of a convolution each kernel.

    All pictures share one scale, with 0 in the colour of the paper, and one colour for weights above and another for
    those below. A kernel for three channels is a colour picture, in which 0 is grey. Of kernels for several channels
    there is a picture for each channel, "1 → 7" for that from channel 1 to output 7.
    Where a layer's inputs are no picture, its whole matrix is one: a row for each input, a column for each output.

    Parameters
    ----------
    layer
        A `Linear` layer or a convolution; a model, whose first such layer is drawn; or weights as an array, (I, O) or
        (I, O, H, W).
    start
        The same before training: then W − W₀ is drawn, what was learned. A pixel that is 0 in every image has gradient
        0, so its weights are still the random ones of the start, and their difference is 0. Because training writes in
        place, pass a copy that was made before it: ``copy.deepcopy(model)``, or ``layer.weight.data.copy()``.
    most
        The largest number of pictures: the first ones are drawn.
    shape
        The shape of an input, if it is a picture that is not square: (H, W), or (3, H, W) with colours.
    class_names
        What the outputs of a `Linear` layer stand for; by default those of the model.
    ax, title
        See `minnet.plots`.

    Raises
    ------
    ValueError
        If there are no such weights, if they are not finite, or if `start` is not of the same shape, or no copy.
    """
    expect(most >= 1, f"plots.weights needs most >= 1, got {most}")
    weight, names = _weight(layer), class_names
    if names is None and isinstance(layer, Layer) and layer.class_names and weight.ndim == 2:
        names = layer if len(layer.class_names) == weight.shape[1] else None
    if start is not None:
        weight = _change(weight, _weight(start))
    expect(np.isfinite(weight).all(), "plots.weights got NaN or infinity: training diverged; lower the learning rate")
    symbol = "W" if start is None else "W − W₀"
    if weight.ndim == 2 and shape is None and not tiles.is_square(len(weight)):
        return _matrix(weight, names, symbol, ax, title)
    drawn = _columns(weight, shape, names, most) if weight.ndim == 2 else _kernels(weight, most)
    what = "columns" if weight.ndim == 2 else "kernels"
    heading = "What the weights have learned" if start is not None else f"The {what} of W"
    if len(drawn.pictures) < drawn.total:
        heading += f": the first {len(drawn.pictures)} of {drawn.total:,}"
    columns = 5 if len(drawn.pictures) <= 10 else 10
    place = tiles.layout(drawn.pictures, drawn.captions, columns, None if ax is None else check_axes("weights", ax))
    limit = float(np.abs(drawn.pictures).max()) or 1.0
    size = place.inches[0] + 1, max(place.inches[1], 1.8)
    figure, axes, colours = panel("weights", ax, titled(title, heading), size)
    if drawn.pictures.ndim == 4:
        tiles.draw(axes, 0.5 + drawn.pictures / (2 * limit), drawn.captions, place, colours)
        return figure
    options = {"cmap": colours.diverging, "vmin": -limit, "vmax": limit}
    tiles.draw(axes, drawn.pictures, drawn.captions, place, colours, **options)
    colour_bar(axes, axes.images[0], symbol, aspect=30)
    return figure


def _weight(layer: Layer | ArrayLike) -> Numbers:
    """Return the weights to draw of a layer, of the first layer inside that has some, or as they were given."""
    found: Any = layer
    if isinstance(layer, Layer):
        inside: Any = (getattr(part, "weight", None) for _, part in layer.named_layers())
        found = next((w.data for w in inside if hasattr(w, "data") and w.data.ndim in (2, 3, 4)), None)
        cure = "pass one with Linear or a convolution in it, or an array"
        expect(found is not None, f"plots.weights expected a layer with weights, got {layer.describe()}: {cure}")
    weight = np.asarray(found)
    if weight.ndim == 3:
        weight = weight.transpose(1, 0, 2)[None]  # of Conv1d, (I, O, K): one picture (I, K) for each output
    fine = weight.ndim in (2, 4) and weight.size and weight.dtype.kind == "f"
    got = f"{weight.dtype} {weight.shape}: pass layer.weight.data"
    expect(fine, f"plots.weights expected floats (I, O) or (I, O, H, W), got {got}")
    return weight


def _change(weight: Numbers, start: Numbers) -> Numbers:
    """Return W − W₀."""
    got = f"got {start.shape}: pass the same layer before training"
    expect(weight.shape == start.shape, f"plots.weights expected the start as {weight.shape}, {got}")
    cure = "pass a copy made before training, which writes in place: copy.deepcopy(model)"
    expect(not np.shares_memory(weight, start), f"plots.weights got the same weight twice: {cure}")
    change: Numbers = weight - start
    return change


def _columns(weight: Numbers, shape: Sequence[int] | None, names: Sequence[object] | Layer | None, most: int) -> Drawn:
    """Return each column of W as a picture of an input's shape."""
    found = tiles.image_shape("weights", len(weight), shape)
    pictures = weight[:, :most].T.reshape(-1, *found)
    if len(found) == 3 and found[0] in (1, 3):
        pictures = np.moveaxis(pictures, 1, 3)
    if len(found) == 3:
        expect(pictures.shape[3] in (1, 3), f"plots.weights expected shape with 1 or 3 channels, got {tuple(found)}")
        pictures = pictures[..., 0] if pictures.shape[3] == 1 else pictures
    words = [short(name) for name in names_of("weights", weight.shape[1], names)]
    return Drawn(pictures, words[:most], weight.shape[1])


def _kernels(weight: Numbers, most: int) -> Drawn:
    """Return each kernel of (I, O, H, W) as a picture: in colours for three channels, else one for each channel."""
    inputs, outputs = weight.shape[:2]
    if inputs == 3:
        pictures = np.moveaxis(weight[:, :most], 0, 3)
        return Drawn(pictures, [str(k) for k in range(len(pictures))], outputs)
    pictures = weight.swapaxes(0, 1).reshape(-1, *weight.shape[2:])[:most]
    captions = [f"{i % inputs} → {i // inputs}" if inputs > 1 else str(i) for i in range(len(pictures))]
    return Drawn(pictures, captions, outputs * inputs)


def _matrix(
    weight: Numbers, names: Sequence[object] | Layer | None, symbol: str, ax: "Axes | None", title: str | None
) -> "Figure":
    """Draw W as one picture."""
    inputs, outputs = weight.shape
    limit = float(np.abs(weight).max()) or 1.0
    words = [short(name) for name in names_of("weights", outputs, names)]
    longest = max(map(len, words)) * letter()
    size = min(max(0.35 * outputs, 2) + 2, 10), min(max(0.3 * inputs, 2) + 1 + longest, 8)
    figure, axes, colours = panel("weights", ax, titled(title, f"{symbol}, {inputs:,} × {outputs:,}"), size)
    options: dict[str, Any] = {"vmin": -limit, "vmax": limit, "aspect": "auto"}
    axes.imshow(weight, cmap=colours.diverging, interpolation="nearest" if outputs < 500 else None, **options)
    if outputs <= 20:
        axes.set_xticks(range(outputs), words, rotation=90 if longest > 0.3 else 0)
    axes.locator_params(axis="y", integer=True)
    label_axes(axes, "output", "input")
    colour_bar(axes, axes.images[0], symbol, aspect=30)
    return figure
