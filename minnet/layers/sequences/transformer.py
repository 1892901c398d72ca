"""A TransformerBlock is attention and then a small network for each place, each added to its own input."""

from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_choice, check_flag, check_int
from minnet.core.layer import Layer
from minnet.core.words import CPU, refusing
from minnet.layers.activations.classic import ReLU
from minnet.layers.activations.smooth import GELU
from minnet.layers.containers.sequential import Sequential
from minnet.layers.dropout import Dropout
from minnet.layers.linear import Linear
from minnet.layers.normalization.layer_norm import LayerNorm
from minnet.layers.sequences.attention import WORDS_OF_FORWARD, MultiHeadAttention
from minnet.layers.sequences.masks import Mask, check_mask, check_sequence

WORDS = {
    "d_model": "write embed_dim",
    "nhead": "write num_heads",
    "dim_feedforward": "write hidden",
    "num_layers": "a stack is mn.Sequential(*(mn.TransformerBlock(...) for _ in range(6)))",
    "batch_first": "sequences are always (N, T, D), the batch first, leave it out",
    "device": CPU,
    "dtype": "write layer.astype(np.float64)",
}
WORDS_OF_ENCODER = WORDS_OF_FORWARD | {
    "src_key_padding_mask": "write mask=~src_key_padding_mask, because a mask is True where a place may be attended to",
    "src_mask": "causal=True is an argument of the layer; a mask is of places (N, T)",
}


class Block(Layer):
    """The base of `TransformerBlock` and `TransformerDecoderBlock`: what both are made of."""

    takes_mask = True

    @refusing(WORDS)
    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        hidden: int,
        dropout: float = 0.1,
        causal: bool = False,
        norm_first: bool = True,
        activation: Layer | str | None = None,
        *,
        layer_norm_eps: float = 1e-5,
        bias: bool = True,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        name = type(self).__name__
        self.embed_dim = D = check_int(name, "embed_dim", embed_dim)
        self.num_heads = num_heads
        self.hidden = check_int(name, "hidden", hidden)
        self.causal = check_flag(name, "causal", causal)
        self.norm_first = check_flag(name, "norm_first", norm_first)
        self.bias = check_flag(name, "bias", bias)
        if isinstance(activation, str):
            activation = GELU() if check_choice(name, "activation", activation, ("relu", "gelu")) == "gelu" else None
        rng = np.random.default_rng(rng)
        self.attention_norm = LayerNorm(D, layer_norm_eps, bias=bias)
        self.attention = MultiHeadAttention(D, num_heads, bias, causal, dropout, rng=rng)
        self.layer_norm_eps = self.attention_norm.eps
        self.dropout = Dropout(dropout, rng=rng) if dropout else None
        self.network_norm = LayerNorm(D, layer_norm_eps, bias=bias)
        network = [Linear(D, hidden, bias, rng=rng), activation or ReLU(), Linear(hidden, D, bias, rng=rng)]
        if dropout:
            network.insert(2, Dropout(dropout, rng=rng))
            network.append(Dropout(dropout, rng=rng))
        self.network = Sequential(*network)

    @property
    def activation(self) -> Layer:
        """The layer between the two Linear ones."""
        return self.network.layers[1]

    def arguments(self) -> dict[str, Any]:
        """Return the constructor's arguments, of which `dropout` is kept as a layer."""
        return super().arguments() | {"dropout": self.dropout.p if self.dropout else 0.0}

    def _attend(self, x: Array, mask: Mask | None) -> Array:
        y = self.attention.forward(x, mask)
        return y if self.dropout is None else self.dropout.forward(y)

    def _attend_backward(self, dy: Array) -> Array:
        dx: Array = self.attention.backward(dy if self.dropout is None else self.dropout.backward(dy))
        return dx


class TransformerBlock(Block):
    """h = x + attention(norm(x)), y = h + network(norm(h)): PyTorch's TransformerEncoderLayer.

    This is with `norm_first`. Without it, as in the paper: h = norm(x + attention(x)), y = norm(h + network(h)). The
    network is Linear(D, F), an activation, Linear(F, D), the same for each place. Backward: the lines of forward from
    the last to the first; the gradient of x + f(x) is dy + f's backward(dy), as in `Residual`.

    A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.1; the norm first: R. Xiong et al., "On
    layer normalization in the transformer architecture", ICML 2020, which shows why deep ones train better with it.

    Parameters
    ----------
    embed_dim, num_heads, causal
        As for `MultiHeadAttention`.
    hidden
        F, the width of the network; 4·D in the paper.
    dropout
        The probability of dropping a number in training: of the attention's weights, after the activation, and of
        what is added to x and to h.
    norm_first
        See above; False by default in PyTorch.
    activation
        The layer between the two Linear ones, or "relu" or "gelu"; by default a ReLU.
    layer_norm_eps
        The ε of both norms.
    bias
        False leaves out the biases of all parts.
    rng
        None, an int, or a Generator: where the weights and the masks of dropout are drawn from.

    Attributes
    ----------
    attention : MultiHeadAttention
    attention_norm, network_norm : LayerNorm
    network : Sequential
    dropout : Dropout or None
        Of the attention's output.

    Examples
    --------
    >>> block = TransformerBlock(8, num_heads=2, hidden=32, causal=True, rng=0)
    >>> block.forward(np.ones((3, 5, 8), np.float32)).shape
    (3, 5, 8)
    """

    @refusing(WORDS_OF_ENCODER)
    def check(self, x: Array, mask: Mask | None = None) -> None:
        """Check that x is sequences of vectors, and the mask one of their places."""
        check_sequence(self, x, self.embed_dim, self.attention_norm.dtype)
        check_mask(self, mask, x.shape[:-1])

    @checked
    def forward(self, x: Array, mask: Mask | None = None) -> Array:
        """Map x (..., T, D) to y (the same shape); the mask (..., T) is True where a place may be attended to."""
        h: Array
        y: Array
        if self.norm_first:
            h = x + self._attend(self.attention_norm.forward(x), mask)
            y = h + self.network.forward(self.network_norm.forward(h))
        else:
            h = self.attention_norm.forward(x + self._attend(x, mask))
            y = self.network_norm.forward(h + self.network.forward(h))
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Add the weights' gradients, and map dy to dx, of the same shape."""
        if self.norm_first:
            dh = dy + self.network_norm.backward(self.network.backward(dy))
            return dh + self.attention_norm.backward(self._attend_backward(dh))
        d_sum = self.network_norm.backward(dy)
        dh = d_sum + self.network.backward(d_sum)
        d_sum = self.attention_norm.backward(dh)
        return d_sum + self._attend_backward(d_sum)
