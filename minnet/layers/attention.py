"""Attention lets each place of a sequence look at all others, and take from them what it asks for."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.checks import Described, check_floats, check_gradient, check_int
from minnet.core.layer import Layer
from minnet.initializers import uniform, zeros
from minnet.layers.dropout import Dropout
from minnet.layers.linear import Linear

Mask = NDArray[np.bool_]


class MultiHeadAttention(Layer):
    """y = W_o · [A V of every head], with A = softmax(Q Kᵀ / √d), Q = W_q x, K = W_k x, V = W_v x.

    Each place t asks a question Q_t, every place s offers a key K_s and a value V_s. A_ts says how well they match,
    A_t sums to 1, and t gets the mean of the values, weighted by it. H heads do so side by side, each with its own
    d = D/H of the D numbers.

    Backward, for one head with o = A V and S = Q Kᵀ / √d:

    - dV = Aᵀ do and dA = do Vᵀ; then Softmax's, row by row: dS = A ∘ (dA − Σ_s dA ∘ A)
    - dQ = dS K / √d and dK = dSᵀ Q / √d; the four `Linear` layers do the rest, and the three dx add up

    A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2.

    **The mask** says which places may be attended to: True for words, False for padding. PyTorch's
    `key_padding_mask` is the opposite. Where a place may attend to nothing at all, A_t is zero, and y_t is W_o's
    bias; PyTorch's is NaN.

    Parameters
    ----------
    embed_dim
        D, the length of the vectors.
    num_heads
        H, which divides D.
    bias
        False leaves out the biases of all four layers.
    causal
        True: a place attends to itself and those before it, as in a model that predicts the next word.
    dropout
        The probability of dropping a number of A while training.
    rng
        None, an int, or a Generator: where the first values are drawn from. As in PyTorch, W_q, W_k and W_v are
        uniform with variance 1/(2D) (Glorot's for the three side by side), W_o with 1/(3D); biases are zero.

    Attributes
    ----------
    query, key, value, output : Linear
        W_q, W_k, W_v and W_o, each from D to D.
    dropout : Dropout or None
        What drops numbers of A.

    Raises
    ------
    ValueError
        If the arguments do not fit together; in `forward`, if the shapes do not.
    TypeError
        In `forward`, if x has not the dtype of the weights, or the mask is not of booleans.

    Examples
    --------
    >>> layer = MultiHeadAttention(8, 2, rng=0)
    >>> x, mask = np.ones((3, 5, 8), np.float32), np.ones((3, 5), bool)
    >>> layer.forward(x, mask).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        bias: bool = True,
        causal: bool = False,
        dropout: float = 0.0,
        *,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        self.embed_dim = D = check_int("MultiHeadAttention", "embed_dim", embed_dim)
        self.num_heads = check_int("MultiHeadAttention", "num_heads", num_heads)
        if D % num_heads:
            raise ValueError(
                f"MultiHeadAttention needs embed_dim to be a multiple of num_heads, got {D} and {num_heads}"
            )
        self.bias = bias
        self.causal = causal
        rng = np.random.default_rng(rng)
        glorot = uniform(-math.sqrt(6 / (D + 3 * D)), math.sqrt(6 / (D + 3 * D)))
        self.query = Linear(D, D, bias, weight_init=glorot, bias_init=zeros(), rng=rng)
        self.key = Linear(D, D, bias, weight_init=glorot, bias_init=zeros(), rng=rng)
        self.value = Linear(D, D, bias, weight_init=glorot, bias_init=zeros(), rng=rng)
        self.output = Linear(D, D, bias, bias_init=zeros(), rng=rng)
        self.dropout = Dropout(dropout, rng=rng) if dropout else None

    def forward(self, x: Array, mask: Mask | None = None, context: Array | None = None) -> Array:
        """Map x (..., T, D) to y (the same shape).

        Parameters
        ----------
        x
            The sequences that ask.
        mask
            Which places may be attended to, (..., T) of booleans; None for all. Of the context, if there is one.
        context
            The sequences (..., S, D) that are attended to, if it is not x itself (cross-attention).
        """
        self._check(x, mask, context)
        source = x if context is None else context
        q = self._split(self.query.forward(x))  # (..., H, T, d)
        k = self._split(self.key.forward(source))  # (..., H, S, d)
        v = self._split(self.value.forward(source))
        scores = self._compare(q, k)  # (..., H, T, S)
        scores *= self._scale
        weights = masked_softmax(scores, self._allowed(mask, x.shape[-2]))
        dropped = weights if self.dropout is None else self.dropout.forward(weights)
        self.cache = (x.shape, q, k, v, weights, dropped, context is not None)
        return self.output.forward(self._apply(dropped, v))

    def backward(self, dy: Array) -> Any:
        """Add the weights' gradients, and map dy to dx; with a context, to (dx, d context)."""
        shape, q, k, v, weights, dropped, crossed = self.cache
        check_gradient(self, dy, shape, q.dtype)
        d_heads = self._split(self.output.backward(dy))  # (..., H, T, d)
        d_weights = self._compare(d_heads, v)  # (..., H, T, S)
        if self.dropout is not None:
            d_weights = self.dropout.backward(d_weights)
        d_scores = softmax_backward(d_weights, weights)
        d_scores *= self._scale
        dx: Array = self.query.backward(self._apply(d_scores, k))
        d_source: Array = self.key.backward(self._apply(d_scores.swapaxes(-1, -2), q))
        d_source = d_source + self.value.backward(self._apply(dropped.swapaxes(-1, -2), d_heads))
        return (dx, d_source) if crossed else dx + d_source

    @property
    def _scale(self) -> float:
        return 1 / math.sqrt(self.embed_dim // self.num_heads)  # keeps the variance of q · k at 1, whatever d is

    def _split(self, x: Array) -> Array:
        """Return x (..., T, D) as one array a head, (..., H, T, d)."""
        return x.reshape(*x.shape[:-1], self.num_heads, self.embed_dim // self.num_heads).swapaxes(-2, -3)

    def _compare(self, x: Array, y: Array) -> Array:
        """Return x (..., H, T, d) @ yᵀ (..., H, d, S), in memory (..., S, H, T)."""
        # So maximum and sum over S add up long rows, and softmax takes a fifth less time.
        products = np.empty((*x.shape[:-3], y.shape[-2], self.num_heads, x.shape[-2]), x.dtype)
        products = np.moveaxis(products, -3, -1)
        np.matmul(y, x.swapaxes(-1, -2), out=products.swapaxes(-1, -2))
        return products

    def _apply(self, weights: Array, x: Array) -> Array:
        """Return weights (..., H, T, S) @ x (..., H, S, d), the heads side by side, (..., T, D)."""
        y = np.empty((*x.shape[:-3], weights.shape[-2], self.embed_dim), x.dtype)
        np.matmul(weights, x, out=self._split(y))
        return y

    def _allowed(self, mask: Mask | None, length: int) -> Mask | None:
        """Return who may attend to whom, to meet scores (..., H, T, S); None if all may to all."""
        allowed = None if mask is None else mask[..., None, None, :]  # (..., 1, 1, S)
        if not self.causal:
            return allowed
        past = np.tri(length, dtype=bool)  # (T, T)
        return past if allowed is None else allowed & past

    def _check(self, x: Array, mask: Any, context: Array | None) -> None:
        dtype = self.query.weight.data.dtype
        check_sequence(self, x, self.embed_dim, dtype)
        if context is not None:
            check_sequence(self, context, self.embed_dim, dtype)
            if context.shape[:-2] != x.shape[:-2]:
                raise ValueError(
                    f"{self.describe()} expected x and context of one batch size, got {x.shape} and {context.shape}"
                )
            if self.causal:
                raise ValueError(
                    f"{self.describe()} cannot attend to a context: which of its places are before which of x's?"
                )
        check_mask(self, mask, (x if context is None else context).shape[:-1])


def check_sequence(owner: Described, x: Array, embed_dim: int, dtype: np.dtype[Any] | None = None) -> None:
    """Check that `x` is an array (..., T, D) of floats.

    Raises
    ------
    TypeError, ValueError
        If it is not an array of that dtype, or not of that shape.
    """
    check_floats(owner, x, dtype)
    if x.ndim < 2 or x.shape[-1] != embed_dim:
        raise ValueError(
            f"{owner.describe()} expected shape (N, T, {embed_dim}), got {x.shape}: the last axis is the vector of one "
            "place, the one before it the sequence"
        )


def check_mask(owner: Described, mask: Any, shape: tuple[int, ...]) -> None:
    """Check that `mask` is None, or one boolean for each place, True for what may be attended to.

    Raises
    ------
    TypeError, ValueError
        If it is not an array of booleans, or not of that shape.
    """
    if mask is None:
        return
    if not isinstance(mask, np.ndarray) or mask.dtype != bool:
        got = mask.dtype if isinstance(mask, np.ndarray) else type(mask).__name__
        raise TypeError(
            f"{owner.describe()} expected a mask of booleans, True for what may be attended to, got {got}: "
            "pass indices != padding_idx, or mask.astype(bool)"
        )
    if mask.shape != shape:
        raise ValueError(
            f"{owner.describe()} expected a mask of shape {shape}, one boolean for each place that may be attended to, "
            f"got {mask.shape}"
        )


def masked_softmax(scores: Array, allowed: Mask | None) -> Array:
    """Softmax along the last axis, where what is not allowed gets 0; a row in which nothing is, gets zeros."""
    if allowed is not None:
        scores = scores + np.where(allowed, 0, -np.inf).astype(scores.dtype)
    largest = scores.max(axis=-1, keepdims=True, initial=np.finfo(scores.dtype).min)  # never −∞: −∞ − −∞ is NaN
    weights: Array = scores - largest
    np.exp(weights, out=weights)
    total = weights.sum(axis=-1, keepdims=True)
    weights /= np.maximum(total, np.finfo(scores.dtype).tiny)  # at least 1, but for rows of zeros
    return weights


def softmax_backward(dp: Array, p: Array) -> Array:
    """dL/d scores = p ∘ (dp − Σ dp ∘ p), as in `Softmax`; zero for a row of zeros."""
    ds: Array = dp - (dp * p).sum(axis=-1, keepdims=True)
    ds *= p
    return ds
