"""Average-pooling makes images smaller: each window becomes the mean of its numbers."""

from functools import reduce

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_flag, check_int
from minnet.layers.images.pooling import Pooling
from minnet.layers.images.windows import Sizes, batch_first, batch_last


class _AvgPool(Pooling):
    """y = the mean of each window, over any number of axes: see `AvgPool2d`."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, 1, ceil_mode)
        self.count_include_pad = check_flag(type(self).__name__, "count_include_pad", count_include_pad)
        self.divisor_override = divisor_override
        if divisor_override is not None:
            why = "each sum is divided by it, or by the number of pixels if it is None"
            self.divisor_override = check_int(type(self).__name__, "divisor_override", divisor_override, why=why)

    @checked
    def forward(self, x: Array) -> Array:
        """Map images x (N, C, H, W), or a single one (C, H, W), to y (N, C, H′, W′)."""
        divisor = self._divisor(x)
        self.cache = (divisor, x.shape)
        return batch_first(self._sums(batch_last(x, self.axes)) / divisor, x.shape)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (N, C, H′, W′) to dx (N, C, H, W)."""
        divisor, shape = self.cache
        each = (batch_last(dy, self.axes) / divisor)[:, None]  # (C, 1, H′, W′, N)
        each = np.broadcast_to(each, (len(each), self._windows.places, *each.shape[2:]))  # the same at all K places
        return batch_first(self._windows.scatter(each, shape[-self.axes :]), shape)

    def _sums(self, x: Array) -> Array:
        """Return the sum of each window: (C, H, W, N) becomes (C, H′, W′, N)."""
        x, count = self._windows.pad(x), self._windows.count(x.shape[1:-1])
        first, *others = (x[place] for place in self._windows.slices(count))
        y = first.copy()
        for other in others:
            y += other
        return y

    def _divisor(self, x: Array) -> Array | int:
        """Return what the sums are divided by: one number, or (H′, W′, 1) if not all windows have as many pixels."""
        if self.divisor_override is not None:
            return self.divisor_override
        windows, size = self._windows, x.shape[-self.axes :]
        if self.count_include_pad and not self.ceil_mode:
            return windows.places
        along = []  # the numbers of pixels of the windows along each axis
        axes = zip(size, windows.count(size), windows.kernel, windows.stride, windows.padding, strict=True)
        for n, number, k, s, (before, after) in axes:
            start = s * np.arange(number) - before
            first, end = (-before, n + after) if self.count_include_pad else (0, n)
            along.append(np.minimum(start + k, end) - np.maximum(start, first))
        pixels: Array = reduce(np.multiply.outer, along)[..., None].astype(x.dtype)
        return pixels


class AvgPool1d(_AvgPool):
    """y = the mean of each window of signals (N, C, L) or (C, L).

    It is `AvgPool2d` with one axis in place of two: see there for the backward and the parameters. As in PyTorch, it
    has no `divisor_override`.

    Examples
    --------
    >>> AvgPool1d(2, ceil_mode=True).forward(np.array([[1.0, 2, 4, 3, 5]]))
    array([[1.5, 3.5, 5. ]])
    """

    axes = 1

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)


class AvgPool2d(_AvgPool):
    """y = the mean of each window.

    Backward: each of a window's K pixels has the slope 1/K, so each is given dy/K, added up over the
    windows that contain it.

    Parameters
    ----------
    kernel_size, stride, ceil_mode
        As for `MaxPool2d`.
    padding
        How many zeros are added on each side of the image, at most half a window.
    count_include_pad
        Whether these zeros count in the mean. False divides by the number of pixels alone. What lies beyond the zeros,
        in a last window of `ceil_mode`, never counts.
    divisor_override
        What the sum of each window is divided by, in place of K.

    Examples
    --------
    >>> AvgPool2d(2).forward(np.arange(16.0).reshape(1, 1, 4, 4))
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]])
    """


class AvgPool3d(_AvgPool):
    """y = the mean of each window of volumes (N, C, D, H, W) or (C, D, H, W).

    It is `AvgPool2d` with one axis more: see there for the backward and the parameters.
    """

    axes = 3
