"""PyTorch's attention and its blocks, but they take x, and a mask that is True where a place may be attended to."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


class MultiheadAttention(nn.MultiheadAttention):
    """`torch.nn.MultiheadAttention`, batch first, of x itself or of a context; without the weights."""

    def __init__(self, embed_dim: int, num_heads: int, *, causal: bool = False, **arguments: Any) -> None:
        super().__init__(embed_dim, num_heads, batch_first=True, **arguments)
        self.causal = causal

    def forward(  # type: ignore[override]
        self, x: Tensor, mask: Tensor | None = None, context: Tensor | None = None, values: Tensor | None = None
    ) -> Tensor:
        """Map x (..., T, D) to y (the same shape); the mask (..., T) is True where a place may be attended to."""
        source = x if context is None else context
        places = x.shape[-2]
        past = torch.ones(places, places, dtype=torch.bool, device=x.device).triu(1) if self.causal else None
        query, key, value = (a.reshape(-1, *a.shape[-2:]) for a in (x, source, source if values is None else values))
        y, _ = super().forward(
            query,
            key,
            value,
            key_padding_mask=None if mask is None else ~mask.reshape(-1, mask.shape[-1]),
            attn_mask=past,
            need_weights=False,
        )
        return y.reshape(x.shape)


class TransformerEncoderLayer(nn.TransformerEncoderLayer):
    """`torch.nn.TransformerEncoderLayer`, of the parts that it is given."""

    def __init__(
        self, embed_dim: int, num_heads: int, hidden: int, norm_first: bool, parts: Mapping[str, nn.Module]
    ) -> None:
        super().__init__(embed_dim, num_heads, hidden, 0.0, batch_first=True, norm_first=norm_first)
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """Map x (..., T, D) to y (the same shape); the mask (..., T) is True where a place may be attended to."""
        if self.norm_first:
            h = x + self.dropout1(self.self_attn(self.norm1(x), mask))
            return h + self._network(self.norm2(h))
        h = self.norm1(x + self.dropout1(self.self_attn(x, mask)))
        return self.norm2(h + self._network(h))

    def _network(self, x: Tensor) -> Tensor:
        y: Tensor = self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))
        return y


class TransformerDecoderLayer(nn.TransformerDecoderLayer):
    """`torch.nn.TransformerDecoderLayer`, of the parts that it is given."""

    def __init__(
        self, embed_dim: int, num_heads: int, hidden: int, norm_first: bool, parts: Mapping[str, nn.Module]
    ) -> None:
        super().__init__(embed_dim, num_heads, hidden, 0.0, batch_first=True, norm_first=norm_first)
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(  # type: ignore[override]
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None, memory_mask: Tensor | None = None
    ) -> Tensor:
        """Map x (..., T, D) and the memory (..., S, D) to y; the masks are True where a place may be attended to."""
        if self.norm_first:
            h = x + self.dropout1(self.self_attn(self.norm1(x), mask))
            h = h + self.dropout2(self.multihead_attn(self.norm2(h), memory_mask, memory))
            return h + self._network(self.norm3(h))
        h = self.norm1(x + self.dropout1(self.self_attn(x, mask)))
        h = self.norm2(h + self.dropout2(self.multihead_attn(h, memory_mask, memory)))
        return self.norm3(h + self._network(h))

    def _network(self, x: Tensor) -> Tensor:
        y: Tensor = self.dropout3(self.linear2(self.dropout(self.activation(self.linear1(x)))))
        return y
