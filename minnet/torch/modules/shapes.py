"""Modules for layers that PyTorch has only as functions: they pool, drop, normalize and move axes."""

import torch
from torch import Tensor, nn


class GlobalAvgPool2d(nn.Module):
    """y = the mean of each channel: (N, C, H, W) becomes (N, C)."""

    def forward(self, x: Tensor) -> Tensor:
        """Map x (..., C, H, W) to y (..., C)."""
        return x.mean((-2, -1))


class PoolTime(nn.Module):
    """y = the mean, the maximum or the last of the vectors of a sequence; the mask is True where a place counts."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map x (..., T, D) to y (..., D)."""
        counts = torch.ones(x.shape[:-1], dtype=torch.bool, device=x.device) if mask is None else mask
        counts = counts[..., None]
        if self.how == "mean":
            return (x * counts).sum(-2) / counts.sum(-2).clamp(min=1)
        if self.how == "max":
            chosen = x.masked_fill(~counts, -torch.inf).argmax(-2, keepdim=True)
        else:
            places = torch.arange(x.shape[-2], device=x.device)[:, None]
            chosen = torch.where(counts, places, 0).amax(-2, keepdim=True).expand(*x.shape[:-2], 1, x.shape[-1])
        y = x.gather(-2, chosen) * counts.any(-2, keepdim=True)
        return y[..., 0, :]

    def extra_repr(self) -> str:
        """Return what is shown in brackets."""
        return self.how


class DropPath(nn.Module):
    """y_n = m_n · x_n while training, where m_n is 0 with probability p and 1/(1 − p) otherwise."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Map x to y, of the same shape."""
        if not self.training or not self.p:
            return x
        remains = torch.rand(x.shape[0], *[1] * (x.ndim - 1), device=x.device) >= self.p
        return x * remains / (1 - self.p or 1)

    def extra_repr(self) -> str:
        """Return what is shown in brackets."""
        return f"p={self.p}"


class Normalize(nn.Module):
    """y = (x − μ) / σ, with constants μ and σ along some axes of x."""

    mean: Tensor
    std: Tensor

    def __init__(self, shape: tuple[int, ...], axis: int | tuple[int, ...] | None) -> None:
        super().__init__()
        self.axes = (1,) * len(shape) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        self.register_buffer("mean", torch.empty(shape))
        self.register_buffer("std", torch.empty(shape))

    def forward(self, x: Tensor) -> Tensor:
        """Map x to y, of the same shape."""
        shape = [1] * x.ndim
        for size, axis in zip(self.mean.shape, self.axes, strict=True):
            shape[axis] = size
        return (x - self.mean.reshape(shape)) / self.std.reshape(shape)


class Permute(nn.Module):
    """y = x with its axes in another order."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        """Map x to a view of it."""
        return x.permute(self.axes)

    def extra_repr(self) -> str:
        """Return what is shown in brackets."""
        return ", ".join(map(str, self.axes))


class Reshape(nn.Module):
    """y = x with each sample in another shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        """Map x (N, ...) to y (N, *shape)."""
        return x.reshape(x.shape[0], *self.shape)

    def extra_repr(self) -> str:
        """Return what is shown in brackets."""
        return ", ".join(map(str, self.shape))


class Select(nn.Module):
    """y = one place along an axis; with a mask, of those places where it is True, and 0 if there are too few."""

    def __init__(self, index: int, axis: int) -> None:
        super().__init__()
        self.index, self.axis = index, axis

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map x to y, without the axis."""
        if mask is None:
            return x.select(self.axis, self.index)
        number = mask.cumsum(1)
        wanted = self.index + 1 if self.index >= 0 else number[:, -1:] + self.index + 1
        chosen = (mask & (number == wanted)).reshape(*mask.shape, *[1] * (x.ndim - 2))
        return x.masked_fill(~chosen, 0).sum(1)

    def extra_repr(self) -> str:
        """Return what is shown in brackets."""
        return f"{self.index}, axis={self.axis}"
