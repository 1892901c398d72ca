"""An augmentation is a small random change of an image that leaves its label true.

Each class is a transform of a `DataLoader`, ``mn.DataLoader(X, y, transform=Rotate(10))``: a function ``(x, rng) -> x``
of a batch of float images and the loader's Generator. Every image is changed in its own way, all of them in one
vectorized pass. Images are (N, H, W), (N, C, H, W), or rows (N, H·H) of square images, as MNIST's. Pixels outside an
image are 0. TypeError or ValueError says that a number is out of its range, or that a batch does not hold images.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checks import check_int, check_number
from minnet.core.described import shown

Transform = Callable[..., Array]  # (x, rng) -> x

__all__ = ["Chain", "Elastic", "Rotate", "Shift"]


class Chain:
    """Several transforms, one after the other.

    Parameters
    ----------
    *transforms
        Functions ``(x, rng) -> x``.
    """

    __repr__ = shown

    def __init__(self, *transforms: Transform) -> None:
        self.transforms = transforms

    def __call__(self, x: Array, rng: np.random.Generator) -> Array:
        """Transform a batch of images."""
        for transform in self.transforms:
            x = transform(x, rng)
        return x


class _Movement(ABC):
    """An augmentation that reads each pixel of an image from another place of the image."""

    __repr__ = shown

    def __call__(self, x: Array, rng: np.random.Generator) -> Array:
        """Change a batch of images."""
        images = _as_images(x)
        n, _, height, width = images.shape
        rows, columns = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)
        return _resample(images, *self._places(n, rows, columns, rng)).reshape(x.shape)

    @abstractmethod
    def _places(self, n: int, rows: Array, columns: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return the places (N, H, W) that each pixel, in row (H, 1) and column (W,), comes from in n images."""


class Shift(_Movement):
    """Move each image by a random whole number of pixels, sideways and up or down.

    Parameters
    ----------
    pixels
        The largest shift, at least 0; every shift from −pixels to +pixels is equally likely.
    """

    def __init__(self, pixels: int = 2) -> None:
        self.pixels = check_int("Shift", "pixels", pixels, 0, "it is the largest shift")

    def _places(self, n: int, rows: Array, columns: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        steps = rng.integers(-self.pixels, self.pixels + 1, (2, n, 1, 1))
        return rows + steps[0], columns + steps[1]


class Rotate(_Movement):
    """Turn each image about its centre by a random angle.

    Parameters
    ----------
    degrees
        The largest angle, at least 0; every angle from −degrees to +degrees is equally likely.
    """

    def __init__(self, degrees: float = 10.0) -> None:
        self.degrees = check_number("Rotate", "degrees", degrees, 0)

    def _places(self, n: int, rows: Array, columns: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        angle = np.radians(rng.uniform(-self.degrees, self.degrees, (n, 1, 1)))
        up, left = (len(rows) - 1) / 2, (len(columns) - 1) / 2  # the centre
        rows, columns = rows - up, columns - left
        # The inverse rotation.
        from_rows = np.cos(angle) * rows - np.sin(angle) * columns + up
        return from_rows, np.sin(angle) * rows + np.cos(angle) * columns + left


class Elastic(_Movement):
    """Distort each image as if it were printed on rubber.

    Every pixel is moved by a random amount; the amounts are smoothed with a Gaussian, so that
    neighbours move together. P. Simard, D. Steinkraus and J. Platt, "Best practices for convolutional
    neural networks applied to visual document analysis", ICDAR 2003, section 2.

    Parameters
    ----------
    strength
        The standard deviation of the movement, in pixels, at least 0.
    smoothness
        The standard deviation of the Gaussian, in pixels, above 0.
    """

    def __init__(self, strength: float = 1.0, smoothness: float = 4.0) -> None:
        self.strength = check_number("Elastic", "strength", strength, 0)
        self.smoothness = check_number("Elastic", "smoothness", smoothness, above=0)

    def _places(self, n: int, rows: Array, columns: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        noise = rng.standard_normal((2, n, len(rows), len(columns)), np.float32)
        moves = self.strength * (self._smoothing(len(rows)) @ noise @ self._smoothing(len(columns)).T)
        return rows + moves[0], columns + moves[1]

    def _smoothing(self, size: int) -> Array:
        """Return the matrix (size, size) that smooths a column of noise and keeps its standard deviation."""
        place = np.arange(size)
        weights = np.exp(-((place[:, None] - place) ** 2) / (2 * self.smoothness**2))
        scaled: Array = (weights / np.sqrt((weights**2).sum(axis=1, keepdims=True))).astype(np.float32)
        return scaled


def _as_images(x: Array) -> Array:
    """View a batch as (N, C, H, W)."""
    if x.ndim == 2 and math.isqrt(x.shape[1]) ** 2 == x.shape[1]:
        x = x.reshape(len(x), *(math.isqrt(x.shape[1]),) * 2)
    if x.ndim not in (3, 4):
        forms = "(N, H, W), (N, C, H, W), or square ones as rows (N, H·H)"
        raise ValueError(f"an augmentation takes images {forms}, got shape {x.shape}")
    return x[:, None] if x.ndim == 3 else x


def _resample(images: Array, rows: Array, columns: Array) -> Array:
    """Read the images (N, C, H, W) at fractional places (N, H, W) by bilinear interpolation; outside they are 0."""
    n, channels, height, width = images.shape
    framed = np.zeros((n, channels, (height + 2) * (width + 2)), images.dtype)  # a frame of zeros, one pixel wide
    framed.reshape(n, channels, height + 2, width + 2)[:, :, 1:-1, 1:-1] = images
    rows = np.broadcast_to(rows, (n, height, width)).clip(-1, height) + 1
    columns = np.broadcast_to(columns, (n, height, width)).clip(-1, width) + 1
    # The frame's last row and column have no next neighbour: there the previous pixel is read, and the next weighs 1.
    top, left = np.minimum(np.floor(rows), height), np.minimum(np.floor(columns), width)
    down, right = (rows - top).astype(images.dtype), (columns - left).astype(images.dtype)
    place = (top * (width + 2) + left).astype(np.intp).reshape(n, 1, height * width)

    def read(step: int) -> Array:
        values: Array = np.take_along_axis(framed, np.broadcast_to(place + step, (n, channels, height * width)), axis=2)
        return values.reshape(images.shape)

    down, right = down[:, None], right[:, None]
    upper = read(0) * (1 - right) + read(1) * right
    lower = read(width + 2) * (1 - right) + read(width + 3) * right
    mixed: Array = upper * (1 - down) + lower * down
    return mixed
