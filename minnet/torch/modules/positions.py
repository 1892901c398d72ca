"""Embedding whose row of the padding is not zero, and positions."""

import torch
from torch import Tensor, nn


class Embedding(nn.Embedding):
    """`torch.nn.Embedding`, but y is zero at the places of the padding, whatever its row is."""

    def forward(self, x: Tensor) -> Tensor:
        """Map integers x (any shape) to y (..., D)."""
        return super().forward(x) * torch.ne(x, self.padding_idx or 0)[..., None]


class LearnedPosition(nn.Module):
    """y_t = x_t + P_t."""

    def __init__(self, max_length: int, embed_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(max_length, embed_dim))

    def forward(self, x: Tensor) -> Tensor:
        """Map x (..., T, D) to y (the same shape)."""
        return x + self.weight[: x.shape[-2]]


class SinusoidalPosition(nn.Module):
    """y_{t,2i} = x_{t,2i} + sin(t / 10000^{2i/D}), y_{t,2i+1} = x_{t,2i+1} + cos(the same)."""

    def __init__(self, embed_dim: int) -> None:
        super().__init__()
        self.embed_dim = embed_dim

    def forward(self, x: Tensor) -> Tensor:
        """Map x (..., T, D) to y (the same shape)."""
        even = torch.arange(0, self.embed_dim, 2, dtype=torch.float64, device=x.device)
        places = torch.arange(x.shape[-2], dtype=torch.float64, device=x.device)
        angles = places[:, None] / 10000.0 ** (even / self.embed_dim)
        table = torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)[:, : self.embed_dim]
        return x + table.to(x.dtype)
