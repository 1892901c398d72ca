"""Images show what a network is given."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from minnet.core.described import counted
from minnet.core.layer import Layer
from minnet.plots import tiles
from minnet.plots.figure import check_axes, expect, names_of, panel, short, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def images(
    X: ArrayLike,
    labels: Iterable[object] | None = None,
    *,
    most: int = 100,
    columns: int = 20,
    shape: Sequence[int] | None = None,
    class_names: Sequence[object] | Layer | None = None,
    ax: "Axes | None" = None,
    title: str | None = None,
) -> "Figure":
    """Draw images side by side, from left to right and from top to bottom.

    Parameters
    ----------
    X
        N images, at least one: (N, H, W), (N, 1, H, W), (N, 3, H, W) or (N, H, W, 3), or rows (N, H·W). Pixels are
        uint8, or floats from 0 (black) to 1 (white).
    labels
        N strings or numbers, which are written below the images.
    most
        The largest number of images that are drawn: the first ones.
    columns
        The largest number of images in a row; there are fewer if the labels need the room.
    shape
        The shape of an image, if X has rows that are not square: (H, W), (3, H, W) or (H, W, 3).
    class_names
        What the labels, which are then the numbers of classes, stand for; or the model that has them.
    ax, title
        See `minnet.plots`.

    Raises
    ------
    ValueError
        If X or labels are something else.

    Examples
    --------
    >>> figure = images(np.zeros((5, 8, 8)), labels=[3, 1, 4, 1, 5])
    >>> figure.get_suptitle()
    '5 images'
    """
    expect(columns >= 1, f"plots.images needs columns >= 1, got {columns}")
    expect(most >= 1, f"plots.images needs most >= 1, got {most}")
    data = tiles.as_array("images", X)
    pictures, total = tiles.as_pictures("images", data, shape, most), len(data)
    captions = [] if labels is None else _captions(list(labels), class_names)
    got = f"got {len(captions)} labels and {total} images"
    expect(labels is None or len(captions) == total, f"plots.images expected a label for each image, {got}")
    captions = captions[:most]
    place = tiles.layout(pictures, captions, columns, None if ax is None else check_axes("images", ax))
    summary = counted(total, "image") if total <= most else f"The first {most:,} of {total:,} images"
    figure, axes, colours = panel("images", ax, titled(title, summary), place.inches)
    tiles.draw(axes, pictures, captions, place, colours, cmap="gray", vmin=0, vmax=1)
    return figure


def _captions(labels: list[object], class_names: Sequence[object] | Layer | None) -> list[str]:
    """Return labels as words; with class_names they are the numbers of classes."""
    if class_names is None or (isinstance(class_names, Layer) and class_names.class_names is None):
        return [short(str(label), 30) for label in labels]
    numbers = np.asarray(labels)
    cure = "pass the numbers of the classes, 0 … C − 1, or leave class_names out"
    expect(
        numbers.dtype.kind in "iu", f"plots.images expected integer labels with class_names, got {labels[:1]}: {cure}"
    )
    given = class_names.class_names if isinstance(class_names, Layer) else class_names
    names = names_of("images", len(given or ()), given)
    expect(np.isin(numbers, range(len(names))).all(), f"plots.images got labels without a class_name: {cure}")
    return [short(names[k]) for k in numbers.tolist()]
