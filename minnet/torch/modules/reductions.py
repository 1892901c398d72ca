"""Operations along axes: sums, means, norms, running sums, places of the largest number."""

from typing import Any

import torch
from torch import Tensor

from minnet.torch.modules.operations import Operation


def _product(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    for axis in axes:
        x = x.prod(axis, keepdim=True)
    return x


REDUCTIONS: dict[str, Any] = {
    "sum": lambda x, axes: x.sum(axes, keepdim=True),
    "max": lambda x, axes: x.amax(axes, keepdim=True),
    "min": lambda x, axes: x.amin(axes, keepdim=True),
    "prod": _product,
    "sum_square": lambda x, axes: (x * x).sum(axes, keepdim=True),
    "l1": lambda x, axes: x.abs().sum(axes, keepdim=True),
    "l2": lambda x, axes: (x * x).sum(axes, keepdim=True).sqrt(),
    "log_sum": lambda x, axes: x.sum(axes, keepdim=True).log(),
    "log_sum_exp": lambda x, axes: x.logsumexp(axes, keepdim=True),
}


class Reduce(Operation):
    """y = the mean, the sum, the largest number, … along some axes."""

    axes: tuple[int, ...] | None
    keepdims: bool

    def forward(self, x: Tensor, axes: Tensor | None = None) -> Tensor:
        """Map x to y."""
        chosen = self.axes if axes is None else tuple(axes.reshape(-1).tolist())
        places = tuple(range(x.ndim)) if chosen is None else tuple({axis % max(x.ndim, 1) for axis in chosen})
        if not places:  # PyTorch would take all
            return self._reduced(x[..., None], (-1,))[..., 0]
        y = self._reduced(x, places)
        return y if self.keepdims else y.reshape([n for i, n in enumerate(x.shape) if i not in places])

    def _reduced(self, x: Tensor, axes: tuple[int, ...]) -> Tensor:
        if self.kind == "mean":
            total = x.sum(axes, keepdim=True, dtype=x.dtype)
            count = max(x.numel() // max(total.numel(), 1), 1)
            return total / count if x.is_floating_point() else total // count
        y: Tensor = REDUCTIONS[self.kind](x, axes)
        return y.to(x.dtype)


class UnitNorm(Operation):
    """y = x / ‖x‖, row by row; a row of zeros stays as it is."""

    norm: str

    def forward(self, x: Tensor) -> Tensor:
        """Map x (…, F) to y (…, F)."""
        size = torch.linalg.vector_norm(x, {"l2": 2, "l1": 1, "max": torch.inf}[self.norm], -1, keepdim=True)
        return x / torch.where(size == 0, 1, size)


class CumSum(Operation):
    """y = the running sum along an axis."""

    axis: int
    exclusive: bool
    reverse: bool

    def forward(self, x: Tensor) -> Tensor:
        """Map x to its running sums."""
        flipped = x.flip(self.axis) if self.reverse else x
        y = flipped.cumsum(self.axis, dtype=x.dtype)
        y = y - flipped if self.exclusive else y
        return y.flip(self.axis) if self.reverse else y


class ArgMax(Operation):
    """y = the place of the largest, or smallest, number along an axis."""

    axis: int
    keepdims: bool
    smallest: bool

    def forward(self, x: Tensor) -> Tensor:
        """Map x to whole numbers."""
        return (torch.argmin if self.smallest else torch.argmax)(x, self.axis, self.keepdims)
