"""Adaptive pooling makes an image of any size as small as it is told to: the last step of many image networks."""

import math

import numpy as np

from minnet.core.arrays import Array, sums
from minnet.core.checked import checked
from minnet.core.layer import Layer
from minnet.layers.windows import ONE_PIXEL, batch_first, batch_last, check_images, per_axis


class AdaptiveAvgPool2d(Layer):
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

    mixes_places = True

    def __init__(self, output_size: int | tuple[int | None, int | None]) -> None:
        self.output_size = output_size
        self._sizes = output_size if isinstance(output_size, tuple) else (output_size, output_size)
        per_axis("AdaptiveAvgPool2d", "output_size", tuple(1 if n is None else n for n in self._sizes), 2)

    def check(self, x: Array) -> None:
        """Check that x is a batch of images, or one image."""
        check_images(self, x, ONE_PIXEL)

    @checked
    def forward(self, x: Array) -> Array:
        """Map images x (N, C, H, W), or a single one (C, H, W), to y (N, C, H′, W′)."""
        self.cache = x.shape
        images = batch_last(x, 2)  # (C, H, W, N)
        rows, columns = self._spans(x.shape)
        y = np.empty((len(images), len(rows), len(columns), images.shape[-1]), x.dtype)
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                window = images[:, row, column]
                y[:, i, j] = sums(window, (1, 2))[:, 0, 0] / math.prod(window.shape[1:3])
        return batch_first(y, x.shape)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (N, C, H′, W′) to dx (N, C, H, W)."""
        shape = self.cache
        rows, columns = self._spans(shape)
        dy = batch_last(dy, 2)
        dx = np.zeros((len(dy), *shape[-2:], dy.shape[-1]), dy.dtype)
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                pixels = dx[:, row, column]  # a view
                pixels += dy[:, i, None, j, None] / math.prod(pixels.shape[1:3])
        return batch_first(dx, shape)

    def _spans(self, shape: tuple[int, ...]) -> list[list[slice]]:
        """Return the rows of each of the H′ windows, and the columns of each of the W′."""
        spans = []
        for n, size in zip(shape[-2:], self._sizes, strict=True):
            out = n if size is None else size
            spans.append([slice(i * n // out, -(-(i + 1) * n // out)) for i in range(out)])  # ⌊ ⌋ and ⌈ ⌉
        return spans


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
        check_images(self, x, ONE_PIXEL)

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
