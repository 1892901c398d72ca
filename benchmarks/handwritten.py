"""Dense networks in plain NumPy, a class for each loop: the tutorial's, the obvious one, and the fastest that we found.

minnet is compared with them because NumPy can hardly do the same work faster. The fast loops are not examples to copy:
all their arrays are made once, and every operation writes into one of them.
"""

import itertools
import math
from collections.abc import Callable

import numpy as np
from rounds import Call
from works import Data, Weights, Work, digits, initial_weights, shuffled

float32 = np.float32
CLIP = "clip"  # the mode in which `take` writes straight into `out`: the default one makes a copy first


def contenders(work: Work, data: Data, remark: Callable[[str], None]) -> list["Loop"]:
    """Return the loops that do a dense work."""
    if work.model != "dense":
        return []
    if work.key == "W1":
        return [
            Notebook("NumPy, notebook", work, data),
            Plain("NumPy, plain", work, data),
            OneMatrix("NumPy, best", work, data),
            OneMatrix("NumPy, best split", work, data, split=True),
            OneMatrix("NumPy, best uint8", work, digits(uint8=True)),
            OneMatrix("NumPy, best split uint8", work, digits(uint8=True), split=True),
        ]
    if work.batch_size == 1:
        return [NotebookOnline("NumPy, notebook", work, data), OneSample("NumPy, best", work, data)]
    return [Plain("NumPy, plain", work, data), Layers("NumPy, best", work, data)]


def predictors(weights: Weights, x: np.ndarray, remark: Callable[[str], None]) -> list[Call]:
    """Return ways to map one image to probabilities."""
    return [Call("NumPy, plain", plain_prediction(weights, x)), Call("NumPy, best", best_prediction(weights, x))]


def plain_prediction(weights: Weights, x: np.ndarray) -> Callable[[], np.ndarray]:
    """Return the obvious prediction."""
    *hidden, (W, b) = weights

    def predict() -> np.ndarray:
        h = x
        for W_hidden, b_hidden in hidden:
            h = np.maximum(h @ W_hidden + b_hidden, 0)
        e = np.exp(h @ W + b)
        return e / e.sum(axis=-1, keepdims=True) if e.ndim > 1 else e / e.sum()

    return predict


def best_prediction(weights: Weights, x: np.ndarray) -> Callable[[], np.ndarray]:
    """Return the prediction with the fewest calls, into arrays that are made once; weights lie as (out, in)."""
    *hidden, (W, b) = [(np.ascontiguousarray(W.T), b) for W, b in weights]
    layers = [(W_hidden, b_hidden, np.empty_like(b_hidden), np.zeros_like(b_hidden)) for W_hidden, b_hidden in hidden]
    p, dot, add, maximum, exp, multiply, total = (
        np.empty_like(b), np.dot, np.add, np.maximum, np.exp, np.multiply, np.add.reduce,
    )  # fmt: skip
    first, result = x.reshape(-1), p.reshape(*x.shape[:-1], len(b))

    def predict() -> np.ndarray:
        h = first
        for W_hidden, b_hidden, y, zeros in layers:
            dot(W_hidden, h, y)
            add(y, b_hidden, y)
            h = maximum(y, zeros, y)
        dot(W, h, p)
        add(p, b, p)
        exp(p, p)
        multiply(p, 1 / total(p), p)
        return result

    return predict


class Loop:
    """The base class of the loops: a name, the data, and the initial weights."""

    def __init__(self, name: str, work: Work, data: Data) -> None:
        self.name = name
        self.work = work
        self.X, self.y = data.X, data.y
        self.rows = shuffled(len(data.X), work.batch_size)
        self.weights = initial_weights(work)

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return the model's outputs before the softmax."""
        for W, b in self.weights[:-1]:
            X = np.maximum(X @ W + b, 0)
        W, b = self.weights[-1]
        return X @ W + b


class Notebook(Loop):
    """The tutorial's own loop: float64 weights, every batch drawn anew, an identity matrix for one-hot labels."""

    def __init__(self, name: str, work: Work, data: Data) -> None:
        super().__init__(name, work, data)
        self.weights = [(W.astype(np.float64), b.astype(np.float64)) for W, b in self.weights]

    def run(self, steps: int) -> None:
        """Do so many steps."""
        X, y, (W, b) = self.X, self.y, self.weights[0]
        for _ in range(steps):
            rows = np.random.choice(len(X), 128, replace=False)  # noqa: NPY002 (it is the notebook's)
            x, label = X[rows], y[rows]
            p = np.exp(x @ W + b)
            p /= p.sum(axis=1, keepdims=True)
            d = p - np.eye(10)[label]
            db = d.mean(axis=0)
            dW = x.T @ d / 128
            W -= 0.5 * dW
            b -= 0.5 * db


class NotebookOnline(Notebook):
    """The tutorial's loop over single samples, in the order in which they lie (all others go in random order)."""

    def __init__(self, name: str, work: Work, data: Data) -> None:
        super().__init__(name, work, data)
        self.next = 0

    def run(self, steps: int) -> None:
        """Do so many steps."""
        X, y, (W, b) = self.X, self.y, self.weights[0]
        for i in range(self.next, self.next + steps):
            x, label = X[i % len(X)], y[i % len(X)]
            p = np.exp(x @ W + b)
            p = p / p.sum()
            db = p.copy()
            db[label] -= 1
            dW = x.reshape(784, 1) @ p.reshape(1, 10)
            dW[:, label] -= x
            W -= 0.01 * dW
            b -= 0.01 * db
        self.next += steps


class Plain(Loop):
    """The obvious NumPy: float32, a new array for every result."""

    def __init__(self, name: str, work: Work, data: Data) -> None:
        super().__init__(name, work, data)
        self.moments = [[np.zeros_like(p), np.zeros_like(p)] for pair in self.weights for p in pair]
        self.step = 0

    def run(self, steps: int) -> None:
        """Do so many steps."""
        size, weights = self.work.batch_size, self.weights
        for rows in itertools.islice(self.rows, steps):
            hidden, label = [self.X[rows]], self.y[rows]
            for W, b in weights[:-1]:
                hidden.append(np.maximum(hidden[-1] @ W + b, 0))
            W, b = weights[-1]
            d = hidden[-1] @ W + b
            d = np.exp(d - d.max(axis=1, keepdims=True))
            d /= d.sum(axis=1, keepdims=True)
            d[np.arange(size), label] -= 1
            d /= float32(size)
            gradients = []
            for (W, _), x in zip(reversed(weights), reversed(hidden), strict=True):
                gradients.insert(0, (x.T @ d, d.sum(axis=0)))
                if x is not hidden[0]:
                    d = (d @ W.T) * (x > 0)
            self.update([g for pair in gradients for g in pair])

    def update(self, gradients: list[np.ndarray]) -> None:
        """Step downhill, by SGD or Adam."""
        lr, parameters = float32(self.work.lr), [p for pair in self.weights for p in pair]
        self.step += 1
        for p, g, moments in zip(parameters, gradients, self.moments, strict=True):
            if self.work.optimizer == "SGD":
                p -= lr * g
                continue
            moments[0] = m = float32(0.9) * moments[0] + float32(0.1) * g
            moments[1] = v = float32(0.999) * moments[1] + float32(0.001) * g * g
            m, v = m / float32(1 - 0.9**self.step), v / float32(1 - 0.999**self.step)
            p -= lr * m / (np.sqrt(v) + float32(1e-8))


class OneMatrix(Loop):
    """One matrix, batch by batch: the fastest loop that we found.

    - Scores lie as (10, N): sums and maxima over the classes then run along memory. The transposition costs nothing,
      because it happens while the bias is added.
    - 1/N and the learning rate are folded into the softmax's divisor, so no pass over the gradient is needed for them.
    - `split`: the weights lie as (10, 784), and the batch is seen as two halves, of rows in forward and of columns in
      backward. OpenBLAS has a faster code for small products, and the whole batch is just too large for it.
    - Images of uint8 stay so, and only the batch is converted.
    """

    def __init__(self, name: str, work: Work, data: Data, split: bool = False) -> None:
        super().__init__(name, work, data)
        self.split = split
        W, b = self.weights[0]
        self.W = W.T.copy() if split else W
        self.b = b.reshape(10, 1)
        self.weights = [(self.W.T if split else self.W, b)]

    def run(self, steps: int) -> None:
        """Do so many steps."""
        N, split, W, b, b_rows = self.work.batch_size, self.split, self.W, self.b, self.b
        take_image, take_label = self.X.take, self.y.take
        raw = np.empty((N, 784), np.uint8) if self.X.dtype == np.uint8 else None
        x, z, p = np.empty((N, 784), float32), np.empty((N, 10), float32), np.empty((10, N), float32)
        dW, db, total = np.empty_like(W), np.empty((10, 1), float32), np.empty(N, float32)
        ones, samples = np.ones((N, 1), float32), np.arange(N)
        step = float32(self.work.lr / N)
        divisor, scale = float32(1) / step, float32(1 / 256)
        z_T, p_T, x_T, W_T, p_flat = z.T, p.T, x.T, W.T, p.reshape(-1)
        if split:
            x_halves, z_halves = x.reshape(2, N // 2, 784), z.reshape(2, N // 2, 10)
            x_columns, dW_columns = x.reshape(N, 2, 392).swapaxes(0, 1), dW.reshape(10, 2, 392).swapaxes(0, 1)
        for rows in itertools.islice(self.rows, steps):
            if raw is None:
                take_image(rows, 0, x, CLIP)
            else:
                take_image(rows, 0, raw, CLIP)
                np.multiply(raw, scale, x)
            if split:
                np.matmul(x_halves, W_T, z_halves)
            else:
                np.dot(x, W, z)
            np.add(z_T, b_rows, p)
            np.maximum.reduce(p, 0, None, total)
            np.subtract(p, total, p)
            np.exp(p, p)
            np.add.reduce(p, 0, None, total)
            np.multiply(total, divisor, total)
            np.divide(p, total, p)  # lr / N times the softmax
            p_flat[take_label(rows) * N + samples] -= step
            if split:
                np.matmul(p, x_columns, dW_columns)
            else:
                np.dot(x_T, p_T, dW)
            np.subtract(W, dW, W)
            np.dot(p, ones, db)
            np.subtract(b, db, b)


class OneSample(Loop):
    """One matrix, sample by sample: the fewest calls, and a rank-one update of weights that lie as (10, 784)."""

    def __init__(self, name: str, work: Work, data: Data) -> None:
        super().__init__(name, work, data)
        W, b = self.weights[0]
        self.W = W.T.copy()
        self.weights = [(self.W.T, b)]
        self.labels = data.y.tolist()
        self.order = itertools.chain.from_iterable(order.tolist() for order in shuffled(len(data.X), len(data.X)))

    def run(self, steps: int) -> None:
        """Do so many steps."""
        X, labels, W, b, lr = self.X, self.labels, self.W, self.weights[0][1], float32(self.work.lr)
        p, dW = np.empty(10, float32), np.empty_like(W)
        p_column = p.reshape(10, 1)
        dot, add, subtract, multiply, exp = np.dot, np.add, np.subtract, np.multiply, np.exp
        maximum, total = np.maximum.reduce, np.add.reduce
        for i in itertools.islice(self.order, steps):
            x = X[i]
            dot(W, x, p)
            add(p, b, p)
            subtract(p, maximum(p), p)
            exp(p, p)
            multiply(p, lr / total(p), p)  # lr times the softmax
            p[labels[i]] -= lr
            multiply(p_column, x, dW)
            subtract(W, dW, W)
            subtract(b, p, b)


class Layers(Loop):
    """Several layers: the fastest loop that we found.

    All weights are views of one flat array, and all gradients of another, so that an update is one set of calls for
    the whole model. The rest is as in `OneMatrix`. ReLU is a maximum with an array of zeros, because NumPy does not
    vectorize a maximum with a number; its backward is a product with a mask, which needs no branches.
    """

    def __init__(self, name: str, work: Work, data: Data) -> None:
        super().__init__(name, work, data)
        first = self.weights
        self.flat = np.concatenate([p.reshape(-1) for pair in first for p in pair])
        self.gradient = np.zeros_like(self.flat)
        self.weights, self.gradients = _views(self.flat, first), _views(self.gradient, first)
        self.adam = Adam(len(self.flat), work.lr) if work.optimizer == "Adam" else None
        N = work.batch_size
        self.hidden = [np.empty((N, size), float32) for size in work.sizes]
        self.d_hidden = [np.empty_like(h) for h in self.hidden]
        self.masks = [np.empty(h.shape, bool) for h in self.hidden]
        self.zeros = [np.zeros(size, float32) for size in work.sizes]
        self.p, self.total = np.empty((10, N), float32), np.empty(N, float32)

    def run(self, steps: int) -> None:
        """Do so many steps."""
        N, last, zero = self.work.batch_size, len(self.weights) - 1, float32(0)
        hidden, d_hidden, masks, p, total = self.hidden, self.d_hidden, self.masks, self.p, self.total
        x, z = hidden[0], hidden[-1]
        W_last, b_last = self.weights[-1]
        b_rows, p_flat, ones, samples = b_last.reshape(10, 1), p.reshape(-1), np.ones(N, float32), np.arange(N)
        step = float32((1 if self.adam else self.work.lr) / N)  # SGD's rate goes into the gradient
        divisor = float32(1) / step
        for rows in itertools.islice(self.rows, steps):
            self.X.take(rows, 0, x, CLIP)
            for i, (W, b) in enumerate(self.weights[:-1]):
                h = hidden[i + 1]
                np.dot(hidden[i], W, h)
                np.add(h, b, h)
                np.maximum(h, self.zeros[i + 1], h)
            np.dot(hidden[last], W_last, z)
            np.add(z.T, b_rows, p)
            np.maximum.reduce(p, 0, None, total)
            np.subtract(p, total, p)
            np.exp(p, p)
            np.add.reduce(p, 0, None, total)
            np.multiply(total, divisor, total)
            np.divide(p, total, p)
            p_flat[self.y.take(rows) * N + samples] -= step
            d = p.T
            for i in range(last, -1, -1):
                dW, db = self.gradients[i]
                np.dot(hidden[i].T, d, dW)
                np.dot(ones, d, db)
                if i:
                    np.dot(d, self.weights[i][0].T, d_hidden[i])
                    d = d_hidden[i]
                    np.greater(hidden[i], zero, masks[i])
                    np.multiply(d, masks[i], d)
            if self.adam:
                self.adam.step(self.flat, self.gradient)
            else:
                np.subtract(self.flat, self.gradient, self.flat)


class Adam:
    """Adam in ten passes over one flat array.

    Instead of averages, it keeps the sums m ← β₁·m + g and v ← β₂·v + g². The factors 1 − β₁ and 1 − β₂ go into the
    learning rate and into ε.
    """

    FADED = 256  # steps between two times that subnormal numbers are set to zero, because a processor is slow with them

    def __init__(self, size: int, lr: float) -> None:
        self.lr = lr
        self.count = 0
        self.m, self.v, self.work = np.zeros(size, float32), np.zeros(size, float32), np.empty(size, float32)

    def step(self, p: np.ndarray, g: np.ndarray) -> None:
        """Update p."""
        self.count += 1
        m, v, work = self.m, self.v, self.work
        m_share = 0.1 / (1 - 0.9**self.count)
        v_share = math.sqrt(0.001 / (1 - 0.999**self.count))
        np.multiply(m, float32(0.9), m)
        np.add(m, g, m)
        np.multiply(v, float32(0.999), v)
        np.multiply(g, g, work)
        np.add(v, work, v)
        np.sqrt(v, work)
        np.add(work, float32(1e-8 / v_share), work)
        np.divide(m, work, work)
        np.multiply(work, float32(self.lr * m_share / v_share), work)
        np.subtract(p, work, p)
        if self.count % self.FADED == 0:
            for array in (m, v):
                np.greater_equal(np.abs(array, out=work), np.finfo(float32).tiny, out=work)
                np.multiply(array, work, array)


def _views(flat: np.ndarray, like: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return views of a flat array, of the shapes of these pairs."""
    views, start = [], 0
    for pair in like:
        parts = []
        for array in pair:
            parts.append(flat[start : start + array.size].reshape(array.shape))
            start += array.size
        views.append(tuple(parts))
    return views
