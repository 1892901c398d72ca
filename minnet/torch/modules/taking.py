"""Operations that bring numbers into another shape, take some of them, join or pad them."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from minnet.torch.modules.operations import Operation

Sizes = tuple[int, ...] | None


def chosen(given: Tensor | None, own: Sizes) -> tuple[int, ...]:
    """Return numbers that are given as a tensor, or else those of the layer."""
    return (own or ()) if given is None else tuple(given.reshape(-1).tolist())


class View(Operation):
    """y = x in another shape; a size of 0 is that of x at the same place."""

    shape: Sizes
    allow_zero: bool

    def forward(self, x: Tensor, shape: Tensor | None = None) -> Tensor:
        """Map x to y."""
        wanted = chosen(shape, self.shape)
        return x.reshape([x.shape[i] if n == 0 and not self.allow_zero else n for i, n in enumerate(wanted)])


class Transpose(Operation):
    """y = x with its axes in another order."""

    axes: Sizes

    def forward(self, x: Tensor) -> Tensor:
        """Map x to a view of it."""
        return x.permute(*(reversed(range(x.ndim)) if self.axes is None else self.axes))


class Squeeze(Operation):
    """y = x without some axes of size 1."""

    axes: Sizes

    def forward(self, x: Tensor) -> Tensor:
        """Map x to a view of it."""
        return x.squeeze() if self.axes is None else x.squeeze(self.axes)


class Unsqueeze(Operation):
    """y = x with further axes of size 1."""

    axes: Sizes

    def forward(self, x: Tensor) -> Tensor:
        """Map x to a view of it."""
        axes = chosen(None, self.axes)
        for axis in sorted(axis % (x.ndim + len(axes)) for axis in axes):
            x = x.unsqueeze(axis)
        return x


class Expand(Operation):
    """y = x, repeated along axes of size 1."""

    shape: Sizes

    def forward(self, x: Tensor, shape: Tensor | None = None) -> Tensor:
        """Map x to y."""
        return x.broadcast_to(torch.broadcast_shapes(x.shape, chosen(shape, self.shape)))


class Tile(Operation):
    """y = x, repeated along its axes."""

    repeats: Sizes

    def forward(self, x: Tensor, repeats: Tensor | None = None) -> Tensor:
        """Map x to y."""
        return x.tile(chosen(repeats, self.repeats))


class Slice(Operation):
    """y = a part of x, from a start to an end, along some axes."""

    starts: Sizes
    ends: Sizes
    axes: Sizes
    steps: Sizes

    def forward(self, x: Tensor, *numbers: Tensor) -> Tensor:
        """Map x to a part of it."""
        own = (self.starts, self.ends, self.axes, self.steps)
        starts, ends, axes, steps = (
            chosen(numbers[i] if i < len(numbers) else None, values) for i, values in enumerate(own)
        )
        for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
            axis, step = axes[i] if axes else i, steps[i] if steps else 1
            stop = None if step < 0 and end < -(1 << 31) else end
            places = range(*slice(start, stop, step).indices(x.shape[axis]))
            x = x.index_select(axis, torch.tensor(places, dtype=torch.int64, device=x.device))
        return x


class Gather(Operation):
    """y = some parts of x along an axis, by their numbers."""

    axis: int
    index: int | None

    def forward(self, x: Tensor, numbers: Tensor | None = None) -> Tensor:
        """Map x, and numbers, to y."""
        if numbers is None:
            return x.select(self.axis, self.index or 0)
        axis = self.axis % x.ndim
        y = x.index_select(axis, numbers.reshape(-1).long() % x.shape[axis])
        return y.reshape(*x.shape[:axis], *numbers.shape, *x.shape[axis + 1 :])


class Join(Operation):
    """y = x_1, …, x_n, one after another along an axis."""

    axis: int

    def forward(self, *xs: Tensor) -> Tensor:
        """Map x_1, …, x_n to y."""
        return torch.cat(xs, self.axis)


class Triangle(Operation):
    """y = the part of matrices above or below a diagonal."""

    upper: bool
    diagonal: int

    def forward(self, x: Tensor) -> Tensor:
        """Map x (…, N, M) to y (…, N, M)."""
        return x.triu(self.diagonal) if self.upper else x.tril(self.diagonal)


class PadAxes(Operation):
    """y = x with numbers added before and behind it along each axis; a negative count takes some away."""

    pads: tuple[tuple[int, int], ...]
    mode: str
    value: float

    def forward(self, x: Tensor) -> Tensor:
        """Map x to y."""
        if self.mode == "constant":
            return pad(x, [n for pair in reversed(self.pads) for n in pair], value=self.value)
        for axis, (before, behind) in enumerate(self.pads):
            inner = np.arange(max(-before, 0), x.shape[axis] - max(-behind, 0))
            source = np.pad(inner, (max(before, 0), max(behind, 0)), self.mode)  # type: ignore[call-overload]
            x = x.index_select(axis, torch.from_numpy(source).to(x.device))
        return x
