"""Embedding and positions."""

from typing import Any

from minnet.layers.sequences.embedding import Embedding, LearnedPosition, SinusoidalPosition
from minnet.torch.entries import Making, entry


def _embedding(layer: Embedding, to: Making) -> Any:
    """Make PyTorch's, unless the row that pads is not zero: then y is zero at its places only in minnet."""
    padding = layer.padding_idx
    is_other = padding is not None and layer.weight.data[padding].any()
    return (to.own if is_other else to.nn).Embedding(layer.num_embeddings, layer.embedding_dim, padding)


entry(Embedding, _embedding)
entry(LearnedPosition, lambda layer, to: to.own.LearnedPosition(layer.max_length, layer.embed_dim))
entry(SinusoidalPosition, lambda layer, to: to.own.SinusoidalPosition(layer.embed_dim))
