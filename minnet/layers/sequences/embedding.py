"""An Embedding is a table with a learned vector for each word; a position layer adds a vector for each place."""

import numpy as np

from minnet.core.arrays import Array, Labels, sums
from minnet.core.checked import checked
from minnet.core.checks import check_int
from minnet.core.layer import Layer
from minnet.core.masks import refuse_mask
from minnet.core.parameter import Parameter
from minnet.core.words import CPU, refusing
from minnet.initializers import draw, normal
from minnet.layers.sequences.masks import check_sequence

WORDS = {
    **dict.fromkeys(("max_norm", "norm_type"), "forward does not change the table; weight_decay keeps it small"),
    "scale_grad_by_freq": "gradients are sums over all places of a word, leave it out",
    "sparse": "gradients are arrays of all rows, leave it out",
    "_weight": "write layer.weight.data = table",
    "_freeze": "write layer.freeze()",
    "device": CPU,
    "dtype": "write layer.astype(np.float64)",
}


class Embedding(Layer):
    """y = W[i]: row number i of a table, for each integer i of x, from 0 to V − 1.

    It is onehot(i) @ W, without the products with zeros. Backward: row k of W is in y wherever i = k, so dL/dW_k is the
    sum of dy over these places; the gradients of rows that do not occur stay as they are. There is no derivative with
    respect to an integer: `backward` returns None, and the layer must be the first of a model.

    PyTorch's `max_norm` and `scale_grad_by_freq` are left out: forward does not change the table, and a gradient is the
    derivative. So is `sparse`: gradients are arrays of all rows.

    Y. Bengio et al., "A neural probabilistic language model", JMLR 3, 2003, section 2: the matrix C.

    Parameters
    ----------
    num_embeddings, embedding_dim
        V and D: the number of rows, and their length, at least 1.
    padding_idx
        The index that pads short sequences. Its y is zero, so its row gets no gradient. (PyTorch's row starts at
        zero, too, but may be changed; then its backward is not the gradient.) Negative ones count from the end.
    rng
        None, an int, or a Generator: where the first values are drawn from, N(0, 1) as in PyTorch.

    Attributes
    ----------
    weight : Parameter
        W, of shape (V, D).

    Examples
    --------
    >>> layer = Embedding(1000, 16, padding_idx=0, rng=0)
    >>> layer.forward(np.array([[5, 7, 0], [2, 0, 0]])).shape
    (2, 3, 16)
    """

    @refusing(WORDS)
    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        self.num_embeddings = V = check_int("Embedding", "num_embeddings", num_embeddings)
        self.embedding_dim = D = check_int("Embedding", "embedding_dim", embedding_dim)
        if padding_idx is not None and not -V <= check_int("Embedding", "padding_idx", padding_idx, None) < V:
            raise ValueError(f"Embedding needs padding_idx from {-V} to {V - 1}, a row of the table, got {padding_idx}")
        self.padding_idx = None if padding_idx is None else int(padding_idx) % V
        self.weight = Parameter(draw(self._first_values, (V, D), np.random.default_rng(rng)))

    def check(self, x: Labels) -> None:
        """Check that x is an array of integers; `forward` looks at their values, which are new in each batch."""
        refuse_mask(self, "x", x)
        if not isinstance(x, np.ndarray) or x.dtype.kind not in "iu":
            got = f"{x.dtype}" if isinstance(x, np.ndarray) else type(x).__name__
            cure = "pass np.asarray(x, dtype=np.int64) (a DataLoader turns uint8 into floats: give it int64, too)"
            if isinstance(x, np.ndarray) and x.dtype.kind in "OSU":
                cure = "number the words: words, x = np.unique(x, return_inverse=True)"
            raise TypeError(f"{self.describe()} expected an array of integers, the numbers of rows, got {got}: {cure}")

    @checked
    def forward(self, x: Labels) -> Array:
        """Map integers x (any shape) to y (..., D)."""
        self._check_range(x)
        self.cache = x
        y = self.weight.data.take(x.astype(np.intp, copy=False), axis=0)  # NumPy 2.0 refuses uint64
        if self.padding_idx is not None:
            y[x == self.padding_idx] = 0
        return y

    @checked
    def backward(self, dy: Array) -> None:
        """Add dL/dW for the rows that occur, given dy (..., D). There is no dL/dx to return."""
        x: Labels = self.cache
        if self.padding_idx is not None:
            words = x != self.padding_idx
            x, dy = x[words], dy[words]
        # `grad[x] += dy` would add only the last dy of a row that occurs twice; np.add.at adds all of them. It is 2
        # to 6 times as fast on single numbers as on rows (NumPy 2.4), and as sorting and np.add.reduceat.
        places = x.reshape(-1, 1).astype(np.intp) * self.embedding_dim + np.arange(self.embedding_dim)
        np.add.at(self.weight.grad.reshape(-1), places.reshape(-1), dy.reshape(-1))

    def _first_values(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        table: Array = normal()(shape, rng)
        if self.padding_idx is not None:
            table[self.padding_idx] = 0
        return table

    def _check_range(self, x: Labels) -> None:
        if x.size and (x.min() < 0 or x.max() >= self.num_embeddings):
            V, wrong = self.num_embeddings, x[(x < 0) | (x >= self.num_embeddings)]
            raise ValueError(
                f"{self.describe()} expected integers from 0 to {V - 1}, got {wrong[0]} ({wrong.size} of {x.size} are "
                "outside): num_embeddings must be larger than the largest of them"
            )


class LearnedPosition(Layer):
    """y_t = x_t + P_t, with a learned vector P_t for each place t in the sequence.

    Without such vectors, attention ignores the order of its inputs. Backward: dL/dx = dy, and dL/dP_t is dy_t, summed
    over the sequences, and 0 for places beyond the sequences' length.

    J. Gehring et al., "Convolutional sequence to sequence learning", ICML 2017, section 3.1.

    Parameters
    ----------
    max_length, embed_dim
        The length of the longest sequence x, (T, D), and D, the length of its vectors.
    rng
        As for `Embedding`.

    Attributes
    ----------
    weight : Parameter
        P, of shape (max_length, D).
    """

    def __init__(self, max_length: int, embed_dim: int, *, rng: int | np.random.Generator | None = None) -> None:
        self.max_length = check_int("LearnedPosition", "max_length", max_length)
        self.embed_dim = check_int("LearnedPosition", "embed_dim", embed_dim)
        self.weight = Parameter(draw(normal(), (max_length, embed_dim), np.random.default_rng(rng)))

    def check(self, x: Array) -> None:
        """Check that x is (..., T, D) with T <= max_length, of P's dtype."""
        check_sequence(self, x, self.embed_dim, self.weight.data.dtype)
        if x.shape[-2] > self.max_length:
            raise ValueError(
                f"{self.describe()} expected sequences of at most {self.max_length} places, got shape {x.shape}: "
                "cut them, or make max_length larger"
            )

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (..., T, D) to y (the same shape)."""
        return x + self.weight.data[: x.shape[-2]]

    @checked
    def backward(self, dy: Array) -> Array:
        """Add dL/dP, and map dy to dx, of the same shape."""
        self.weight.grad[: dy.shape[-2]] += sums(dy, tuple(range(dy.ndim - 2))).reshape(dy.shape[-2:])
        return dy


class SinusoidalPosition(Layer):
    """y_{t,2i} = x_{t,2i} + sin(t / 10000^{2i/D}), y_{t,2i+1} = x_{t,2i+1} + cos(the same).

    What is added depends on the place t only: D/2 pairs of sin and cos, whose frequencies fall from 1 to 1/10000.
    Nothing is learned, and sequences may have any length. Backward: dL/dx = dy.

    A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5.

    Parameters
    ----------
    embed_dim
        D, the length of the vectors of x (..., T, D). If it is odd, the last sin has no cos.

    Examples
    --------
    >>> SinusoidalPosition(2).forward(np.zeros((2, 2))).round(3).tolist()
    [[0.0, 1.0], [0.841, 0.54]]
    """

    def __init__(self, embed_dim: int) -> None:
        self.embed_dim = check_int("SinusoidalPosition", "embed_dim", embed_dim)

    def check(self, x: Array) -> None:
        """Check that x is (..., T, D)."""
        check_sequence(self, x, self.embed_dim)

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (..., T, D) to y (the same shape)."""
        even = np.arange(0, self.embed_dim, 2)
        angles = np.arange(x.shape[-2])[:, None] / 10000.0 ** (even / self.embed_dim)  # (T, ⌈D/2⌉)
        table = np.empty(x.shape[-2:])  # what is added, (T, D), in float64
        table[:, 0::2] = np.sin(angles)
        table[:, 1::2] = np.cos(angles[:, : self.embed_dim // 2])
        return x + table.astype(x.dtype)

    @checked
    def backward(self, dy: Array) -> Array:
        """Return dy, because what was added does not depend on x."""
        return dy
