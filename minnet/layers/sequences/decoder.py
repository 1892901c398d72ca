"""A TransformerDecoderBlock is a TransformerBlock that also attends to a memory, such as the outputs of an encoder."""

from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.layer import Layer
from minnet.core.words import refusing
from minnet.layers.dropout import Dropout
from minnet.layers.normalization.layer_norm import LayerNorm
from minnet.layers.sequences.attention import WORDS_OF_FORWARD, MultiHeadAttention
from minnet.layers.sequences.masks import Mask, check_context, check_mask, check_sequence
from minnet.layers.sequences.transformer import WORDS, Block

WORDS_OF_DECODER = WORDS_OF_FORWARD | {
    "tgt_key_padding_mask": "write mask=~tgt_key_padding_mask, because a mask is True where a place may be attended to",
    "memory_key_padding_mask": "write memory_mask=~memory_key_padding_mask, True where a place may be attended to",
    **dict.fromkeys(("tgt_mask", "tgt_is_causal"), "the layer is causal, unless it has causal=False"),
}


class TransformerDecoderBlock(Block):
    """h = x + attention(norm(x)), k = h + cross(norm(h), memory), y = k + network(norm(k)).

    It is PyTorch's TransformerDecoderLayer: the attention is causal, cross is an attention whose keys and values are
    made of the memory (..., S, D). This is with `norm_first`; without it, h = norm(x + attention(x)), and so on.
    Backward: the lines of forward from the last to the first, as in `TransformerBlock`. cross passes back two
    gradients: one for its queries, which goes on to h, and dL/d memory.

    A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.1.

    The parameters are those of `TransformerBlock`, but `causal` is True by default, and `dropout` is for cross, too. A
    `Decoder` is a stack of such blocks, all with one memory.

    Attributes
    ----------
    attention, cross_attention : MultiHeadAttention
    attention_norm, cross_norm, network_norm : LayerNorm
    network : Sequential
    dropout, cross_dropout : Dropout or None
        Of the outputs of the two attentions.

    Examples
    --------
    >>> block = TransformerDecoderBlock(8, num_heads=2, hidden=32, rng=0)
    >>> x, memory = np.ones((3, 5, 8), np.float32), np.ones((3, 9, 8), np.float32)
    >>> block.forward(x, memory).shape
    (3, 5, 8)
    """

    takes_memory = True

    @refusing(WORDS)
    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        hidden: int,
        dropout: float = 0.1,
        causal: bool = True,
        norm_first: bool = True,
        activation: Layer | str | None = None,
        *,
        layer_norm_eps: float = 1e-5,
        bias: bool = True,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        rng = np.random.default_rng(rng)
        options: dict[str, Any] = {"layer_norm_eps": layer_norm_eps, "bias": bias, "rng": rng}
        super().__init__(embed_dim, num_heads, hidden, dropout, causal, norm_first, activation, **options)
        self.cross_norm = LayerNorm(self.embed_dim, layer_norm_eps, bias=bias)
        self.cross_attention = MultiHeadAttention(self.embed_dim, num_heads, bias, dropout=dropout, rng=rng)
        self.cross_dropout = Dropout(dropout, rng=rng) if dropout else None

    @refusing(WORDS_OF_DECODER)
    def check(
        self, x: Array, memory: Array | None = None, mask: Mask | None = None, memory_mask: Mask | None = None
    ) -> None:
        """Check that x and the memory are sequences of vectors, and the masks those of their places."""
        if memory is None:
            raise TypeError(
                f"{self.describe()} needs a memory to attend to: forward(x, memory); mn.Decoder(layer, ...) gives it "
                "to all such blocks of a chain, which a Sequential cannot do"
            )
        check_sequence(self, x, self.embed_dim, self.attention_norm.dtype)
        check_context(self, "memory", memory, self.embed_dim, x, self.attention_norm.dtype)
        check_mask(self, mask, x.shape[:-1])
        check_mask(self, memory_mask, memory.shape[:-1])

    @checked
    def forward(self, x: Array, memory: Array, mask: Mask | None = None, memory_mask: Mask | None = None) -> Array:
        """Map x (..., T, D) and the memory (..., S, D) to y (..., T, D).

        The masks, (..., T) of x and (..., S) of the memory, are True where a place may be attended to.
        """
        h: Array
        k: Array
        y: Array
        if self.norm_first:
            h = x + self._attend(self.attention_norm.forward(x), mask)
            k = h + self._cross(self.cross_norm.forward(h), memory, memory_mask)
            y = k + self.network.forward(self.network_norm.forward(k))
        else:
            h = self.attention_norm.forward(x + self._attend(x, mask))
            k = self.cross_norm.forward(h + self._cross(h, memory, memory_mask))
            y = self.network_norm.forward(k + self.network.forward(k))
        return y

    @checked
    def backward(self, dy: Array) -> tuple[Array, Array]:
        """Add the weights' gradients, and map dy to (dx, dL/d memory)."""
        dk: Array
        dh: Array
        if self.norm_first:
            dk = dy + self.network_norm.backward(self.network.backward(dy))
            d_query, d_memory = self._cross_backward(dk)
            dh = dk + self.cross_norm.backward(d_query)
            return dh + self.attention_norm.backward(self._attend_backward(dh)), d_memory
        d_sum = self.network_norm.backward(dy)
        dk = d_sum + self.network.backward(d_sum)
        d_sum = self.cross_norm.backward(dk)
        d_query, d_memory = self._cross_backward(d_sum)
        dh = d_sum + d_query
        d_sum = self.attention_norm.backward(dh)
        return d_sum + self._attend_backward(d_sum), d_memory

    def _cross(self, x: Array, memory: Array, mask: Mask | None) -> Array:
        y = self.cross_attention.forward(x, mask, memory)
        return y if self.cross_dropout is None else self.cross_dropout.forward(y)

    def _cross_backward(self, dy: Array) -> tuple[Array, Array]:
        dx, d_memory = self.cross_attention.backward(
            dy if self.cross_dropout is None else self.cross_dropout.backward(dy)
        )
        return dx, d_memory
