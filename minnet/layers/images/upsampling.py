"""Upsampling makes images larger, or smaller: each pixel is a mean of the nearest pixels of the image."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_choice, check_flag, check_floats, check_int, check_number
from minnet.core.layer import Layer
from minnet.layers.images.windows import PIXELS, batch_first, batch_last, check_images, one_pixel

AXES = {"linear": 1, "bilinear": 2, "trilinear": 3}
Taps = list[
    tuple[NDArray[np.intp], Array | None]
]  # once or twice: for each place a pixel of x, and its weight (None: 1)


class Upsample(Layer):
    """y = x at H′ x W′ places that are spread evenly over its H x W pixels.

    Each axis is done by itself. Let r = H/H′ be the distance between two places, in pixels. Then y_h is, with

    - "nearest": the pixel x_i, i = ⌊r·h⌋
    - "linear" (signals), "bilinear" (images), "trilinear" (volumes): the line between two neighbours,
      (1 − w) x_i + w x_{i+1}, at i + w = r·(h + ½) − ½, but at least 0 and at most H − 1, because pixels are squares
      whose centres are at ½; or, with `align_corners`, at i + w = h·(H − 1)/(H′ − 1), so that the outermost centres are
      those of x.

    y is linear in x, so backward is the transpose: each dy_h is added to the pixels from which y_h was made, times
    their weights. The axes are done in the opposite order.

    Parameters
    ----------
    size
        H′ and W′: one int for all axes, or a tuple.
    scale_factor
        In place of `size`, 1/r: a positive number, or a tuple. H′ is ⌊H·scale_factor⌋.
    mode
        See above. x is (N, C, L), (N, C, H, W) or (N, C, D, H, W): "nearest" takes all three, the others that of their
        own, and a single image (C, H, W), too.
    align_corners
        Only for the lines: see above. None is False.

    Examples
    --------
    >>> x = np.array([[[0.0, 4.0]]])
    >>> Upsample(scale_factor=2).forward(x)
    array([[[0., 0., 4., 4.]]])
    >>> Upsample(scale_factor=2, mode="linear").forward(x)
    array([[[0., 1., 3., 4.]]])
    """

    mixes_places = True

    def __init__(
        self,
        size: int | tuple[int, ...] | None = None,
        scale_factor: float | tuple[float, ...] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
    ) -> None:
        if (size is None) == (scale_factor is None):
            raise ValueError(f"Upsample needs either size or scale_factor, got {size!r} and {scale_factor!r}")
        self.mode = check_choice("Upsample", "mode", mode, ("nearest", *AXES))
        if align_corners is not None and mode != "nearest":
            check_flag("Upsample", "align_corners", align_corners)
        elif align_corners is not None:
            raise ValueError(
                "Upsample has align_corners for the modes linear, bilinear and trilinear only: leave it out"
            )
        self.size, self.scale_factor, self.align_corners = size, scale_factor, align_corners
        given, what = (
            (size, "size to be an int") if scale_factor is None else (scale_factor, "scale_factor to be a number")
        )
        if isinstance(given, list):
            raise TypeError(f"Upsample expected {what} or a tuple, got {given!r}")
        for name, value, check in (("size", size, _check_size), ("scale_factor", scale_factor, _check_factor)):
            for number in value if isinstance(value, tuple) else () if value is None else (value,):
                check("Upsample", name, number)
        self._axes = AXES.get(mode, len(given) if isinstance(given, tuple) else None)
        if isinstance(given, tuple) and (len(given) != self._axes or self._axes not in PIXELS):
            numbers = AXES.get(mode, "1, 2 or 3")
            raise ValueError(f"Upsample of mode {mode!r} expected one number or {numbers}, got {given!r}")

    def check(self, x: Array) -> None:
        """Check that x is images, of as many axes as the mode is for, and that y has a pixel."""
        check_floats(self, x)
        if self._axes is None and not 3 <= x.ndim <= 5:
            shapes = ", ".join(f"(N, C, {pixels})" for pixels in PIXELS.values())
            raise ValueError(f"{self.describe()} expected one of the shapes {shapes}, got {x.shape}")
        check_images(self, x, one_pixel(self._axes or x.ndim - 2))
        if min(new := self._new(self._old(x.shape))) < 1:
            raise ValueError(
                f"{self.describe()} would make an image of {'x'.join(map(str, new))} pixels from shape {x.shape}: "
                "use a larger scale_factor"
            )

    @checked
    def forward(self, x: Array) -> Array:
        """Map images x (N, C, H, W) to y (N, C, H′, W′)."""
        old = self._old(x.shape)
        self.cache = x.shape
        y = batch_last(x, len(old))
        for axis, taps in enumerate(self._taps(old), 1):
            first, *others = [_times(y.take(pixels, axis), weights, axis) for pixels, weights in taps]
            y = first
            for other in others:
                y += other
        return batch_first(y, x.shape)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (N, C, H′, W′) to dx (N, C, H, W)."""
        shape = self.cache
        old = self._old(shape)
        dx = batch_last(dy, len(old))
        for axis, taps in reversed(list(enumerate(self._taps(old), 1))):
            dy, dx = dx, np.zeros((*dx.shape[:axis], old[axis - 1], *dx.shape[axis + 1 :]), dx.dtype)
            along: tuple[Any, ...] = (slice(None),) * axis
            for pixels, weights in taps:
                each = _times(dy, weights, axis)
                for place, pixel in enumerate(pixels):
                    dx[(*along, pixel)] += each[(*along, place)]
        return batch_first(dx, shape)

    def _old(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the size of images of that shape: (H, W)."""
        return shape[-(self._axes or len(shape) - 2) :]

    def _new(self, old: tuple[int, ...]) -> tuple[int, ...]:
        """Return the size of y: (H′, W′)."""
        if self.size is not None:
            return self.size if isinstance(self.size, tuple) else (self.size,) * len(old)
        return tuple(math.floor(n * factor) for n, factor in zip(old, self._factors(len(old)), strict=True))

    def _factors(self, axes: int) -> tuple[float, ...]:
        """Return the scale_factor of each axis."""
        return self.scale_factor if isinstance(self.scale_factor, tuple) else (self.scale_factor or 1,) * axes

    def _steps(self, old: tuple[int, ...], new: tuple[int, ...]) -> list[float]:
        """Return r, the distance between two places in pixels, for each axis."""
        steps = [n / out for n, out in zip(old, new, strict=True)]
        if self.scale_factor is None:
            return steps
        given = [1 / factor for factor in self._factors(len(old))]
        # As in PyTorch: where ⌊H·scale_factor⌋ is H, or 2·H, the pixels are copied, or doubled, whatever was rounded.
        exact = (1.0,) if self.mode in AXES else (1.0, 0.5) if len(old) == 2 else ()
        return [step if step in exact else other for step, other in zip(steps, given, strict=True)]

    def _taps(self, old: tuple[int, ...]) -> list[Taps]:
        """Return, for each axis, the pixels of x that each place of y is made of, and their weights."""
        new = self._new(old)
        return [self._along(*each) for each in zip(old, new, self._steps(old, new), strict=True)]

    def _along(self, n: int, out: int, step: float) -> Taps:
        """Return the pixels and weights of `_taps` for one axis of n pixels, which becomes one of `out`."""
        places = np.arange(out)
        if self.mode == "nearest":  # in float32, as in PyTorch: r·h may be rounded to a whole number
            pixels = np.floor(places.astype(np.float32) * np.float32(step)).astype(np.intp)
            return [(np.minimum(pixels, n - 1), None)]
        if self.align_corners:
            at = places * ((n - 1) / max(out - 1, 1))
        else:
            at = np.clip((places + 0.5) * step - 0.5, 0, n - 1)
        first = at.astype(np.intp)
        return [(first, 1 - (at - first)), (np.minimum(first + 1, n - 1), at - first)]


def _times(x: Array, weights: Array | None, axis: int) -> Array:
    """Return x (C, ..., N), times one weight for each place along an axis; None: x itself."""
    return x if weights is None else x * weights.astype(x.dtype).reshape(-1, *[1] * (x.ndim - axis - 1))


def _check_size(owner: str, name: str, value: object) -> None:
    check_int(owner, name, value, why="it is the number of pixels along an axis")


def _check_factor(owner: str, name: str, value: object) -> None:
    check_number(owner, name, value, above=0, why="it is the new size divided by the old one")
