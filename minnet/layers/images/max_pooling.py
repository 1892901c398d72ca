"""Max-pooling makes images smaller: each window becomes its largest number."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.checked import bare, checked
from minnet.core.layer import Layer
from minnet.core.special import split_where
from minnet.layers.activations.classic import ReLU
from minnet.layers.images.pooling import Pooling
from minnet.layers.images.windows import Sizes, Windows, batch_first, batch_last


class _MaxPool(Pooling):
    """y = the largest number of each window, over any number of axes: see `MaxPool2d`."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        *,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding, dilation, ceil_mode)
        self.dilation = dilation
        self._steps = [self._along(axis) for axis in reversed(range(self.axes))]  # first along a row

    def _along(self, axis: int) -> Windows:
        """Return the windows along one axis: of one pixel along the others."""

        def only(values: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(value if i == axis else 1 for i, value in enumerate(values))

        windows = self._windows
        none = ((0, 0),) * self.axes
        return Windows(only(windows.kernel), only(windows.stride), none, only(windows.dilation))

    def check(self, x: Array) -> None:
        """Check that x is images in which every window has a pixel."""
        super().check(x)
        windows = self._windows
        if max(windows.dilation) == 1:  # then all have one, because the padding is at most half a window
            return
        for n, number, k, s, (before, _), d in zip(
            x.shape[-self.axes :], windows.count(x.shape[-self.axes :]), windows.kernel, windows.stride,
            windows.padding, windows.dilation, strict=True,
        ):  # fmt: skip
            places = s * np.arange(number)[:, None] - before + d * np.arange(k)
            if not ((places >= 0) & (places < n)).any(axis=1).all():
                raise ValueError(
                    f"{self.describe()} got an image of shape {x.shape}, of which a window has no pixel: with this "
                    "dilation, it has places before the image and behind it only. Use less padding or dilation"
                )

    @checked
    def forward(self, x: Array) -> Array:
        """Map images x (N, C, H, W), or a single one (C, H, W), to y (N, C, H′, W′)."""
        images = batch_last(x, self.axes)  # (C, H, W, N)
        y, kept = self._pool(images)
        if self.recording and not (y.min(initial=0) > -np.inf and y.max(initial=0) < np.inf):  # False for NaN, too
            _, kept = self._pool(ranks(images))
        self.cache = (kept, x.shape)
        return batch_first(y if self._windows.places > 1 else y.copy(), x.shape)  # not a view of x

    def _pool(self, images: Array) -> tuple[Array, list[tuple[Any, ...]]]:
        """Return the largest numbers (C, H′, W′, N) of images (C, H, W, N), and for each step where they are."""
        y, kept = self._windows.pad(images, -np.inf), []
        for windows in self._steps:
            before = y.shape
            y, larger = _largest(y, windows)
            kept.append((windows, larger, before))
        return y, kept

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (N, C, H′, W′) to dx (N, C, H, W)."""
        kept, shape = self.cache
        dx = batch_last(dy, self.axes)
        for windows, larger, before in reversed(kept):
            dx = _largest_backward(dx, larger, windows, before)  # with borders
        return batch_first(dx[self._windows.inside(shape[-self.axes :])], shape)

    def goes_before(self, layer: Layer) -> bool:
        """Whether a Sequential may run it before this layer, which precedes it: a ReLU, and no method is replaced."""
        methods = [(part, name) for part in (self, layer) for name in ("forward", "backward")]
        ours = type(self) in (MaxPool1d, MaxPool2d, MaxPool3d)
        return ours and type(layer) is ReLU and all(bare(*method) for method in methods)


class MaxPool1d(_MaxPool):
    """y = the largest number of each window of signals (N, C, L) or (C, L).

    It is `MaxPool2d` with one axis in place of two: see there for the backward and the parameters.

    Examples
    --------
    >>> MaxPool1d(2, ceil_mode=True).forward(np.array([[1.0, 2, 4, 3, 5]]))
    array([[2., 4., 5.]])
    """

    axes = 1


class MaxPool2d(_MaxPool):
    """y = the largest number of each window.

    Backward: y depends on the largest number alone, with slope 1. So dL/dx is dy at that one pixel, added
    up over the windows that contain it, and 0 elsewhere. If several are equal, the first in reading order
    is given all of dy; if several are NaN, the last (both as in PyTorch). Such ties are common, as in a black
    border of an image; any other division among them would be a subgradient as well.

    It is computed in steps, one for each axis: the largest of each row of a window, then the largest of these. Each
    step saves, for each place in the window, whether its number was larger than all before it.

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
    dilation
        The distance from a pixel of a window to the next: one int for both axes or (vertical, horizontal).
    ceil_mode
        Whether the pixels that are left over, behind the last window that fits, get a window as well, which reaches
        beyond the image. It must begin inside the image, or in the padding before it.

    Examples
    --------
    >>> MaxPool2d(2).forward(np.arange(16.0).reshape(1, 1, 4, 4))
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """


class MaxPool3d(_MaxPool):
    """y = the largest number of each window of volumes (N, C, D, H, W) or (C, D, H, W).

    It is `MaxPool2d` with one axis more: see there for the backward and the parameters.
    """

    axes = 3


def ranks(images: Array) -> Array:
    """Return finite numbers in the order of those of images (C, size, N), where NaN is above all others.

    So dy belongs to a pixel of −∞, not to the border; and to the NaN that made y one, of several to the last.
    """
    size = images.shape[1:-1]
    ranks = np.unique(images, return_inverse=True)[1].reshape(images.shape).astype(np.float64)
    places = np.arange(math.prod(size)).reshape(*size, 1)
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
