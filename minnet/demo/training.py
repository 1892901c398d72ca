"""The model of the demo is the class notebook's one matrix, trained within seconds when the demo starts."""

from typing import NamedTuple

import numpy as np

from minnet.core.console import announce
from minnet.data import DataLoader
from minnet.data.mnist.dataset import Split, find_mnist
from minnet.data.mnist.synthetic import synthetic_digits
from minnet.demo.reader import Reader
from minnet.errors import DataError
from minnet.layers import Linear, Sequential, Softmax
from minnet.losses import CrossEntropyLoss
from minnet.optimizers import SGD
from minnet.training.trainer import Trainer

STEPS = 4_000  # of 64 digits: about five times all of MNIST's
SYNTHETIC = 20_000, 2_000  # for training, and to test with
# Beside so many digits of MNIST there is one that is drawn with the pen of the page. Otherwise the matrix would never
# have seen a line as even as that of a mouse, and take upright 9s for 4s (docs/demo.md has the figures).
BESIDE = 5


class Digits(NamedTuple):
    """Digits to train on and to test with, and how many of those to train on are MNIST's: none, or the first ones."""

    train: Split
    test: Split
    real: int


def find_digits() -> Digits:
    """Return MNIST and some synthetic digits where it is on disk, synthetic digits elsewhere. Nothing is downloaded."""
    try:
        found = find_mnist(None, download=False)
    except (DataError, OSError) as error:
        announce(f"MNIST cannot be used: {str(error).splitlines()[0]}")
        found = []
    if isinstance(found, tuple):
        X, y = found[0].train
        drawn, labels = synthetic_digits(len(X) // BESIDE, rng=0)
        both = Split(np.concatenate([X, drawn]), np.concatenate([y, labels]))
        return Digits(both, found[0].test, real=len(X))
    X, y = synthetic_digits(sum(SYNTHETIC), rng=0)
    cut = SYNTHETIC[0]
    return Digits(Split(X[:cut], y[:cut]), Split(X[cut:], y[cut:]), real=0)


def train(digits: Digits, progress: bool = True) -> tuple[Reader, float]:
    """Train the matrix; return a Reader that knows its start, W₀, and the accuracy on the digits to test with.

    Ctrl-C is a KeyboardInterrupt, as in any other program.
    """
    linear = Linear(784, 10, rng=0)
    model, start = Sequential(linear, Softmax()), linear.weight.data.copy()
    trainer = Trainer(model, CrossEntropyLoss(), SGD(model.parameters(), lr=0.1))
    batches = DataLoader(*digits.train, batch_size=64, shuffle=True, rng=0)
    trainer.fit(batches, steps=STEPS, progress=progress, on_interrupt="raise")
    accuracy = trainer.evaluate(digits.test)["accuracy"]
    return Reader(model, start), accuracy
