"""The model of every example, for the tests that bring it elsewhere; a new example needs a line here."""

import importlib
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import minnet as mn
from minnet.optimizers.base import Optimizer

EXAMPLES = Path(__file__).parents[2] / "examples"
# Example → the shapes of its inputs; integers below a number are words.
SHAPES = {
    "adding_problem": (None, 2),
    "autoencoder": 784,
    "char_rnn": (None,),
    "cnn": 784,
    "custom_layer": 784,
    "mlp": 784,
    "mnist_logreg": 784,
    "tabular": 10,
    "text_classification": ((None,), (None,)),
    "training_loop_by_hand": 784,
    "two_heads": 784,
}
OPTIONS = {"mnist_logreg": [["--batch-size", "20"]]}
NO_MODELS = {"mnist_mpi", "notebook_report", "pictures"}  # mnist_mpi has the network of mlp


class MadeError(Exception):
    """The optimizer is made, so that the model is there."""


@cache
def digits():
    """Return a small data set, as ``mn.data.load_digits`` does."""
    X, y = mn.data.synthetic_digits(40, rng=0)
    X = X.reshape(len(X), -1)
    return mn.data.Mnist(*(mn.data.Split(X / np.float32(256), y) for _ in range(3))), "synthetic digits"


def model_of(example, monkeypatch):
    """Run an example until it makes its optimizer, and return the last Sequential that it made before."""
    models = []
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setattr(mn.data, "load_digits", lambda *_, **__: digits())
    first = mn.Sequential.__init__

    def remember(self, *layers, **named):
        first(self, *layers, **named)
        models.append(self)

    def stop(*_, **__):
        raise MadeError

    monkeypatch.setattr(mn.Sequential, "__init__", remember)
    monkeypatch.setattr(Optimizer, "__init__", stop)
    before = set(sys.modules)
    try:
        main = importlib.import_module(example).main
        with pytest.raises(MadeError):
            main(*OPTIONS.get(example, ()))
    finally:
        monkeypatch.undo()
        for name in sys.modules.keys() - before:
            if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == EXAMPLES:
                del sys.modules[name]
    return models[-1]


def a_batch(example, model, rng, size, time):
    """Return inputs of an example's model: floats, or words, with a mask if it takes one."""
    shape = SHAPES[example]
    embedding = model.layers[0] if isinstance(model.layers[0], mn.Embedding) else None
    if embedding is None:
        sizes = [time if n is None else n for n in (shape if isinstance(shape, tuple) else (shape,))]
        return rng.random((size, *sizes), np.float32)
    words = rng.integers(0, embedding.num_embeddings, (size, time))
    return (words, rng.random((size, time)) < 0.7) if len(shape) == 2 else words
