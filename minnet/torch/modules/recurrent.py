"""PyTorch's recurrent layers, but they return y alone, as minnet's do, and take a mask of the steps that are real."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class _Recurrent(nn.RNNBase):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """Map x (N, T, I) to y (N, T, H); where the mask (N, T) is False, y is that of the step before."""
        if mask is None:
            y: Tensor = super().forward(x)[0]
            return y
        # The real steps are moved to the front, in their order, because later steps do not change them.
        order = torch.argsort(~mask, dim=-1, stable=True)[..., None]
        moved = x.gather(-2, order.expand_as(x))
        steps = mask.cumsum(-1)[..., None]  # how many were real so far
        if not self.bidirectional:
            return _taken(super().forward(moved)[0], steps - 1)
        y = self._both(moved, steps[..., -1, 0])
        size = self.hidden_size
        later = steps - mask[..., None].long()  # the number of a real step, or of the next one after padding
        later = torch.where(later < steps[..., -1:, :], later, -1)
        return torch.cat([_taken(y[..., :size], steps - 1), _taken(y[..., size:], later)], -1)

    def _both(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Run both directions over sequences that begin with so many real steps."""
        batch = x if x.ndim == 3 else x[None]
        packed = pack_padded_sequence(batch, lengths.reshape(-1).clamp(min=1).cpu(), True, enforce_sorted=False)
        y, _ = pad_packed_sequence(super().forward(packed)[0], batch_first=True, total_length=x.shape[-2])
        return y if x.ndim == 3 else y[0]


def _taken(y: Tensor, places: Tensor) -> Tensor:
    """Return y at some places (..., T, 1), and 0 where the place is −1: the first state."""
    return y.gather(-2, places.clamp(min=0).expand_as(y)) * (places >= 0)


class RNN(_Recurrent, nn.RNN):  # type: ignore[misc]
    """`torch.nn.RNN`, without the last state."""


class GRU(_Recurrent, nn.GRU):  # type: ignore[misc]
    """`torch.nn.GRU`, without the last state."""


class LSTM(_Recurrent, nn.LSTM):  # type: ignore[misc]
    """`torch.nn.LSTM`, without the last state."""
