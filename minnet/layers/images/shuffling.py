"""A shuffle moves numbers between channels and pixels, or between channels, and computes nothing."""

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_floats, check_int
from minnet.core.layer import Layer
from minnet.layers.images.windows import batch_first, batch_last, check_images, one_pixel


class _Shuffle(Layer):
    """The base of all: an order of the axes, and its inverse."""

    mixes_places = True  # it moves them, so that a mask is not that of y

    def _spread(self, x: Array, r: int) -> Array:
        """Map images (N, C·r², H, W) to (N, C, r·H, r·W)."""
        images = batch_last(x, 2)
        c, h, w, n = images.shape
        y = images.reshape(c // r**2, r, r, h, w, n).transpose(0, 3, 1, 4, 2, 5)
        return batch_first(y.reshape(c // r**2, h * r, w * r, n), x.shape)

    def _gather(self, x: Array, r: int) -> Array:
        """Map images (N, C, r·H, r·W) to (N, C·r², H, W): undo `_spread`."""
        images = batch_last(x, 2)
        c, h, w, n = images.shape
        y = images.reshape(c, h // r, r, w // r, r, n).transpose(0, 2, 4, 1, 3, 5)
        return batch_first(y.reshape(c * r**2, h // r, w // r, n), x.shape)


class PixelShuffle(_Shuffle):
    """y[c, r·h + i, r·w + j] = x[c·r² + i·r + j, h, w]: r² channels become the r x r pixels in place of one.

    Backward: the same numbers, back in their places, which is `PixelUnshuffle`.

    W. Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
    network", CVPR 2016, eq. 4. Behind a convolution it makes images larger, as `ConvTranspose2d` does.

    Parameters
    ----------
    upscale_factor
        r: x is (N, C·r², H, W), or a single image (C·r², H, W).

    Examples
    --------
    >>> import numpy as np
    >>> PixelShuffle(2).forward(np.arange(4.0).reshape(1, 4, 1, 1))
    array([[[[0., 1.],
             [2., 3.]]]])
    """

    def __init__(self, upscale_factor: int) -> None:
        self.upscale_factor = check_int("PixelShuffle", "upscale_factor", upscale_factor)

    def check(self, x: Array) -> None:
        """Check that x is images of a multiple of r² channels."""
        check_images(self, x, one_pixel(2))
        if x.shape[-3] % self.upscale_factor**2:
            raise ValueError(
                f"{self.describe()} expected a multiple of {self.upscale_factor**2} channels, got {x.shape[-3]} in "
                f"shape {x.shape}: each pixel becomes {self.upscale_factor}x{self.upscale_factor} pixels"
            )

    @checked
    def forward(self, x: Array) -> Array:
        """Map images x (N, C·r², H, W) to y (N, C, r·H, r·W)."""
        self.cache = None
        return self._spread(x, self.upscale_factor)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (N, C, r·H, r·W) back to dx (N, C·r², H, W)."""
        return self._gather(dy, self.upscale_factor)


class PixelUnshuffle(_Shuffle):
    """y[c·r² + i·r + j, h, w] = x[c, r·h + i, r·w + j]: each r x r pixels become one pixel of r² channels.

    Backward: the same numbers, back in their places, which is `PixelShuffle`.

    Parameters
    ----------
    downscale_factor
        r: x is (N, C, r·H, r·W), or a single image (C, r·H, r·W).

    Examples
    --------
    >>> import numpy as np
    >>> PixelUnshuffle(2).forward(np.arange(4.0).reshape(1, 1, 2, 2)).ravel()
    array([0., 1., 2., 3.])
    """

    def __init__(self, downscale_factor: int) -> None:
        self.downscale_factor = check_int("PixelUnshuffle", "downscale_factor", downscale_factor)

    def check(self, x: Array) -> None:
        """Check that x is images of a height and a width that r divides."""
        check_images(self, x, one_pixel(2))
        height, width = x.shape[-2:]
        if height % self.downscale_factor or width % self.downscale_factor:
            raise ValueError(
                f"{self.describe()} expected a height and a width that {self.downscale_factor} divides, got "
                f"{height}x{width} in shape {x.shape}: pad or cut the images before"
            )

    @checked
    def forward(self, x: Array) -> Array:
        """Map images x (N, C, r·H, r·W) to y (N, C·r², H, W)."""
        self.cache = None
        return self._gather(x, self.downscale_factor)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (N, C·r², H, W) back to dx (N, C, r·H, r·W)."""
        return self._spread(dy, self.downscale_factor)


class ChannelShuffle(_Shuffle):
    """y[k·G + g] = x[g·C/G + k]: the channels of G groups take turns, so that the next convolution sees all groups.

    Backward: the same numbers, back in their places.

    X. Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile devices", CVPR 2018,
    section 3.1.

    Parameters
    ----------
    groups
        G, a divisor of the channels: x is (N, C, ...).

    Examples
    --------
    >>> import numpy as np
    >>> ChannelShuffle(2).forward(np.arange(6.0).reshape(1, 6, 1)).ravel()
    array([0., 3., 1., 4., 2., 5.])
    """

    def __init__(self, groups: int) -> None:
        self.groups = check_int("ChannelShuffle", "groups", groups)

    def check(self, x: Array) -> None:
        """Check that x is (N, C, ...), with a C that G divides."""
        check_floats(self, x)
        if x.ndim < 3 or x.shape[1] % self.groups:
            raise ValueError(
                f"{self.describe()} expected shape (N, C, ...) with a C that {self.groups} divides, got {x.shape}: the "
                "channels are the second axis"
            )

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (N, C, ...) to y, of the same shape."""
        self.cache = None
        return self._turned(x, self.groups)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy back to dx, of the same shape."""
        return self._turned(dy, dy.shape[1] // self.groups)

    def _turned(self, x: Array, rows: int) -> Array:
        """Return the channels, a matrix of so many rows, in the order of its transpose."""
        pixels = batch_last(x, x.ndim - 2)
        grid = pixels.reshape(rows, len(pixels) // rows, *pixels.shape[1:]).swapaxes(0, 1)
        return batch_first(grid.reshape(pixels.shape), x.shape)
