"""Adaptive pooling makes an image of any size as small as it is told to: the last step of many image networks."""

import math
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from minnet.core.arrays import Array, sums
from minnet.core.checked import checked
from minnet.core.layer import Layer
from minnet.layers.images.max_pooling import ranks
from minnet.layers.images.windows import batch_first, batch_last, check_images, one_pixel, per_axis


@lru_cache(maxsize=64)
def _windows(
    size: tuple[int, ...], wanted: tuple[int | None, ...]
) -> tuple[tuple[int, ...], list[tuple[tuple[Any, ...], tuple[Any, ...]]]]:
    """Return the size of y, and for each of its pixels the indices of it in (C, H′, W′, N), and of its window."""
    spans = []
    for n, given in zip(size, wanted, strict=True):
        out = n if given is None else given
        spans.append([slice(i * n // out, -(-(i + 1) * n // out)) for i in range(out)])  # ⌊ ⌋ and ⌈ ⌉
    all_channels, grid = slice(None), tuple(map(len, spans))
    windows = []
    for place in product(*map(range, grid)):
        windows.append(((all_channels, *place), (all_channels, *(s[i] for s, i in zip(spans, place, strict=True)))))
    return grid, windows


class _AdaptivePool(Layer):
    """The base of adaptive pooling: its windows, over any number of axes."""

    mixes_places = True

    axes: int = 2  # after the channels: 1 for signals, 2 for images, 3 for volumes

    def __init__(self, output_size: int | tuple[int | None, ...] | None) -> None:
        self.output_size = output_size
        self._sizes = output_size if isinstance(output_size, tuple) else (output_size,) * self.axes
        given = output_size if isinstance(output_size, list) else tuple(1 if n is None else n for n in self._sizes)
        per_axis(type(self).__name__, "output_size", given, self.axes)

    def check(self, x: Array) -> None:
        """Check that x is a batch of images, or one image."""
        check_images(self, x, one_pixel(self.axes))


class _AdaptiveAvgPool(_AdaptivePool):
    """y = the means of the windows: see `AdaptiveAvgPool2d`."""

    @checked
    def forward(self, x: Array) -> Array:
        """Map images x (N, C, H, W), or a single one (C, H, W), to y (N, C, H′, W′)."""
        self.cache = x.shape
        images, axes = batch_last(x, self.axes), tuple(range(1, self.axes + 1))  # (C, H, W, N)
        grid, windows = _windows(images.shape[1:-1], self._sizes)
        y = np.empty((len(images), *grid, images.shape[-1]), x.dtype)
        for place, span in windows:
            window = images[span]
            y[place] = sums(window, axes).reshape(y.shape[0], y.shape[-1]) / math.prod(window.shape[1:-1])
        return batch_first(y, x.shape)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (N, C, H′, W′) to dx (N, C, H, W)."""
        shape = self.cache
        size, dy = shape[-self.axes :], batch_last(dy, self.axes)
        dx = np.zeros((len(dy), *size, dy.shape[-1]), dy.dtype)
        for place, span in _windows(size, self._sizes)[1]:
            pixels = dx[span]  # a view
            pixels += (dy[place] / math.prod(pixels.shape[1:-1])).reshape(len(dy), *[1] * self.axes, -1)
        return batch_first(dx, shape)


class _AdaptiveMaxPool(_AdaptivePool):
    """y = the largest numbers of the windows: see `AdaptiveMaxPool2d`."""

    @checked
    def forward(self, x: Array) -> Array:
        """Map images x (N, C, H, W), or a single one (C, H, W), to y (N, C, H′, W′)."""
        images = batch_last(x, self.axes)  # (C, H, W, N)
        channels, *size, batch = images.shape
        order = ranks(images) if np.isnan(images).any() else images  # np.argmax would take the first NaN
        grid, windows = _windows(tuple(size), self._sizes)
        pixels, flat = np.arange(math.prod(size)).reshape(size), images.reshape(channels, math.prod(size), batch)
        c, n = np.indices((channels, batch))
        y, largest = np.empty((channels, *grid, batch), x.dtype), []  # of each window the pixel, (C, N)
        for place, span in windows:
            inside = pixels[span[1:]].ravel()
            largest.append(inside[order[span].reshape(channels, len(inside), batch).argmax(axis=1)])
            y[place] = flat[c, largest[-1], n]
        self.cache = (largest, x.shape)
        return batch_first(y, x.shape)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (N, C, H′, W′) to dx (N, C, H, W)."""
        largest, shape = self.cache
        size, dy = shape[-self.axes :], batch_last(dy, self.axes)
        c, n = np.indices((len(dy), dy.shape[-1]))
        dx = np.zeros((len(dy), math.prod(size), dy.shape[-1]), dy.dtype)
        for (place, _), pixel in zip(_windows(size, self._sizes)[1], largest, strict=True):
            dx[c, pixel, n] += dy[place]
        return batch_first(dx.reshape(len(dy), *size, dy.shape[-1]), shape)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """y = the means of L′ windows that cover a signal (N, C, L) or (C, L): see `AdaptiveAvgPool2d`."""

    axes = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """y = the means of H′ x W′ windows that together cover an image of any size, (N, C, H, W) or (C, H, W).

    Window h of H′ has the rows from ⌊h·H/H′⌋ to before ⌈(h + 1)·H/H′⌉, and columns likewise. So the windows
    differ by one pixel at most, and overlap by one where H′ does not divide H. Backward: each of a window's K
    pixels is given dy/K.

    Parameters
    ----------
    output_size
        H′ and W′: one int for both or (vertical, horizontal); None for one of them leaves that as it is.

    Examples
    --------
    >>> AdaptiveAvgPool2d((1, 2)).forward(np.arange(9.0).reshape(1, 1, 3, 3))
    array([[[[3.5, 4.5]]]])
    """


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """y = the means of windows that cover a volume (N, C, D, H, W) or (C, D, H, W): see `AdaptiveAvgPool2d`."""

    axes = 3


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """y = the largest numbers of L′ windows of a signal (N, C, L) or (C, L): see `AdaptiveMaxPool2d`."""

    axes = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """y = the largest numbers of H′ x W′ windows that together cover an image of any size, (N, C, H, W) or (C, H, W).

    The windows are those of `AdaptiveAvgPool2d`. Backward: as in `MaxPool2d`, dy is given to the largest number alone,
    to the first in reading order if several are equal, and to the last NaN.

    Parameters
    ----------
    output_size
        As for `AdaptiveAvgPool2d`.

    Examples
    --------
    >>> AdaptiveMaxPool2d((1, 2)).forward(np.arange(9.0).reshape(1, 1, 3, 3))
    array([[[[7., 8.]]]])
    """


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """y = the largest numbers of windows of a volume (N, C, D, H, W) or (C, D, H, W): see `AdaptiveMaxPool2d`."""

    axes = 3


class GlobalAvgPool2d(Layer):
    """y = the mean of each channel: (N, C, H, W) becomes (N, C), ready for a Linear layer, and (C, H, W) becomes (C,).

    Backward: each of the H·W pixels has the slope 1/(H·W), so each is given dy/(H·W).

    M. Lin et al., "Network in network", ICLR 2014, section 3.2. The numbers are those of
    ``AdaptiveAvgPool2d(1)``, without its two axes of one pixel.

    Examples
    --------
    >>> GlobalAvgPool2d().forward(np.arange(8.0).reshape(1, 2, 2, 2))
    array([[1.5, 5.5]])
    """

    mixes_places = True

    def check(self, x: Array) -> None:
        """Check that x is a batch of images, or one image."""
        check_images(self, x, one_pixel(2))

    @checked
    def forward(self, x: Array) -> Array:
        """Map images x (N, C, H, W), or a single one (C, H, W), to y (N, C) or (C,)."""
        self.cache = x.shape
        y: Array = sums(x, (-2, -1))[..., 0, 0]
        y /= math.prod(x.shape[-2:])
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (N, C) to dx (N, C, H, W)."""
        shape = self.cache
        each = batch_last(dy, 0) / math.prod(shape[-2:])  # (C, N)
        dx = np.empty((len(each), *shape[-2:], each.shape[1]), dy.dtype)
        dx[...] = each[:, None, None]
        return batch_first(dx, shape)
