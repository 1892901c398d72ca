"""A border continues an image beyond its edges: with one number, or with the image's own pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.checks import Described

MODES = ("constant", "reflect", "replicate", "circular")


@dataclass(frozen=True)
class Borders:
    """So many pixels before and after an image along each axis, in one of four modes.

    Along one axis, with 1 2 3 4 for the image and three pixels on each side:

    - constant: v v v **1 2 3 4** v v v
    - reflect: 4 3 2 **1 2 3 4** 3 2 1, so that the outermost pixel is not repeated
    - replicate: 1 1 1 **1 2 3 4** 4 4 4
    - circular: 2 3 4 **1 2 3 4** 1 2 3

    In all modes but the first, every pixel of the border is a copy of a pixel, and the axes are done one after the
    other. So `unpad`, which is the backward of `pad`, adds the gradient of each copy to that of its pixel.
    """

    sizes: tuple[tuple[int, int], ...]  # before and after, for each axis; a negative number cuts so many pixels off
    mode: str
    value: float = 0.0  # of a constant border

    def __bool__(self) -> bool:
        return any(map(any, self.sizes))

    def padded(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Return the size of an image with its borders."""
        return tuple(n + before + after for n, (before, after) in zip(size, self.sizes, strict=True))

    def check(self, owner: Described, size: tuple[int, ...], shape: tuple[int, ...]) -> None:
        """Check that an image of that size, in x of that shape, can be continued so far; otherwise a ValueError."""
        got = f"got {'x'.join(map(str, size))} in shape {shape}"
        for n, around in zip(size, self.sizes, strict=True):
            before, after = around
            if min(before + n, after + n, before + n + after) < 1:
                raise ValueError(f"{owner.describe()} would cut off all {n} pixels of an axis, {got}: cut off fewer")
            most = {"reflect": n - 1, "circular": n}.get(self.mode)
            if most is not None and max(around) > most:
                why = {
                    "reflect": "the outermost pixel is not repeated, so a reflected border is smaller than the image",
                    "circular": "it goes around once, so a circular border is at most as large as the image",
                }[self.mode]
                raise ValueError(
                    f"{owner.describe()} expected at least {max(around) + n - most} pixels along an axis with a border "
                    f"of {max(around)}, {got}: {why}. Use a smaller border, or replicate the outermost pixel"
                )

    def pad(self, x: Array) -> Array:
        """Return images (C, size, N) with their borders."""
        if self.mode == "constant":
            y = np.full((len(x), *self.padded(x.shape[1:-1]), x.shape[-1]), self.value, x.dtype)
            here, there = self._overlap(x.shape[1:-1])
            y[there] = x[here]
            return y
        for axis, pixels in self._pixels(x.shape[1:-1]):
            x = x.take(pixels, axis)
        return x

    def unpad(self, dy: Array, size: tuple[int, ...]) -> Array:
        """Return dx (C, size, N), given dy of the size with the borders."""
        here, there = self._overlap(size)
        if self.mode == "constant":
            dx = np.zeros((len(dy), *size, dy.shape[-1]), dy.dtype)
            dx[here] = dy[there]
            return dx
        for axis, pixels in reversed(self._pixels(size)):
            dx = np.zeros((*dy.shape[:axis], size[axis - 1], *dy.shape[axis + 1 :]), dy.dtype)
            inside = (slice(None),) * axis
            dx[(*inside, here[axis])] = dy[(*inside, there[axis])]
            for place in [*range(there[axis].start), *range(there[axis].stop, len(pixels))]:  # of the border
                dx[(*inside, pixels[place])] += dy[(*inside, place)]
            dy = dx
        return dy

    def _overlap(self, size: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Return the slice of images (C, size, N) that is kept, and where it lies in the images with their borders."""
        here, there = [slice(None)], [slice(None)]
        for n, (before, after) in zip(size, self.sizes, strict=True):
            start, stop = max(-before, 0), n - max(-after, 0)
            here.append(slice(start, stop))
            there.append(slice(start + before, stop + before))
        return tuple(here), tuple(there)

    def _pixels(self, size: tuple[int, ...]) -> list[tuple[int, NDArray[np.intp]]]:
        """Return, for each axis that has a border, which pixel each place with the border is a copy of."""
        found = []
        for axis, (n, (before, after)) in enumerate(zip(size, self.sizes, strict=True), 1):
            places = np.arange(-before, n + after)
            pixels = {
                "reflect": n - 1 - np.abs(n - 1 - np.abs(places) % max(2 * n - 2, 1)),
                "replicate": np.clip(places, 0, n - 1),
                "circular": places % n,
            }[self.mode]
            if before or after:
                found.append((axis, pixels))
        return found
