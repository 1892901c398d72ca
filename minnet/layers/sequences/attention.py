"""Attention gives each place of a sequence a weighted mean of all places, with weights that depend on both."""

import math
from typing import Any

import numpy as np

from minnet.core.arrays import TINY, Array
from minnet.core.checked import checked
from minnet.core.checks import check_flag, check_int
from minnet.core.layer import Layer
from minnet.core.special import exponentials, softmax_backward
from minnet.core.twins import twinned
from minnet.core.words import CPU, refusing
from minnet.initializers import uniform, zeros
from minnet.layers.dropout import Dropout
from minnet.layers.linear import Linear
from minnet.layers.sequences.masks import Mask, check_context, check_mask, check_sequence

WORDS = {
    "batch_first": "sequences are always (N, T, D), the batch first, leave it out",
    **dict.fromkeys(("add_bias_kv", "add_zero_attn"), "no place is added to the keys and values, leave it out"),
    "device": CPU,
    "dtype": "write layer.astype(np.float64)",
}
WORDS_OF_FORWARD = {
    "key_padding_mask": "write mask=~key_padding_mask, because a mask is True where a place may be attended to",
    **dict.fromkeys(("attn_mask", "is_causal"), "causal=True is an argument of the layer; a mask is of places (N, S)"),
    **dict.fromkeys(("query", "key", "value"), "write forward(x, mask, context, values)"),
    **dict.fromkeys(("need_weights", "average_attn_weights"), "forward returns y only, leave it out"),
}


class MultiHeadAttention(Layer):
    """y = W_o · [A V of every head], with A = softmax(Q Kᵀ / √d), Q = W_q x, K = W_k x, V = W_v x.

    Each place t has a query Q_t, each place s a key K_s and a value V_s. A_ts is large if Q_t and K_s match, and A_t
    sums to 1: the output of t is the mean of all values with the weights A_t. Each of H heads does this with d = D/H of
    the D numbers.

    Backward, for one head with o = A V and S = Q Kᵀ / √d:

    - dV = Aᵀ do and dA = do Vᵀ; then Softmax's backward, row by row: dS = A ∘ (dA − Σ_s dA ∘ A)
    - dQ = dS K / √d and dK = dSᵀ Q / √d; then the backward of the four `Linear` layers, whose three dx add up

    A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2.

    **The mask** says which places may be attended to: True for words, False for padding. PyTorch's
    `key_padding_mask` is the opposite. If a place may attend to no place at all, A_t is zero, and y_t is the bias of
    W_o; in PyTorch, y_t is NaN.

    **Cross-attention** takes the keys and values of other sequences, the context (..., S, D): K = W_k context, V = W_v
    context; or the keys of one and the values of another, K = W_k context, V = W_v values.

    Parameters
    ----------
    embed_dim, num_heads
        D, the length of the vectors of x (..., T, D), and H, which divides D.
    bias
        False leaves out the biases of all four layers.
    causal
        True: a place attends to itself and to those before it, as in a model that predicts the next word.
    dropout
        The probability of dropping a number of A while training.
    kdim, vdim
        The lengths of the vectors of the context and of the values, if they are not D.
    rng
        None, an int, or a Generator: where the first values are drawn from. As in PyTorch, W_q, W_k and W_v are
        uniform with variance 1/(2D) (Glorot's for one matrix of all three; with another kdim or vdim, each has its
        own), W_o with 1/(3D); biases are zero.

    Attributes
    ----------
    query, key, value, output : Linear
        W_q, W_k, W_v and W_o, each from D to D; W_k from kdim, and W_v from vdim, if given.
    dropout : Dropout or None
        Of the numbers of A.

    Examples
    --------
    >>> layer = MultiHeadAttention(8, 2, rng=0)
    >>> x, mask = np.ones((3, 5, 8), np.float32), np.ones((3, 5), bool)
    >>> layer.forward(x, mask).shape
    (3, 5, 8)
    """

    takes_mask = True

    @refusing(WORDS)
    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        bias: bool = True,
        causal: bool = False,
        dropout: float = 0.0,
        *,
        kdim: int | None = None,
        vdim: int | None = None,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        self.embed_dim = D = check_int("MultiHeadAttention", "embed_dim", embed_dim)
        self.kdim = None if kdim is None else check_int("MultiHeadAttention", "kdim", kdim)
        self.vdim = None if vdim is None else check_int("MultiHeadAttention", "vdim", vdim)
        self.num_heads = check_int("MultiHeadAttention", "num_heads", num_heads)
        if D % num_heads:
            raise ValueError(
                f"MultiHeadAttention needs embed_dim to be a multiple of num_heads, got {D} and {num_heads}"
            )
        self.bias = check_flag("MultiHeadAttention", "bias", bias)
        self.causal = check_flag("MultiHeadAttention", "causal", causal)
        self._scale = 1 / math.sqrt(D // num_heads)  # keeps the variance of q · k at 1, whatever d is
        rng = np.random.default_rng(rng)
        sizes = (D, kdim or D, vdim or D)
        together = 3 if sizes == (D, D, D) else 1
        limits = [math.sqrt(6 / (size + together * D)) for size in sizes]
        self.query, self.key, self.value = (
            Linear(size, D, bias, weight_init=uniform(-limit, limit), bias_init=zeros(), rng=rng)
            for size, limit in zip(sizes, limits, strict=True)
        )
        self.output = Linear(D, D, bias, bias_init=zeros(), rng=rng)
        self.dropout = Dropout(dropout, rng=rng) if dropout else None

    def arguments(self) -> dict[str, Any]:
        """Return the constructor's arguments, of which `dropout` is kept as a layer."""
        return super().arguments() | {"dropout": self.dropout.p if self.dropout else 0.0}

    @refusing(WORDS_OF_FORWARD)
    def check(
        self, x: Array, mask: Mask | None = None, context: Array | None = None, values: Array | None = None
    ) -> None:
        """Check that x, the context and the values are sequences of vectors, and the mask one of their places."""
        dtype, kdim, vdim = self.query.weight.data.dtype, self.key.in_features, self.value.in_features
        check_sequence(self, x, self.embed_dim, dtype)
        if context is None and (values is not None or not kdim == vdim == self.embed_dim):
            raise ValueError(
                f"{self.describe()} needs a context (..., S, {kdim}), of which the keys are made: "
                "forward(x, mask, context, values)"
            )
        if context is not None:
            check_context(self, "context", context, kdim, x, dtype)
            if self.causal:
                raise ValueError(
                    f"{self.describe()} cannot attend to a context: the order of its places and those of x is not "
                    "known; use causal=False"
                )
            if values is None and kdim != vdim:
                raise ValueError(
                    f"{self.describe()} needs the values (..., S, {vdim}) beside the context (..., S, {kdim}): "
                    "forward(x, mask, context, values)"
                )
        if context is not None and values is not None:
            check_context(self, "values", values, vdim, x, dtype)
            if values.shape[-2] != context.shape[-2]:
                raise ValueError(
                    f"{self.describe()} expected as many values as places of the context, got {values.shape} and "
                    f"{context.shape}"
                )
        check_mask(self, mask, (x if context is None else context).shape[:-1])

    @checked
    def forward(
        self, x: Array, mask: Mask | None = None, context: Array | None = None, values: Array | None = None
    ) -> Array:
        """Map x (..., T, D) to y (the same shape).

        Parameters
        ----------
        mask
            Which places may be attended to, booleans (..., T); None for all. With a context, its places: (..., S).
        context
            The sequences (..., S, kdim) that are attended to, if they are not x itself (cross-attention).
        values
            The sequences (..., S, vdim) whose means are taken, if they are not the context itself.
        """
        source = x if context is None else context
        q = self._split(self.query.forward(x))  # (..., H, T, d)
        k = self._split(self.key.forward(source))  # (..., H, S, d)
        v = self._split(self.value.forward(source if values is None else values))
        scores = self._compare(q, k)  # (..., H, T, S)
        scores *= self._scale
        weights = masked_softmax(scores, self._allowed(mask, x.shape[-2]))
        dropped = weights if self.dropout is None else self.dropout.forward(weights)
        self.cache = (q, k, v, weights, dropped, (context is not None) + (values is not None))
        return self.output.forward(self._apply(dropped, v))

    @checked
    def backward(self, dy: Array) -> Any:
        """Add the weights' gradients, and map dy to dx; with a context, to (dx, d context), or with values, three."""
        q, k, v, weights, dropped, others = self.cache
        d_heads = self._split(self.output.backward(dy))  # (..., H, T, d)
        d_weights = self._compare(d_heads, v)  # (..., H, T, S)
        if self.dropout is not None:
            d_weights = self.dropout.backward(d_weights)
        d_scores = softmax_backward(weights, d_weights)
        d_scores *= self._scale
        dx: Array = self.query.backward(self._apply(d_scores, k))
        d_context: Array = self.key.backward(self._apply(d_scores.swapaxes(-1, -2), q))
        d_values: Array = self.value.backward(self._apply(dropped.swapaxes(-1, -2), d_heads))
        if others == 2:
            return dx, d_context, d_values
        d_context = d_context + d_values
        return (dx, d_context) if others else dx + d_context

    def _split(self, x: Array) -> Array:
        """Return x (..., T, D) as one array a head, (..., H, T, d)."""
        return x.reshape(*x.shape[:-1], self.num_heads, self.embed_dim // self.num_heads).swapaxes(-2, -3)

    def _compare(self, x: Array, y: Array) -> Array:
        """Return x (..., H, T, d) @ yᵀ (..., H, d, S), in memory (..., S, H, T)."""
        # In this order, the maximum and the sum over S are of long rows, and the softmax takes a fifth less time.
        products = np.empty((*x.shape[:-3], y.shape[-2], self.num_heads, x.shape[-2]), x.dtype)
        products = np.moveaxis(products, -3, -1)
        np.matmul(y, x.swapaxes(-1, -2), out=products.swapaxes(-1, -2))
        return products

    def _apply(self, weights: Array, x: Array) -> Array:
        """Return weights (..., H, T, S) @ x (..., H, S, d) as (..., T, D), one head after another."""
        y = np.empty((*x.shape[:-3], weights.shape[-2], self.embed_dim), x.dtype)
        np.matmul(weights, x, out=self._split(y))
        return y

    def _allowed(self, mask: Mask | None, length: int) -> Mask | None:
        """Return which places each place may attend to, for scores (..., H, T, S); None for all."""
        allowed = None if mask is None else mask[..., None, None, :]  # (..., 1, 1, S)
        if not self.causal:
            return allowed
        past = np.tri(length, dtype=bool)[None]  # (1, T, T)
        allowed = past if allowed is None else allowed & past
        # In the scores' order of memory, with all heads: then the sum of the two takes a fifth of the time.
        return np.moveaxis(np.moveaxis(allowed, -1, -3).repeat(self.num_heads, axis=-2), -3, -1)


@twinned
def masked_softmax(scores: Array, allowed: Mask | None) -> Array:
    """Return the softmax of what is allowed in each row, and 0 elsewhere: only zeros if nothing is allowed."""
    scores = without_others(scores, allowed)
    top = scores.max(axis=-1, keepdims=True, initial=np.finfo(scores.dtype).min)  # not −∞, because −∞ − −∞ is NaN
    weights = scores - top
    weights, total = exponentials(weights, out=weights)
    weights /= np.maximum(total, TINY[scores.dtype])  # the total is 0 if nothing is allowed, and else at least 1
    return weights


def without_others(scores: Array, allowed: Mask | None) -> Array:
    """Return the scores, −∞ where none is allowed."""
    if allowed is None:
        return scores
    zero, shut = scores.dtype.type(0), scores.dtype.type(-np.inf)
    return scores + np.where(allowed, zero, shut)
