"""The model of the demo is the class notebook's one matrix, trained within seconds when the demo starts."""

from typing import NamedTuple

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


class Digits(NamedTuple):
    """Digits to train on and to test with, and whether they are MNIST's."""

    train: Split
    test: Split
    real: bool


def find_digits() -> Digits:
    """Return the real MNIST where it is on disk, and synthetic digits elsewhere. Nothing is downloaded."""
    try:
        found = find_mnist(None, download=False)
    except (DataError, OSError) as error:
        announce(f"MNIST cannot be used: {str(error).splitlines()[0]}")
        found = []
    if isinstance(found, tuple):
        return Digits(found[0].train, found[0].test, real=True)
    X, y = synthetic_digits(sum(SYNTHETIC), rng=0)
    cut = SYNTHETIC[0]
    return Digits(Split(X[:cut], y[:cut]), Split(X[cut:], y[cut:]), real=False)


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
