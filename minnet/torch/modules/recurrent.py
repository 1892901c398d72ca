"""PyTorch's recurrent layers, but they return y alone, as minnet's do, and take a mask of the steps that are real."""

import torch
from torch import Tensor, nn


class _Recurrent(nn.RNNBase):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """Map x (N, T, I) to y (N, T, H); where the mask (N, T) is False, y is that of the step before."""
        if mask is None:
            y: Tensor = super().forward(x)[0]
            return y
        # The real steps are moved to the front, in their order, because later steps do not change them.
        order = torch.argsort(~mask, dim=-1, stable=True)[..., None]
        y = super().forward(x.gather(-2, order.expand_as(x)))[0]
        steps = mask.cumsum(-1)[..., None]  # how many were real so far
        y = y.gather(-2, (steps - 1).clamp(min=0).expand_as(y))
        return y * (steps > 0)


class RNN(_Recurrent, nn.RNN):  # type: ignore[misc]
    """`torch.nn.RNN`, without the last state."""


class GRU(_Recurrent, nn.GRU):  # type: ignore[misc]
    """`torch.nn.GRU`, without the last state."""


class LSTM(_Recurrent, nn.LSTM):  # type: ignore[misc]
    """`torch.nn.LSTM`, without the last state."""
