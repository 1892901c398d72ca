"""PyTorch's recurrent layers, but they return y alone, as minnet's do, and take a mask of the steps that are real."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class _Recurrent(nn.RNNBase):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """Map x (N, T, I) to y (N, T, D·H).

        Where the mask (N, T) is False, y is that of the step before, in the order of the direction; 0 if there is none.
        """
        y: Tensor
        if mask is None:
            y = super().forward(x)[0]
            return y
        if x.ndim == 2:
            return self(x[None], mask[None])[0]
        real = mask.sum(-1, keepdim=True)  # how many steps are real: they are moved to the front, in their order
        order = torch.argsort(~mask, dim=-1, stable=True)[..., None]
        lengths = real[:, 0].clamp(min=1).cpu()
        packed = pack_padded_sequence(x.gather(1, order.expand_as(x)), lengths, batch_first=True, enforce_sorted=False)
        y, _ = pad_packed_sequence(super().forward(packed)[0], batch_first=True, total_length=x.shape[1])
        before = mask.cumsum(-1) - 1  # the real step at each place, or the last one before it
        places = [before, before + ~mask][: 2 if self.bidirectional else 1]  # or, backward, the first one after it
        parts = []
        for half, place in zip(y.chunk(len(places), -1), places, strict=True):
            there = ((place >= 0) & (place < real))[..., None]
            parts.append(half.gather(1, place.clamp(0, x.shape[1] - 1)[..., None].expand_as(half)) * there)
        return torch.cat(parts, -1)


class RNN(_Recurrent, nn.RNN):  # type: ignore[misc]
    """`torch.nn.RNN`, without the last state."""


class GRU(_Recurrent, nn.GRU):  # type: ignore[misc]
    """`torch.nn.GRU`, without the last state."""


class LSTM(_Recurrent, nn.LSTM):  # type: ignore[misc]
    """`torch.nn.LSTM`, without the last state."""
