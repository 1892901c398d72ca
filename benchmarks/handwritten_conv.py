"""A small convolutional network in plain NumPy, three times: as in textbooks, and twice with the batch innermost.

With images as (C, H, W, N), the same place of every window is one slice of long runs of memory, and all windows are one
matrix. Adding the bias, flattening and the softmax then need no transposition. Weights are in PyTorch's layout,
(out, in·3·3) and (out, in). `compare.py --check` compares the gradients with PyTorch's.
"""

import contextlib
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from works import Data, Work, initial_weights, shuffled

try:
    from threadpoolctl import ThreadpoolController
except ModuleNotFoundError:
    ThreadpoolController = None

float32 = np.float32
CHUNK = 32  # images that a thread takes at once: few enough to stay in its cache
CACHED = 16_384  # zeros to compare with at once
BLOCK = 6272  # columns to a product of the first convolution's weight gradient


def contenders(work: Work, data: Data, remark: Callable[[str], None]) -> list["ConvolutionLoop"]:
    """Return the loops that do the convolutional work."""
    if work.model != "convolution":
        return []
    networks: dict[str, Callable[[Any], Network]] = {
        "NumPy, textbook": Textbook,
        "NumPy, layered": lambda weights: BatchInnermost(weights, work.batch_size),
        "NumPy, pooling first": lambda weights: BatchInnermost(weights, work.batch_size, pool_first=True),
    }
    if ThreadpoolController is None:
        remark(
            "threadpoolctl is not installed: the loops of two threads are left out, because BLAS would use two in each"
        )
    else:
        networks["NumPy, layered, 2 threads"] = lambda weights: TwoThreads(weights, pool_first=False)
        networks["NumPy, pooling first, 2 threads"] = lambda weights: TwoThreads(weights, pool_first=True)
    return [ConvolutionLoop(name, network, work, data) for name, network in networks.items()]


class Network(Protocol):
    """What a `ConvolutionLoop` trains."""

    gradients: list[np.ndarray]  # in the order of its weights

    def learn(self, x: np.ndarray, y: np.ndarray, scale: np.float32) -> None:
        """Leave the gradients of `scale` times the summed loss of the images x (N, 784)."""


class ConvolutionLoop:
    """Gather a batch, let the network compute its gradients, subtract them: the learning rate is in `scale`."""

    def __init__(self, name: str, network: Callable[[Any], Network], work: Work, data: Data) -> None:
        self.name = name
        self.work = work
        self.X, self.y = data.X, data.y
        self.rows = shuffled(len(data.X), work.batch_size)
        self.weights = [p.reshape(len(p), -1) if p.ndim == 4 else p for p in _flat(initial_weights(work))]
        self.network = network(self.weights)
        self.x = np.empty((work.batch_size, 784), float32)

    def run(self, steps: int) -> None:
        """Do so many steps."""
        step = float32(self.work.lr / self.work.batch_size)
        alone = isinstance(self.network, TwoThreads)
        with self.network.one_blas_thread() if alone else contextlib.nullcontext():
            for rows in itertools.islice(self.rows, steps):
                self.X.take(rows, 0, self.x, "clip")
                self.network.learn(self.x, self.y.take(rows), step)
                for p, g in zip(self.weights, self.network.gradients, strict=True):
                    np.subtract(p, g, p)

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return the scores of the images X, by the textbook's forward."""
        network = Textbook(self.weights)
        return np.concatenate([network.forward(X[i : i + 500])[0] for i in range(0, len(X), 500)])


def _flat(weights: list[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    """Return W, b, W, b, …, the last W as (out, in)."""
    return [p for W, b in weights for p in (W if W.ndim == 4 else W.T.copy(), b)]


class Textbook:
    """As tutorials write it: images (N, H, W, C), a new array for every result, a maximum shared among ties."""

    def __init__(self, weights: list[np.ndarray]) -> None:
        self.weights = weights
        self.gradients: list[np.ndarray] = []

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, list[Any]]:
        """Return the scores, and what backward needs."""
        W1, b1, W2, b2, W, b = self.weights
        kept: list[Any] = []
        h = x.reshape(-1, 28, 28, 1)
        for kernel, bias in ((W1, b1), (W2, b2)):
            N, H, _, C = h.shape
            padded = np.pad(h, ((0, 0), (1, 1), (1, 1), (0, 0)))
            columns = sliding_window_view(padded, (3, 3), axis=(1, 2)).reshape(N * H * H, C * 9)
            y = (columns @ kernel.T + bias).reshape(N, H, H, -1)
            active = np.maximum(y, 0)
            h = active.reshape(N, H // 2, 2, H // 2, 2, -1).max(axis=(2, 4))
            kept.append((columns, y, active, h))
        features = h.transpose(0, 3, 1, 2).reshape(len(x), -1)
        kept.append(features)
        return features @ W.T + b, kept

    def learn(self, x: np.ndarray, y: np.ndarray, scale: np.float32) -> None:
        """Leave the gradients."""
        _, _, W2, _, W, _ = self.weights
        z, (first, second, features) = self.forward(x)
        d = np.exp(z - z.max(axis=1, keepdims=True))
        d /= d.sum(axis=1, keepdims=True)
        d[np.arange(len(x)), y] -= 1
        d *= scale
        dW, db = d.T @ features, d.sum(axis=0)
        d = (d @ W).reshape(-1, 32, 7, 7).transpose(0, 2, 3, 1)
        d, dW2, db2 = self.stage_backward(d, *second)
        windows = (d @ W2).reshape(-1, 14, 14, 16, 3, 3)
        padded = np.zeros((len(x), 16, 16, 16), float32)
        for i, j in np.ndindex(3, 3):
            padded[:, i : i + 14, j : j + 14] += windows[..., i, j]
        _, dW1, db1 = self.stage_backward(padded[:, 1:-1, 1:-1], *first)
        self.gradients = [dW1, db1, dW2, db2, dW, db]

    @staticmethod
    def stage_backward(d, columns, y, active, pooled):
        """Go back through pooling and ReLU; return dL/dy as rows, and the gradients of kernel and bias."""
        N, H, _, C = active.shape
        largest = active.reshape(N, H // 2, 2, H // 2, 2, C) == pooled[:, :, None, :, None]
        share = largest / largest.sum(axis=(2, 4), keepdims=True, dtype=float32)
        d = (share * d[:, :, None, :, None]).reshape(active.shape) * (y > 0)
        d = d.reshape(-1, C)
        return d, d.T @ columns, d.sum(axis=0)


class Convolution:
    """A 3×3 convolution with padding of 1, of images (C, H, H, N): windows are copied to columns, and multiplied.

    `by_corner` sorts the columns by the place in their 2×2 square, so that the pooling that follows reads four
    blocks of memory.
    """

    def __init__(self, C: int, out: int, H: int, N: int, by_corner: bool) -> None:
        self.padded = np.zeros((C, H + 2, H + 2, N), float32)
        self.inside = self.padded[:, 1:-1, 1:-1]
        c, h, w, n = self.padded.strides
        if by_corner:
            shape, strides = (C, 3, 3, 2, 2, H // 2, H // 2, N), (c, h, w, h, w, 2 * h, 2 * w, n)
        else:
            shape, strides = (C, 3, 3, H, H, N), (c, h, w, h, w, n)
        self.windows = as_strided(self.padded, shape, strides)
        self.columns = np.empty(shape, float32)
        self.matrix = self.columns.reshape(C * 9, -1)
        self.y, self.dy = np.empty((2, out, H * H * N), float32)
        if C == 1:  # few rows: in blocks, whose products are added up
            blocks = max(1, H * H * N // BLOCK)
            self.dW_blocks = np.empty((blocks, out, 9), float32)
            self.dy_blocks = self.dy.reshape(out, blocks, -1).swapaxes(0, 1)
            self.matrix_blocks = self.matrix.reshape(9, blocks, -1).transpose(1, 2, 0)
        else:
            self.dW_transposed = np.empty((C * 9, out), float32)
            self.d_columns = np.empty((C, 3, 3, H, H, N), float32)
            self.d_padded = np.empty_like(self.padded)
            self.d_inside = self.d_padded[:, 1:-1, 1:-1]

    def forward(self, W: np.ndarray) -> None:
        """Compute y from `inside`, the images within the padding."""
        np.copyto(self.columns, self.windows)
        np.dot(W, self.matrix, self.y)

    def weight_gradient(self, dW: np.ndarray) -> None:
        """Compute dL/dW of dL/dy."""
        if len(self.padded) == 1:
            np.matmul(self.dy_blocks, self.matrix_blocks, self.dW_blocks)
            np.add.reduce(self.dW_blocks, 0, None, dW)
        else:
            np.dot(self.matrix, self.dy.T, self.dW_transposed)  # this way round OpenBLAS is faster
            np.copyto(dW, self.dW_transposed.T)

    def backward(self, W: np.ndarray) -> np.ndarray:
        """Compute dL/dx of dL/dy (not sorted by corner)."""
        np.dot(W.T, self.dy, self.d_columns.reshape(len(self.matrix), -1))
        self.d_padded.fill(0)
        H = self.inside.shape[1]
        for i, j in np.ndindex(3, 3):
            place = self.d_padded[:, i : i + H, j : j + H]
            np.add(place, self.d_columns[:, i, j], place)
        return self.d_inside


class MaxPool:
    """The largest of 2×2: of two rows, then of two columns. Backward: masks tell which, of equal ones the first."""

    def __init__(self, y: np.ndarray, dy: np.ndarray, H: int, N: int, by_corner: bool) -> None:
        C = len(y)
        if by_corner:
            shape = (C, 2, 2, H * H * N // 4)
            rows, columns = (np.s_[:, 0], np.s_[:, 1]), (np.s_[:, 0], np.s_[:, 1])
        else:
            shape = (C, H, H, N)
            rows, columns = (np.s_[:, 0::2], np.s_[:, 1::2]), (np.s_[:, :, 0::2], np.s_[:, :, 1::2])
        y, dy = y.reshape(shape), dy.reshape(shape)
        self.upper, self.lower, self.d_upper, self.d_lower = y[rows[0]], y[rows[1]], dy[rows[0]], dy[rows[1]]
        larger, d_larger = np.empty((2, *self.upper.shape), float32)
        self.larger, self.d_larger = larger, d_larger
        self.left, self.right = larger[columns[0]], larger[columns[1]]
        self.d_left, self.d_right = d_larger[columns[0]], d_larger[columns[1]]
        self.upper_won, self.left_won = np.empty(larger.shape, bool), np.empty(self.left.shape, bool)

    def forward(self, pooled: np.ndarray) -> None:
        """Compute what is pooled."""
        np.maximum(self.upper, self.lower, self.larger)
        np.greater_equal(self.upper, self.lower, self.upper_won)
        np.maximum(self.left, self.right, pooled.reshape(self.left.shape))
        np.greater_equal(self.left, self.right, self.left_won)

    def backward(self, d: np.ndarray) -> None:
        """Compute dL/dy of dL/d(what was pooled)."""
        d = d.reshape(self.left.shape)
        np.multiply(d, self.left_won, self.d_left)
        np.subtract(d, self.d_left, self.d_right)
        np.multiply(self.d_larger, self.upper_won, self.d_upper)
        np.subtract(self.d_larger, self.d_upper, self.d_lower)


class BiasReLU:
    """max(0, x + b) in place. The zeros are an array, because NumPy does not vectorize a maximum with a number."""

    def __init__(self, values: np.ndarray) -> None:
        self.rows = values.reshape(len(values), -1)
        length = self.rows.shape[1]
        part = next(length // k for k in itertools.count(1) if length % k == 0 and length // k <= CACHED)
        self.parts = self.rows.reshape(-1, part)
        self.zeros = np.zeros(part, float32)
        self.mask = np.empty(values.shape, bool)
        self.ones = np.ones(length, float32)
        self.values = values

    def forward(self, b: np.ndarray) -> None:
        """Add the bias, and clip."""
        np.add(self.rows, b[:, None], self.rows)
        np.maximum(self.parts, self.zeros, self.parts)

    def backward(self, d: np.ndarray, out: np.ndarray, db: np.ndarray) -> None:
        """Compute dL/dx of d, into `out`, and dL/db."""
        np.greater(self.values, float32(0), self.mask)
        np.multiply(d, self.mask, out)
        np.dot(out.reshape(len(out), -1), self.ones, db)


class Stage:
    """A convolution, then bias, ReLU and pooling: in this order, or with the pooling first, which gives the same.

    max(0, x + b) never decreases, so the largest stays the largest; and b is added to a quarter of the numbers.
    """

    def __init__(self, C: int, out: int, H: int, N: int, pool_first: bool, by_corner: bool) -> None:
        self.convolution = convolution = Convolution(C, out, H, N, by_corner)
        self.pool_first = pool_first
        self.pooled, self.d_pooled = np.empty((2, out, H // 2, H // 2, N), float32)
        self.pool = MaxPool(convolution.y, convolution.dy, H, N, by_corner)
        self.relu = BiasReLU(self.pooled if pool_first else convolution.y)

    def forward(self, W: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Map what is inside the convolution's padding to what is pooled."""
        self.convolution.forward(W)
        if self.pool_first:
            self.pool.forward(self.pooled)
            self.relu.forward(b)
        else:
            self.relu.forward(b)
            self.pool.forward(self.pooled)
        return self.pooled

    def backward(self, d: np.ndarray, dW: np.ndarray, db: np.ndarray) -> None:
        """Map dL/d(what was pooled) to the gradients, and to the convolution's dy."""
        dy = self.convolution.dy
        if self.pool_first:
            self.relu.backward(d, self.d_pooled, db)
            self.pool.backward(self.d_pooled)
        else:
            self.pool.backward(d)
            self.relu.backward(dy, dy, db)
        self.convolution.weight_gradient(dW)


class BatchInnermost:
    """Two stages and a Linear layer, for batches of N, in arrays that are made once."""

    def __init__(self, weights: list[np.ndarray], N: int, pool_first: bool = False) -> None:
        self.weights = weights
        self.gradients = [np.empty_like(p) for p in weights]
        self.first = Stage(1, 16, 28, N, pool_first, by_corner=pool_first)
        self.second = Stage(16, 32, 14, N, pool_first, by_corner=False)
        self.d_features = np.empty((32, 7, 7, N), float32)
        self.p, self.total = np.empty((10, N), float32), np.empty(N, float32)
        self.ones, self.samples = np.ones(N, float32), np.arange(N)

    def learn(self, x: np.ndarray, y: np.ndarray, scale: np.float32) -> None:
        """Leave the gradients."""
        W1, b1, W2, b2, W, b = self.weights
        dW1, db1, dW2, db2, dW, db = self.gradients
        p, N = self.p, len(x)
        self.first.convolution.inside[0] = x.T.reshape(28, 28, N)
        self.second.convolution.inside[...] = self.first.forward(W1, b1)
        features = self.second.forward(W2, b2).reshape(-1, N)  # (1568, N)
        np.dot(W, features, p)
        np.add(p, b[:, None], p)
        np.maximum.reduce(p, 0, None, self.total)
        np.subtract(p, self.total, p)
        np.exp(p, p)
        np.add.reduce(p, 0, None, self.total)
        np.multiply(self.total, float32(1) / scale, self.total)
        np.divide(p, self.total, p)  # scale times the softmax
        p[y, self.samples] -= scale
        np.dot(p, features.T, dW)
        np.dot(p, self.ones, db)
        np.dot(W.T, p, self.d_features.reshape(-1, N))
        self.second.backward(self.d_features, dW2, db2)
        self.first.backward(self.second.convolution.backward(W2), dW1, db1)


class TwoThreads:
    """Two networks in two threads, each with half of the batch in chunks, because NumPy releases Python's lock."""

    def __init__(self, weights: list[np.ndarray], pool_first: bool) -> None:
        self.gradients = [np.empty_like(p) for p in weights]
        self.networks = [BatchInnermost(weights, CHUNK, pool_first) for _ in range(2)]
        self.sums = [[np.empty_like(p) for p in weights] for _ in range(2)]
        self.pool = ThreadPoolExecutor(1)
        self.blas = ThreadpoolController()

    def one_blas_thread(self) -> Any:
        """Return a context in which BLAS uses one thread, because two threads that each use two wait for each other."""
        return self.blas.limit(limits=1, user_api="blas")

    def learn(self, x: np.ndarray, y: np.ndarray, scale: np.float32) -> None:
        """Leave the gradients."""
        half = len(x) // 2
        other = self.pool.submit(self.work, 1, x[half:], y[half:], scale)
        self.work(0, x[:half], y[:half], scale)
        other.result()
        for g, a, b in zip(self.gradients, *self.sums, strict=True):
            np.add(a, b, g)

    def work(self, who: int, x: np.ndarray, y: np.ndarray, scale: np.float32) -> None:
        """Add up the gradients of a thread's chunks."""
        network, sums = self.networks[who], self.sums[who]
        for start in range(0, len(x), CHUNK):
            network.learn(x[start : start + CHUNK], y[start : start + CHUNK], scale)
            for total, g in zip(sums, network.gradients, strict=True):
                if start:
                    np.add(total, g, total)
                else:
                    np.copyto(total, g)
