"""Pooling makes images smaller: each window becomes one number, channel by channel, and nothing is learned."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.checked import bare, checked
from minnet.core.layer import Layer
from minnet.core.special import split_where
from minnet.layers.activations import ReLU
from minnet.layers.windows import Sizes, Windows, batch_first, batch_last, check_images, per_axis


class Pooling(Layer):
    """The base of MaxPool2d and AvgPool2d: their windows, and the check that an image holds one."""

    mixes_places = True

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        name = type(self).__name__
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        kernel = per_axis(name, "kernel_size", kernel_size, 2)
        strides = kernel if stride is None else per_axis(name, "stride", stride, 2)
        around = per_axis(name, "padding", padding, 2, least=0)
        if any(2 * p > k for p, k in zip(around, kernel, strict=True)):
            raise ValueError(
                f"{name} needs a padding of at most half the kernel, got padding={padding} and "
                f"kernel_size={kernel_size}: a window could lie wholly outside the image"
            )
        self._windows = Windows(kernel, strides, tuple((p, p) for p in around), (1, 1))

    def check(self, x: Array) -> None:
        """Check that x is a batch of images, or one image, at least as large as a window."""
        check_images(self, x, self._windows)


class MaxPool2d(Pooling):
    """y = the largest number of each window.

    Backward: y depends on the largest number alone, with slope 1. So dL/dx is dy at that one pixel, added
    up over the windows that contain it, and 0 elsewhere. If several are equal, the first in reading order
    is given all of dy; if several are NaN, the last (both as in PyTorch). Such ties are common, as in a black
    border of an image; any other division among them would be a subgradient as well.

    It is computed in two steps: the largest of each row of a window, then the largest of these. Each step
    saves, for each place in the window, whether its number was larger than all before it.

    A `Sequential` in training runs it before a `ReLU` that precedes it (see `goes_before`), because the ReLU then
    has fewer numbers to compute. The result is the same: the largest max(x, 0) is max(the largest x, 0), and
    backward, dy is given to the same pixel, or to none if no number is positive.

    Parameters
    ----------
    kernel_size
        The window's size: one int for both axes or (vertical, horizontal). x is (N, C, H, W), or a single image
        (C, H, W), and at least as large.
    stride
        The distance from a window to the next; None: the window's size, so that they do not overlap.
    padding
        How many pixels of −∞ are added on each side of the image, at most half a window.

    Examples
    --------
    >>> MaxPool2d(2).forward(np.arange(16.0).reshape(1, 1, 4, 4))
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        super().__init__(kernel_size, stride, padding)
        (height, width), (down, across) = self._windows.kernel, self._windows.stride
        self._across = Windows((1, width), (1, across), ((0, 0), (0, 0)), (1, 1))  # the two steps: along a row,
        self._down = Windows((height, 1), (down, 1), ((0, 0), (0, 0)), (1, 1))  # and down a column

    @checked
    def forward(self, x: Array) -> Array:
        """Map images x (N, C, H, W), or a single one (C, H, W), to y (N, C, H′, W′)."""
        images = batch_last(x, 2)  # (C, H, W, N)
        y, kept = self._pool(images)
        if self.recording and not (y.min(initial=0) > -np.inf and y.max(initial=0) < np.inf):  # False for NaN, too
            _, kept = self._pool(_ranks(images))
        self.cache = (*kept, x.shape)
        return batch_first(y if self._windows.places > 1 else y.copy(), x.shape)  # not a view of x

    def _pool(self, images: Array) -> tuple[Array, tuple[Any, ...]]:
        """Return the largest numbers (C, H′, W′, N) of images (C, H, W, N), and where they are."""
        padded = self._windows.pad(images, -np.inf)
        rows, larger_across = _largest(padded, self._across)  # (C, H, W′, N), H and W with borders
        y, larger_down = _largest(rows, self._down)
        return y, (larger_across, larger_down, padded.shape, rows.shape)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (N, C, H′, W′) to dx (N, C, H, W)."""
        larger_across, larger_down, padded, rows, shape = self.cache
        d_rows = _largest_backward(batch_last(dy, 2), larger_down, self._down, rows)  # (C, H, W′, N)
        dx = _largest_backward(d_rows, larger_across, self._across, padded)  # (C, H, W, N)
        return batch_first(dx[self._windows.inside(shape[-2:])], shape)

    def goes_before(self, layer: Layer) -> bool:
        """Whether a Sequential may run it before this layer, which precedes it: a ReLU, and no method is replaced."""
        methods = [(part, name) for part in (self, layer) for name in ("forward", "backward")]
        return type(self) is MaxPool2d and type(layer) is ReLU and all(bare(*method) for method in methods)


def _ranks(images: Array) -> Array:
    """Return finite numbers in the order of those of images (C, H, W, N), where NaN is above all others.

    So dy belongs to a pixel of −∞, not to the border; and to the NaN that made y one, of several to the last.
    """
    height, width = images.shape[1:-1]
    ranks = np.unique(images, return_inverse=True)[1].reshape(images.shape).astype(np.float64)
    places = np.arange(height * width).reshape(height, width, 1)
    return np.add(ranks, places, out=ranks, where=np.isnan(images))


def _largest(x: Array, windows: Windows) -> tuple[Array, list[NDArray[np.bool_]]]:
    """Return the largest number y of each window, and for each place but the first whether it beat all before it."""
    y, *others = (x[place] for place in windows.slices(windows.count(x.shape[1:-1])))
    larger = []
    for other in others:
        before, y = y, np.maximum(y, other)
        larger.append(y > before)  # faster than other > before: y has just been written
    return y, larger


def _largest_backward(dy: Array, larger: list[NDArray[np.bool_]], windows: Windows, shape: tuple[int, ...]) -> Array:
    """Return dx: from the last place to the first, one that was larger than all before it takes all of dy."""
    dx = np.empty(shape, dy.dtype) if windows.tile(shape[1:-1]) else np.zeros(shape, dy.dtype)
    first, *others = windows.slices(dy.shape[1:-1])
    rest = dy
    for place, mask in zip(reversed(others), reversed(larger), strict=True):
        if windows.disjoint:  # no pixel is written twice, and a plain assignment takes half of the time
            dx[place], rest = split_where(mask, rest, out=dx[first])
        else:
            taken, rest = split_where(mask, rest)
            dx[place] += taken
    if not windows.disjoint:
        dx[first] += rest
    elif not others:  # windows of one pixel
        dx[first] = dy
    return dx


class AvgPool2d(Pooling):
    """y = the mean of each window.

    Backward: each of a window's K pixels has the slope 1/K, so each is given dy/K, added up over the
    windows that contain it.

    Parameters
    ----------
    kernel_size, stride
        As for `MaxPool2d`.
    padding
        How many zeros are added on each side of the image, at most half a window.
    count_include_pad
        Whether these zeros count in the mean. False divides by the number of pixels alone.

    Examples
    --------
    >>> AvgPool2d(2).forward(np.arange(16.0).reshape(1, 1, 4, 4))
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]])
    """

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, *, count_include_pad: bool = True
    ) -> None:
        super().__init__(kernel_size, stride, padding)
        self.count_include_pad = bool(count_include_pad)

    @checked
    def forward(self, x: Array) -> Array:
        """Map images x (N, C, H, W), or a single one (C, H, W), to y (N, C, H′, W′)."""
        pixels = self._pixels(x)
        self.cache = (pixels, x.shape)
        return batch_first(self._sums(batch_last(x, 2)) / pixels, x.shape)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (N, C, H′, W′) to dx (N, C, H, W)."""
        pixels, shape = self.cache
        each = (batch_last(dy, 2) / pixels)[:, None]  # (C, 1, H′, W′, N)
        each = np.broadcast_to(each, (len(each), self._windows.places, *each.shape[2:]))  # the same at all K places
        return batch_first(self._windows.scatter(each, shape[-2:]), shape)

    def _sums(self, x: Array) -> Array:
        """Return the sum of each window: (C, H, W, N) becomes (C, H′, W′, N)."""
        x, count = self._windows.pad(x), self._windows.count(x.shape[1:-1])
        first, *others = (x[place] for place in self._windows.slices(count))
        y = first.copy()
        for other in others:
            y += other
        return y

    def _pixels(self, x: Array) -> Array | int:
        """Return the divisor of the sums: one number, or (1, H′, W′, 1) if zeros at the border do not count."""
        if self.count_include_pad:
            return self._windows.places
        return self._sums(np.ones((1, *x.shape[-2:], 1), x.dtype))
