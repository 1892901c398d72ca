"""A drawing is what a person drew: strokes on a canvas; it becomes a picture as those that the model was trained on.

MNIST's digits fit into a box of 20x20 pixels, their centre of mass is in the middle of 28x28, and their lines are thick
and soft. So the strokes, not the pixels of the canvas, are scaled, moved, and drawn anew: with the pen of
`minnet.data.synthetic_digits`, which leaves as much ink as there is on MNIST.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from minnet.data.mnist.pen import SIDE, blotted, flow, pen
from minnet.data.mnist.synthetic import BOX

Points = NDArray[np.float64]

SMALLEST = 0.04  # of the canvas: a drawing that is smaller is a dot, and not enlarged to the box
PIECE = 0.6  # pixels: half a blot's radius, so that a line of blots is smooth
MOST = 4_000  # pieces, however much is scribbled: the work is bounded
FINEST = 0.6  # pixels: the radius of the pen for a scribble


def picture(strokes: Sequence[Points]) -> NDArray[np.uint8]:
    """Draw strokes as a picture of MNIST's form.

    Parameters
    ----------
    strokes
        Each the points (P, 2) that a pen passed, x to the right and y down, as shares of the canvas; one point is
        a dot. At least one stroke.

    Returns
    -------
    pixels : uint8, shape (784,)
        28 rows of 28: 0 is paper, 255 is ink.
    """
    corners = np.concatenate(strokes)
    extent = max(float(np.ptp(corners, axis=0).max()), SMALLEST)
    middle, length = _pieces(strokes, extent)
    total = max(float(length.sum()), extent)
    radius = np.maximum(pen(np.array([[extent / total]], np.float32)), np.float32(FINEST))
    scale = ((BOX - 3 * radius) / extent).astype(np.float32)
    ink = np.where(length > 0, length * flow(scale, radius), 1.0)  # a dot has no length, but it is one whole blot
    centre = (middle * ink).sum(axis=1, keepdims=True) / ink.sum()
    place = (middle - centre) * scale + SIDE / 2
    pixels = blotted(place[None].astype(np.float32), ink.astype(np.float32), radius.astype(np.float32))
    return pixels.astype(np.uint8).reshape(SIDE * SIDE)


def _pieces(strokes: Sequence[Points], extent: float) -> tuple[Points, Points]:
    """Cut strokes into short pieces, and return their middles (2, P) and lengths (P,)."""
    lengths = [float(np.hypot(*np.diff(points, axis=0).T).sum()) for points in strokes]
    piece = max(PIECE * extent / BOX, sum(lengths) / MOST)
    parts = [_along(points, length, piece) for points, length in zip(strokes, lengths, strict=True)]
    each = [np.full(part.shape[1], length / part.shape[1]) for part, length in zip(parts, lengths, strict=True)]
    return np.concatenate(parts, axis=1), np.concatenate(each)


def _along(points: Points, length: float, piece: float) -> Points:
    """Return the middles (2, P) of equally long pieces of a line through points, none longer than `piece`."""
    if not length:
        return points[:1].T
    travelled = np.concatenate([[0.0], np.hypot(*np.diff(points, axis=0).T).cumsum()])
    pieces = int(np.ceil(length / piece))
    at = (np.arange(pieces) + 0.5) * (length / pieces)
    return np.stack([np.interp(at, travelled, coordinate) for coordinate in points.T])
