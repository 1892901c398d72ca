"""Tiles are pictures side by side on one panel, from left to right and from top to bottom, each over its caption."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.plots.colours import Theme
from minnet.plots.figure import SMALL, WIDTH, expect, letter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Pictures = NDArray[Any]

GAP = 0.05  # between pictures, in widths of a picture
LEAST = 49  # numbers in a row that is taken for a square picture without being asked


class Layout(NamedTuple):
    """Where the pictures of one panel stand, in widths of a picture."""

    across: int
    down: int
    side: float  # the width of a picture in inches
    tall: float  # the height of a picture
    pitch: float  # from row to row

    @property
    def inches(self) -> tuple[float, float]:
        """The size of the figure that they need, with its title."""
        wide, high = (1 + GAP) * self.across * self.side, self.down * self.side * self.pitch
        return max(wide, 2), max(high, 0.5) + 0.45


def layout(pictures: Pictures, captions: Sequence[str], columns: int, ax: "Axes | None" = None) -> Layout:
    """Place pictures, at most so many in a row: on the user's axes as large as fit there.

    There are fewer in a row if captions need the room.
    """
    lines = max((caption.count("\n") + 1 for caption in captions), default=0)
    longest = max((len(line) for caption in captions for line in caption.split("\n")), default=0)
    tall, under = pictures.shape[1] / pictures.shape[2], lines * 2.4 * letter()
    if ax is None:
        if captions:
            columns = min(columns, int(WIDTH / (0.15 + 1.1 * letter() * longest)) or 1)
        across = min(columns, len(pictures))
        side = min(WIDTH / across / (1 + GAP), 1.0 if across > 5 else 1.6)
        return Layout(across, math.ceil(len(pictures) / across), side, tall, tall + GAP + under / side)
    box, dpi = ax.get_window_extent(), ax.figure.dpi
    wide, high = box.width / dpi, box.height / dpi
    best = Layout(1, len(pictures), 0.0, tall, tall)
    for across in range(1, min(columns, len(pictures)) + 1):
        down = math.ceil(len(pictures) / across)
        side = max(min(wide / across / (1 + GAP), (high / down - under) / (tall + GAP)), 0.02)
        if side > best.side:
            best = Layout(across, down, side, tall, tall + GAP + under / side)
    return best


def draw(
    axes: "Axes", pictures: Pictures, captions: Sequence[str], place: Layout, colours: Theme, **options: Any
) -> None:
    """Draw pictures (N, H, W) or (N, H, W, 3) with their captions; the options are those of `Axes.imshow`."""
    for i, picture in enumerate(pictures):
        left, top = (1 + GAP) * (i % place.across), place.pitch * (i // place.across)
        axes.imshow(picture, extent=(left, left + 1, top + place.tall, top), interpolation="nearest", **options)
        frame = [(left, top), (left + 1, top), (left + 1, top + place.tall), (left, top + place.tall), (left, top)]
        axes.plot(*zip(*frame, strict=True), color=colours.grey, linewidth=0.5, clip_on=False)
        if captions:
            under = top + place.tall + GAP / 2
            axes.text(left + 0.5, under, captions[i], ha="center", va="top", fontsize=SMALL, color=colours.text)
    axes.set(xlim=(0, (1 + GAP) * place.across - GAP), ylim=(place.pitch * place.down, 0))
    axes.set_aspect("equal")
    axes.axis("off")


def as_pictures(name: str, X: ArrayLike, shape: Sequence[int] | None, most: int | None = None) -> Pictures:
    """Return the first images as (N, H, W), or with colours as (N, H, W, C), floats from 0 to 1.

    Raises
    ------
    ValueError
        If they are no images: the message says what images are.
    """
    images = as_array(name, X)
    got = images.shape
    if images.ndim > 1 and (shape is not None or images.ndim == 2):
        images = images.reshape(len(images), *image_shape(name, math.prod(got[1:]), shape))
    if images.ndim == 4 and (images.shape[1] == 1 or (images.shape[1] == 3 and images.shape[3] not in (1, 3, 4))):
        images = np.moveaxis(images, 1, 3)  # (N, C, H, W), as Conv2d takes it
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    expect(
        images.size > 0 and (images.ndim == 3 or (images.ndim == 4 and images.shape[3] in (3, 4))),
        f"plots.{name} expected N images, (N, H, W), (N, 1, H, W), (N, 3, H, W), (N, H, W, 3) or rows (N, H·W), got "
        f"{got}: pass at least one image (X[None] if it is the only one), of 1 or 3 channels",
    )
    images = images[:most]
    wanted = f"plots.{name} expected uint8, or floats from 0 to 1, got"
    if images.dtype.kind in "ui" and images.dtype != np.uint8:
        cure = "pass X.astype(np.uint8)" if images.min() >= 0 and images.max() < 256 else "pass X / X.max()"
        raise ValueError(f"{wanted} {images.dtype}: {cure}")
    if images.dtype == np.uint8:
        return images / np.float32(255)
    expect(images.dtype.kind in "fb", f"{wanted} {images.dtype}")
    low, high = float(images.min()), float(images.max())
    cure = "pass X / 255" if 1 < high <= 255 and low >= 0 else "pass X.clip(0, 1), or (X - X.min()) / np.ptp(X)"
    expect(low >= 0 and high <= 1, f"{wanted} {low:.3g} to {high:.3g}: {cure}")
    return images.astype(np.float32 if images.dtype.kind == "b" else images.dtype, copy=False)


def as_array(name: str, X: ArrayLike) -> Pictures:
    """Return images as one array; a ValueError if they are of several shapes."""
    try:
        return np.asarray(X)
    except ValueError:
        cure = "crop or pad them to one, or draw each on axes of its own, ax="
        raise ValueError(f"plots.{name} expected images of one shape, got several: {cure}") from None


def image_shape(name: str, numbers: int, shape: Sequence[int] | None) -> tuple[int, ...]:
    """Return the given shape of an image, or that of a square, of so many numbers."""
    found = (math.isqrt(numbers),) * 2 if shape is None else tuple(shape)
    got = f"images of {numbers} numbers, which make no {'square' if shape is None else found}"
    cure = "pass shape=(height, width), or X[None] for one image"
    expect(math.prod(found) == numbers and len(found) in (2, 3), f"plots.{name} got {got}: {cure}")
    return found


def is_square(numbers: int) -> bool:
    """Whether a row of so many numbers is probably a square picture, and not a row of a table."""
    return numbers >= LEAST and math.isqrt(numbers) ** 2 == numbers
