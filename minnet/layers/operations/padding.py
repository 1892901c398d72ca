"""Numbers added at the ends of axes: `PadAxes`."""

from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_choice, check_number
from minnet.core.layer import Layer
from minnet.layers.images.borders import Borders
from minnet.layers.operations.allocation import check_size
from minnet.layers.operations.shapes import as_ints
from minnet.layers.operations.taking import check_arrays

BORDERS = {"constant": "constant", "edge": "replicate", "reflect": "reflect", "wrap": "circular"}  # by ONNX's names


class PadAxes(Layer):
    """y = x with numbers added before and behind it along each axis; a negative count takes some away.

    Backward: what x is in y is given its dy. With ``mode="constant"``, the rest belongs to nothing; in the other modes,
    each number that was copied is given the dy of its copies, too.

    Parameters
    ----------
    pads
        (before, behind) for each axis.
    mode
        "constant"; "edge": the last number again; "reflect": the numbers in reverse order, without the last; "wrap":
        those of the other end.
    value
        Which number, with "constant".
    """

    def __init__(self, pads: tuple[tuple[int, int], ...], mode: str = "constant", value: float = 0.0) -> None:
        self.pads = tuple(as_ints("PadAxes", "pads", pair) or () for pair in pads)
        if any(len(pair) != 2 for pair in self.pads):
            raise ValueError(f"PadAxes needs pads of two numbers for each axis, got {pads}")
        self.mode = check_choice("PadAxes", "mode", mode, tuple(BORDERS))
        self.value = value if value in (float("inf"), -float("inf")) else check_number("PadAxes", "value", value)

    def check(self, x: Any) -> None:
        """Check that x has as many axes, and what is left of it a size."""
        check_arrays(self, (x,))
        kept = [n + min(pair[0], 0) + min(pair[1], 0) for n, pair in zip(x.shape, self.pads, strict=False)]
        copied = [max(pair) > 0 and self.mode != "constant" for pair in self.pads]  # from what is kept
        if x.ndim != len(self.pads) or any(n < some for n, some in zip(kept, copied, strict=False)):
            raise ValueError(f"{self.describe()} cannot pad an array of shape {x.shape}")
        check_size(self, tuple(n + sum(pair) for n, pair in zip(x.shape, self.pads, strict=True)))

    @checked
    def forward(self, x: Array) -> Array:
        """Map x to the padded x."""
        sizes = zip(x.shape, self.pads, strict=True)
        inner = tuple(slice(max(-before, 0), n - max(-behind, 0)) for n, (before, behind) in sizes)
        added = tuple((max(before, 0), max(behind, 0)) for before, behind in self.pads)
        borders = Borders(added, BORDERS[self.mode], self.value)
        self.cache = (x.shape, inner, borders)
        return borders.pad(x[inner][None, ..., None])[0, ..., 0]

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx."""
        shape, inner, borders = self.cache
        dx = np.zeros(shape, dy.dtype)
        dx[inner] = borders.unpad(dy[None, ..., None], dx[inner].shape)[0, ..., 0]
        return dx
