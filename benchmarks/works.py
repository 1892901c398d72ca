"""A work is a model to train on some data, which all contenders do, from the same weights if they can."""

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

import minnet as mn

BATCHES_OF_MNIST = 390  # full batches of 128 in an epoch of 50,000
Weights = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Work:
    """What to train, and how."""

    key: str
    title: str
    model: str  # "dense", "convolution", "lstm" or "transformer"
    sizes: tuple[int, ...]  # of a dense model's layers; else: width of the input, of the hidden state, classes
    lr: float
    batch_size: int = 128
    optimizer: str = "SGD"
    block: int = 1  # the steps that a contender which compiles whole epochs takes at once
    check_steps: int = BATCHES_OF_MNIST
    least_accuracy: float = 0.8  # after check_steps


WORKS = {
    work.key: work
    for work in (
        Work("W1", "784-10, batch 128, SGD", "dense", (784, 10), 0.5, block=BATCHES_OF_MNIST),
        Work("W2", "784-10, batch 1, SGD", "dense", (784, 10), 0.01, 1, block=5000, check_steps=5000),
        Work("W3", "784-128-10, batch 128, SGD", "dense", (784, 128, 10), 0.1, block=BATCHES_OF_MNIST),
        Work("W3A", "784-128-10, batch 128, Adam", "dense", (784, 128, 10), 1e-3, 128, "Adam", BATCHES_OF_MNIST),
        Work("W4", "784-1024-1024-10, batch 128, SGD", "dense", (784, 1024, 1024, 10), 0.1, check_steps=200),
        Work("W5", "2 convolutions and poolings, batch 128, SGD", "convolution", (1, 16, 32, 10), 0.1, check_steps=120),
        Work("L", "LSTM 28-128, 64 steps, batch 64, SGD", "lstm", (28, 128, 10), 0.5, 64,
             check_steps=150, least_accuracy=0.6),
        Work("T", "2 transformer blocks of 128, 64 tokens, batch 32, SGD", "transformer", (128, 256, 10), 0.1, 32,
             check_steps=60, least_accuracy=0.6),
    )
}  # fmt: skip
HEADS, TOKENS, LSTM_STEPS, IMAGE = 4, 64, 64, 28


class Data(NamedTuple):
    """Training data, usually in float32, with int64 labels; test data; and their name."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    name: str


def data_of(work: Work) -> Data:
    """Return the data that a work trains on."""
    return digits() if work.model in ("dense", "convolution") else random_sequences(work.model)


@functools.cache
def digits(uint8: bool = False) -> Data:
    """Load MNIST's 50,000 training and 10,000 test images, scaled by 1/256 or as bytes; without it, synthetic ones."""
    try:
        train, _, test = mn.data.load_mnist(scaling="uint8" if uint8 else "256", download=False)
    except mn.errors.DataNotFoundError:
        X, y = mn.data.synthetic_digits(60_000, rng=0)  # bytes, as MNIST's are stored
        X = X if uint8 else as_floats(X)
        return Data(X[:50_000], y[:50_000], X[50_000:], y[50_000:], "synthetic digits (MNIST was not found)")
    return Data(*train, *test, "MNIST")


def as_floats(X: np.ndarray) -> np.ndarray:
    """Scale bytes as `digits` does; leave floats as they are."""
    return np.multiply(X, np.float32(1 / 256), dtype=np.float32) if X.dtype == np.uint8 else X


@functools.cache
def random_sequences(model: str) -> Data:
    """Draw sequences of normal numbers, with labels that a model can learn.

    The label of an LSTM's sequence is the place of the largest of the last step's first ten numbers. The label of each
    token of a transformer is the direction, of ten, to which it is nearest.
    """
    rng = np.random.default_rng(0)
    if model == "lstm":
        X = rng.standard_normal((2304, LSTM_STEPS, IMAGE), np.float32)
        y = X[:, -1, :10].argmax(axis=1)
    else:
        X = rng.standard_normal((576, TOKENS, 128), np.float32)
        y = (X @ rng.standard_normal((128, 10), np.float32)).argmax(axis=-1)
    return Data(X[:-256], y[:-256], X[-256:], y[-256:], "random sequences")


def initial_weights(work: Work) -> Weights:
    """Draw (W, b) of each layer of a dense or convolutional model, uniform in ±1/√fan-in as all contenders do.

    W is (in, out), of a convolution (out, in, 3, 3).
    """
    rng = np.random.default_rng(1)
    if work.model == "convolution":
        shapes = [(16, 1, 3, 3), (32, 16, 3, 3), (1568, 10)]
    else:
        shapes = list(zip(work.sizes, work.sizes[1:], strict=False))
    weights = []
    for shape in shapes:
        inputs, outputs = (shape[0], shape[1]) if len(shape) == 2 else (math.prod(shape[1:]), shape[0])
        bound = 1 / math.sqrt(inputs)
        weights.append((_uniform(rng, bound, shape), _uniform(rng, bound, (outputs,))))
    return weights


def _uniform(rng: np.random.Generator, bound: float, shape: tuple[int, ...]) -> np.ndarray:
    return rng.uniform(-bound, bound, shape).astype(np.float32)


def shuffled(
    samples: int, batch_size: int, convert: Callable[[np.ndarray], Any] = lambda order: order
) -> Iterator[Any]:
    """Yield the rows of one full batch after the other, for ever, in a new order each epoch: a DataLoader's with rng=0.

    Parameters
    ----------
    samples, batch_size
        How many rows there are, and go into a batch; the rest of an epoch is left out.
    convert
        What to do with an epoch's order before it is cut: ``torch.from_numpy``.
    """
    rng = np.random.default_rng(0)
    while True:
        order = convert(rng.permutation(samples))
        for start in range(0, samples - batch_size + 1, batch_size):
            yield order[start : start + batch_size]
