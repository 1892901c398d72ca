"""A pen puts round Gaussian blots on the paper: it draws the synthetic digits, and what is drawn on the demo's page."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SIDE = 28  # pixels along an edge of the frame
RADIUS = 1.4  # of a blot, in pixels: the median of the synthetic digits
PALE, DARK = 0.2, 0.75  # blurred ink below PALE is background, above DARK it is black


def pen(share: Floats, spread: Floats | float = 1.0) -> Floats:
    """Return a pen's radius in pixels, by the extent of a drawing as a share of the length of its lines.

    Long lines are drawn with a finer pen, or the loops of an 8 would fill.
    """
    radius: Floats = RADIUS * spread * share**0.3
    return radius


def flow(scale: Floats, radius: Floats) -> Floats:
    """Return how much ink there is in one unit of length, which is `scale` pixels: so much that a straight line is 1.

    It is 1 divided by what the blots of a straight line add up to on it.
    """
    ink: Floats = scale / (math.sqrt(2 * math.pi) * radius)
    return ink


def blotted(middle: Floats, ink: Floats, radius: Floats) -> Floats:
    """Return images (N, 28, 28), from 0 to 255, of blots: their middles (N, 2, P), ink (N, P), radius (N, 1)."""
    columns, rows = _blots(middle[:, 0], radius), _blots(middle[:, 1], radius)
    rows *= ink[:, None]
    image: Floats = rows @ columns.transpose(0, 2, 1)
    image -= PALE
    image *= 255 / (DARK - PALE)
    np.clip(image, 0, 255, out=image)
    return image


def _blots(centres: Floats, radius: Floats) -> Floats:
    """Evaluate at each of the 28 pixels the Gaussian blots around centres (N, P): (N, 28, P)."""
    pixels = np.arange(SIDE, dtype=np.float32)[:, None]
    distance: Floats = pixels - centres[:, None]
    distance *= (math.sqrt(0.5) / radius)[:, None]
    distance *= distance
    np.negative(distance, out=distance)
    # A blot fainter than e^-40 is invisible, but its subnormal numbers would make the product 20 times slower.
    np.maximum(distance, np.float32(-40), out=distance)
    np.exp(distance, out=distance)
    return distance
