"""JAX on the CPU: a compiled step that is given batches, and a compiled epoch that also gathers them."""

import functools
import itertools
import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from rounds import Call
from works import HEADS, Data, Weights, Work, initial_weights, shuffled


def contenders(work: Work, data: Data, remark: Callable[[str], None]) -> list["Jax"]:
    """Return JAX's ways to do a work."""
    found = [Jax("JAX", work, data)]
    if work.block > 1:
        found.append(Scan("JAX, scan", work, data))
    return found


def predictors(weights: Weights, x: np.ndarray, remark: Callable[[str], None]) -> list[Call]:
    """Return JAX's way to map one image to probabilities."""
    on_device = jax.tree.map(jnp.asarray, weights)
    predict = jax.jit(lambda weights, x: jax.nn.softmax(dense(weights, x)))
    return [Call("JAX", lambda: predict(on_device, x).block_until_ready())]


class Jax:
    """A compiled step, which is given batches that NumPy gathers."""

    def __init__(self, name: str, work: Work, data: Data) -> None:
        self.name = name
        self.work = work
        self.X, self.y = data.X, data.y.astype(np.int32)
        self.rows = shuffled(len(data.X), work.batch_size)
        initial, self.predict = MODELS[work.model]
        weights = initial(work)
        zeros = jax.tree.map(jnp.zeros_like, weights)
        self.state = (weights, zeros, zeros, jnp.zeros(())) if work.optimizer == "Adam" else (weights,)
        self.state = jax.tree.map(jnp.array, self.state)  # each an array of its own, that may be given away
        self.step = jax.jit(self.learn, donate_argnums=0)

    def loss(self, weights: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        """Return the cross-entropy of a batch."""
        log_p = jax.nn.log_softmax(self.predict(weights, x))
        return -jnp.mean(jnp.take_along_axis(log_p, y[..., None], axis=-1))

    def learn(self, state: Any, x: jax.Array, y: jax.Array) -> Any:
        """Map weights and what the optimizer remembers to their next values."""
        gradient = jax.grad(self.loss)(state[0], x, y)
        return OPTIMIZERS[self.work.optimizer](state, gradient, self.work.lr)

    def run(self, steps: int) -> None:
        """Do so many steps."""
        for rows in itertools.islice(self.rows, steps):
            self.state = self.step(self.state, self.X[rows], self.y[rows])
        jax.block_until_ready(self.state)

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return the model's outputs."""
        return np.asarray(self.predict(self.state[0], X))


class Scan(Jax):
    """A compiled block of steps that also gathers their batches, which is JAX's fastest way."""

    def __init__(self, name: str, work: Work, data: Data) -> None:
        super().__init__(name, work, data)
        self.block = work.block
        self.X, self.y = jnp.asarray(self.X), jnp.asarray(self.y)
        self.epoch = jax.jit(self.learn_block, donate_argnums=0)

    def learn_block(self, state: Any, X: jax.Array, y: jax.Array, rows: jax.Array) -> Any:
        """Learn from the batches of these rows (steps, N)."""
        return lax.scan(lambda state, here: (self.learn(state, X[here], y[here]), None), state, rows)[0]

    def run(self, steps: int) -> None:
        """Do so many steps, a multiple of `block`."""
        for _ in range(steps // self.block):
            rows = np.stack(list(itertools.islice(self.rows, self.block)))
            self.state = self.epoch(self.state, self.X, self.y, rows)
        jax.block_until_ready(self.state)


def sgd(state: Any, gradient: Any, lr: float) -> Any:
    """Step downhill."""
    return (jax.tree.map(lambda p, g: p - lr * g, state[0], gradient),)


def adam(state: Any, gradient: Any, lr: float) -> Any:
    """Step by Adam's rule."""
    weights, m, v, count = state
    count = count + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradient)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradient)
    m_share, v_share = (-jnp.expm1(count * np.log(beta)) for beta in (0.9, 0.999))  # 1 - beta ** count
    update = jax.tree.map(lambda p, m, v: p - lr * (m / m_share) / (jnp.sqrt(v / v_share) + 1e-8), weights, m, v)
    return update, m, v, count


OPTIMIZERS = {"SGD": sgd, "Adam": adam}


def dense(weights: Any, x: jax.Array) -> jax.Array:
    """Linear layers with ReLU between them."""
    for W, b in weights[:-1]:
        x = jax.nn.relu(x @ W + b)
    W, b = weights[-1]
    return x @ W + b


def convolution(weights: Any, x: jax.Array) -> jax.Array:
    """Two convolutions, each with ReLU and a pooling, and a Linear layer; images as (N, H, W, C), JAX's usual order.

    The pooling is two maxima: with the usual `lax.reduce_window`, whose backward is slow, it takes four times as long.
    """
    x = x.reshape(-1, 28, 28, 1)
    for kernel, b in weights[:-1]:
        y = lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        y = jax.nn.relu(y + b)
        y = jnp.maximum(y[:, 0::2], y[:, 1::2])
        x = jnp.maximum(y[:, :, 0::2], y[:, :, 1::2])
    W, b = weights[-1]
    return x.reshape(len(x), -1) @ W + b


def convolution_weights(work: Work) -> Any:
    """Return the initial weights in the order that `convolution` takes."""
    *kernels, (W, b) = initial_weights(work)
    flat = W.reshape(32, 7, 7, 10).transpose(1, 2, 0, 3).reshape(W.shape)
    return [*((kernel.transpose(2, 3, 1, 0), bias) for kernel, bias in kernels), (flat, b)]


def lstm(weights: Any, x: jax.Array) -> jax.Array:
    """An LSTM, and a Linear layer that reads its last step."""
    W_x, W_h, b, W, c = weights
    inputs = jnp.swapaxes(x @ W_x + b, 0, 1)  # (T, N, 4·H): one product for all steps
    zeros = jnp.zeros((len(x), W_h.shape[0]))

    def step(state: Any, a: jax.Array) -> Any:
        h, cell = state
        i, f, g, o = jnp.split(a + h @ W_h, 4, axis=-1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(cell), cell), None

    (h, _), _ = lax.scan(step, (zeros, zeros), inputs)
    return h @ W + c


def lstm_weights(work: Work) -> Any:
    """Draw weights as PyTorch does."""
    inputs, hidden, classes = work.sizes
    shapes = [(inputs, 4 * hidden), (hidden, 4 * hidden), (4 * hidden,), (hidden, classes), (classes,)]
    return _uniform([(shape, hidden) for shape in shapes])


def transformer(weights: Any, x: jax.Array) -> jax.Array:
    """Two transformer blocks, the norm first, and a Linear layer that reads every token."""
    *blocks, (W, c) = weights
    for norm, (W_qkv, b_qkv), (W_out, b_out), second_norm, (W_in, b_in), (W_back, b_back) in blocks:
        q, k, v = jnp.split(layer_norm(norm, x) @ W_qkv + b_qkv, 3, axis=-1)
        q, k, v = (t.reshape(*t.shape[:-1], HEADS, -1) for t in (q, k, v))  # (N, T, heads, D / heads)
        attention = jax.nn.softmax(jnp.einsum("nthd,nshd->nhts", q, k) / np.sqrt(q.shape[-1]))
        mixed = jnp.einsum("nhts,nshd->nthd", attention, v).reshape(x.shape)
        x = x + mixed @ W_out + b_out
        x = x + jax.nn.relu(layer_norm(second_norm, x) @ W_in + b_in) @ W_back + b_back
    return x @ W + c


def layer_norm(weights: Any, x: jax.Array) -> jax.Array:
    """Normalise each token."""
    scale, shift = weights
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred * lax.rsqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5) * scale + shift


def transformer_weights(work: Work) -> Any:
    """Draw the weights of two blocks, and of the Linear layer."""
    D, hidden, classes = work.sizes
    norm = (np.ones(D, np.float32), np.zeros(D, np.float32))
    pairs = functools.partial(_pair, np.random.default_rng(0))
    return [
        *((norm, pairs(D, 3 * D), pairs(D, D), norm, pairs(D, hidden), pairs(hidden, D)) for _ in range(2)),
        pairs(D, classes),
    ]


def _uniform(shapes: list[tuple[tuple[int, ...], int]]) -> list[np.ndarray]:
    """Draw from ±1/√fan-in."""
    rng = np.random.default_rng(0)
    return [rng.uniform(-(fan**-0.5), fan**-0.5, shape).astype(np.float32) for shape, fan in shapes]


def _pair(rng: np.random.Generator, inputs: int, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw W and b."""
    bound = inputs**-0.5
    return tuple(rng.uniform(-bound, bound, shape).astype(np.float32) for shape in ((inputs, outputs), (outputs,)))


MODELS = {
    "dense": (initial_weights, dense),
    "convolution": (convolution_weights, convolution),
    "lstm": (lstm_weights, lstm),
    "transformer": (transformer_weights, transformer),
}
