"""Select takes one place along an axis: the first word of a text, the last step of a sequence, one of the channels."""

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_floats, check_int
from minnet.core.layer import Layer
from minnet.layers.sequences.masks import Mask, check_mask


class Select(Layer):
    """y = x[:, index]: one place along an axis, which is then gone; PyTorch's ``x.select(axis, index)``.

    Backward: y does not depend on the other places, so dL/dx is dy at the place and 0 elsewhere.

    With a mask (N, T) of padded sequences, only the places where it is True are counted: ``Select(0)`` is the first of
    them, and ``Select(-1)`` the last, as `PoolTime("last")` is. If there are too few, y is 0, and nothing gets a
    gradient.

    Parameters
    ----------
    index
        The number of the place, from 0; negative ones count from the end.
    axis
        The axis, which cannot be 0, the batch. Of sequences (N, T, D), time is axis 1.

    Examples
    --------
    >>> x = np.arange(6.0).reshape(1, 3, 2)
    >>> Select(0).forward(x), Select(-1).forward(x, np.array([[True, True, False]]))
    (array([[0., 1.]]), array([[2., 3.]]))
    """

    def __init__(self, index: int, axis: int = 1) -> None:
        self.index = check_int("Select", "index", index, least=None)
        self.axis = check_int("Select", "axis", axis, least=None)
        if self.axis == 0:
            raise ValueError("Select's axis is 0, the batch: time is axis=1, features are axis=-1")

    @property
    def takes_mask(self) -> bool:  # type: ignore[override]
        """Whether the axis is time, of which places a mask is."""
        return self.axis == 1

    @property
    def removes_time(self) -> bool:  # type: ignore[override]
        """Whether the axis is time."""
        return self.axis == 1

    @property
    def mixes_places(self) -> bool:  # type: ignore[override]
        """Whether the axis is one that is counted from the end, and so may be time."""
        return self.axis < 0

    def check(self, x: Array, mask: Mask | None = None) -> None:
        """Check that x has such a place, and that the mask is one of its sequences."""
        check_floats(self, x)
        if not -x.ndim <= self.axis < x.ndim or self.axis == -x.ndim:
            raise ValueError(
                f"{self.describe()} expected an axis {self.axis} that is not the batch, got x of shape {x.shape}"
            )
        length = x.shape[self.axis]
        if mask is None and not -length <= self.index < length:
            raise ValueError(
                f"{self.describe()} expected a place {self.index} along axis {self.axis}, got x of shape {x.shape}, "
                f"which has {length} of them"
            )
        if mask is not None and self.axis != 1:
            raise ValueError(f"{self.describe()} cannot be given a mask: it is of places along axis 1")
        check_mask(self, mask, x.shape[:2], "True where a place counts")

    @checked
    def forward(self, x: Array, mask: Mask | None = None) -> Array:
        """Map x to y, without the axis; the mask (N, T) is True where a place of a sequence counts."""
        if mask is None:
            self.cache = (x.shape, None)
            place: Array = np.moveaxis(x, self.axis, 0)[self.index]
            return place.copy()
        chosen = self._chosen(mask)
        y = np.zeros((len(x), *x.shape[2:]), x.dtype)
        y[chosen.any(axis=1)] = x[chosen]
        self.cache = (x.shape, chosen)
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, which is 0 at all other places."""
        shape, chosen = self.cache
        dx = np.zeros(shape, dy.dtype)
        if chosen is None:
            np.moveaxis(dx, self.axis, 0)[self.index] = dy
        else:
            dx[chosen] = dy[chosen.any(axis=1)]
        return dx

    def _chosen(self, mask: Mask) -> Mask:
        """Return a mask (N, T) of the chosen places: one of each sequence, or none if it is too short."""
        number = mask.cumsum(axis=1)  # of each place, among those that count, from 1
        wanted = self.index + 1 if self.index >= 0 else number[:, -1:] + self.index + 1
        chosen: Mask = mask & (number == wanted)
        return chosen
