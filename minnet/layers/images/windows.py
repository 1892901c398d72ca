"""A window is the part of an image on which one output depends; this module copies windows out of images, and back.

The user's images are (N, C, H, W). The functions here, and the layers that use them, compute with the batch as the last
axis, (C, H, W, N), and return a view of that array with the user's axes. So one place of all windows is one slice,
whose numbers lie side by side in memory a whole batch at a time, and is copied and added at the speed of memory.
Element-wise layers keep this order. Images in another order, such as the data, are copied into it once.

All functions take any number of axes after the channels: one for signals, two for images, three for volumes.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minnet.core.arrays import Array
from minnet.core.checks import Described, check_floats, check_int
from minnet.layers.images.borders import Borders

Sizes = int | tuple[int, ...]
PIXELS = {1: "L", 2: "H, W", 3: "D, H, W"}  # the names of the axes after the channels, by their number


@dataclass(frozen=True)
class Windows:
    """A grid of windows over the last axes of an image: all of the same size, a stride apart.

    Each field has one number for each axis. K is the number of places in a window (9 for 3x3).
    """

    kernel: tuple[int, ...]  # the window's size
    stride: tuple[int, ...]  # the distance from a window to the next
    padding: tuple[tuple[int, int], ...]  # how many pixels are added before and after the image
    dilation: tuple[int, ...]  # the distance from a place in the window to the next; 1: neighbours
    ceil: bool = False  # whether the last window may reach beyond the padding: see `count`
    mode: str = "constant"  # what the added pixels are: see `Borders`

    @property
    def places(self) -> int:
        """K, the number of places in a window."""
        return math.prod(self.kernel)

    @property
    def extent(self) -> tuple[int, ...]:
        """The width of a window with its gaps: d·(k − 1) + 1."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def count(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Return the number of windows in an image of that size: ⌊(size + padding − extent) / stride⌋ + 1.

        With `ceil` it is ⌈ ⌉ instead, if that last window begins inside the image or the padding before it.
        """
        counts = []
        for n, (before, after), extent, stride in zip(size, self.padding, self.extent, self.stride, strict=True):
            room = n + before + after - extent  # for moving the first window
            number = room // stride + 1
            if self.ceil and room % stride and number * stride < n + before:
                number += 1
            counts.append(number)
        return tuple(counts)

    @property
    def least(self) -> tuple[int, ...]:
        """The size of the smallest image that has a window."""
        axes = zip(self.extent, self.padding, self.stride, strict=True)
        return tuple(max(extent - sum(around) - (stride - 1) * self.ceil, 1) for extent, around, stride in axes)

    def pad(self, x: Array, value: float = 0.0) -> Array:
        """Return images (C, size, N) with their padding, which is filled with that value if it is constant."""
        if self.mode != "constant":
            return Borders(self.padding, self.mode).pad(x)
        size = x.shape[1:-1]
        if (around := self._padded(size)) == size:
            return x
        padded = np.full((len(x), *around, x.shape[-1]), value, x.dtype)
        padded[self.inside(size)] = x
        return padded

    def inside(self, size: tuple[int, ...]) -> tuple[slice, ...]:
        """Return the slice of padded images that holds the image itself."""
        return (slice(None), *(slice(before, before + n) for n, (before, _) in zip(size, self.padding, strict=True)))

    def _padded(self, size: tuple[int, ...]) -> tuple[int, ...]:
        around = tuple(n + sum(border) for n, border in zip(size, self.padding, strict=True))
        if self.ceil:  # as far as the last window reaches
            axes = zip(around, self.count(size), self.stride, self.extent, strict=True)
            around = tuple(max(n, (number - 1) * stride + extent) for n, number, stride, extent in axes)
        return around

    def slices(self, count: tuple[int, ...]) -> list[tuple[slice, ...]]:
        """Return, for each place in the window, the slice of padded images that has this place of all windows."""
        return _slices(self, count)

    def columns(self, x: Array, count: tuple[int, ...] | None = None) -> Array:
        """Copy the windows of images (C, size, N) into columns (C, K, count, N)."""
        count = count or self.count(x.shape[1:-1])
        x = self.pad(x)
        c, *steps, n = x.strides  # bytes from a number to the next, along each axis
        places = [d * step for d, step in zip(self.dilation, steps, strict=True)]
        windows = [s * step for s, step in zip(self.stride, steps, strict=True)]
        shape = (len(x), *self.kernel, *count, x.shape[-1])
        view = as_strided(x, shape, (c, *places, *windows, n), writeable=False)  # all windows, none copied yet
        columns = np.ascontiguousarray(view)  # the copy; there is none if all windows are of one pixel
        return columns.reshape(len(x), self.places, *count, x.shape[-1])

    def scatter(self, columns: Array, size: tuple[int, ...]) -> Array:
        """Add columns (C, K, count, N) to the pixels that `columns` copies them from; return (C, size, N).

        It is the transpose of `columns`, so each is the other's backward.
        """
        if self.mode != "constant":
            plain = replace(self, padding=((0, 0),) * len(size), mode="constant")
            return Borders(self.padding, self.mode).unpad(plain.scatter(columns, self._padded(size)), size)
        shape = (len(columns), *size, columns.shape[-1])
        covered, places = _places(self, size, columns.shape[2:-1])
        # Not np.zeros, which holds Python's lock while it fills memory.
        x = np.empty(shape, columns.dtype) if covered else np.full(shape, 0, columns.dtype)
        for k, pixels, inside in places:
            if self.disjoint or (covered and k == places[0][0]):  # nothing has to be added
                x[pixels] = columns[:, k][inside]
            else:
                x[pixels] += columns[:, k][inside]
        return x

    def tile(self, size: tuple[int, ...]) -> bool:
        """Whether each pixel of an image of that size, with its padding, is in exactly one window."""
        sizes = zip(size, self.kernel, self.stride, self.dilation, strict=True)
        return all(s == k and n % s == 0 and (d == 1 or k == 1) for n, k, s, d in sizes)

    @property
    def disjoint(self) -> bool:
        """Whether no pixel is in two windows: then nothing has to be added up, which is twice as fast."""
        return all(s >= e for s, e in zip(self.stride, self.extent, strict=True))


@lru_cache(maxsize=256)
def _slices(windows: Windows, count: tuple[int, ...]) -> list[tuple[slice, ...]]:
    slices = []
    for place in np.ndindex(windows.kernel):
        axes = zip(place, count, windows.stride, windows.dilation, strict=True)
        slices.append((slice(None), *(slice(d * i, d * i + s * (n - 1) + 1, s) for i, n, s, d in axes)))
    return slices


@lru_cache(maxsize=256)
def _places(
    windows: Windows, size: tuple[int, ...], count: tuple[int, ...]
) -> tuple[bool, list[tuple[int, tuple[slice, ...], tuple[slice, ...]]]]:
    """Return, for each place k of the windows: k, the pixels of the image there, and the windows that have them.

    If one place has every pixel of the image, that is the first, and the flag before the list says so.
    """
    places = []
    for k, place in enumerate(np.ndindex(windows.kernel)):
        pixels, inside = [slice(None)], [slice(None)]
        axes = zip(place, size, count, windows.stride, windows.dilation, windows.padding, strict=True)
        for i, n, number, s, d, (before, _) in axes:
            at = d * i - before  # of the first window; the next ones are s further
            start, stop = max(-(at // s), 0), min((n - 1 - at) // s + 1, number)
            pixels.append(slice(at + s * start, max(at + s * (stop - 1) + 1, 0), s))
            inside.append(slice(start, stop))
        if all(part.start < part.stop for part in inside[1:]):
            places.append((k, tuple(pixels), tuple(inside)))
    whole = (slice(None), *(slice(0, n, 1) for n in size))
    places.sort(key=lambda place: place[1] != whole)
    return bool(places) and places[0][1] == whole, places


def one_pixel(axes: int) -> Windows:
    """Return windows of one pixel: any image holds one."""
    return Windows((1,) * axes, (1,) * axes, ((0, 0),) * axes, (1,) * axes)


def batch_last(x: Array, axes: int) -> Array:
    """Return (N, C, ...) as (C, ..., N), and a single image (C, ...) as (C, ..., 1), contiguous in memory."""
    return np.ascontiguousarray(x.transpose(*range(1, x.ndim), 0) if x.ndim == axes + 2 else x[..., None])


def batch_first(x: Array, like: tuple[int, ...]) -> Array:
    """Return (C, ..., N) as (N, C, ...), or as a single image if `like` is the shape of one: undo `batch_last`."""
    return x.transpose(-1, *range(x.ndim - 1)) if len(like) == x.ndim else x[..., 0]


def per_axis(owner: str, name: str, value: object, axes: int, least: int = 1) -> tuple[int, ...]:
    """Return a size as a tuple of one int for each axis; it is given as that, or as one int for all axes."""
    if not isinstance(value, (int, np.integer, tuple)):
        raise TypeError(f"{owner} expected {name} to be an int or a tuple of ints, got {value!r}")
    sizes = value if isinstance(value, tuple) else (value,) * axes
    if len(sizes) != axes:
        raise ValueError(f"{owner} expected {name} to be an int or a tuple of {axes}, got {value!r}")
    return tuple(check_int(owner, name, size, least, why="") for size in sizes)


def check_images(
    owner: Described, x: Array, windows: Windows, channels: int | None = None, dtype: "np.dtype[Any] | None" = None
) -> None:
    """Check that `x` is a batch of images, or one image, of at least the size of a window."""
    check_floats(owner, x, dtype)
    axes = len(windows.kernel)
    pixels = PIXELS[axes]
    if x.ndim not in (axes + 1, axes + 2) or x.shape[-axes - 1] != (channels or max(x.shape[-axes - 1], 1)):
        cure = "the channels come before the pixels, and each layer's out_channels are the next one's in_channels"
        if x.ndim == axes + 2 and x.shape[-1] == channels:
            order = ", ".join(map(str, (0, axes + 1, *range(1, axes + 1))))
            cure = f"pass x.transpose({order}), with the channels before the pixels"
        elif x.ndim == axes + 1 and channels == 1:
            cure = "pass x[:, None], with an axis for the one channel"
        elif x.ndim <= 2 and axes == 2:
            cure = f"give each sample the axes of an image, such as x.reshape(-1, {channels or 1}, 28, 28)"
        raise ValueError(
            f"{owner.describe()} expected shape (N, {channels or 'C'}, {pixels}) or ({channels or 'C'}, {pixels}), "
            f"got {x.shape}: {cure}"
        )
    size = x.shape[-axes:]
    if min(size) < 1 or min(windows.count(size)) < 1:
        raise ValueError(
            f"{owner.describe()} expected at least {'x'.join(map(str, windows.least))} pixels, got "
            f"{'x'.join(map(str, size))} in shape {x.shape}: the image is smaller than a window. Use a smaller kernel "
            "or dilation, more padding, or less pooling before"
        )
    if windows.mode != "constant":
        Borders(windows.padding, windows.mode).check(owner, size, x.shape)
