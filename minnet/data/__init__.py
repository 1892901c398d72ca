"""Data: the real MNIST, synthetic digits where there is none, and the loader that cuts either into batches."""

from importlib import import_module
from typing import TYPE_CHECKING

from minnet.data.loader import DataLoader

if TYPE_CHECKING:
    from minnet.data import augment
    from minnet.data.digits import load_digits
    from minnet.data.idx import read_idx
    from minnet.data.mnist import Mnist, Split, load_mnist
    from minnet.data.pickles import read_mnist_pickle
    from minnet.data.synthetic import synthetic_digits

__all__ = [
    "DataLoader",
    "Mnist",
    "Split",
    "augment",
    "load_digits",
    "load_mnist",
    "read_idx",
    "read_mnist_pickle",
    "synthetic_digits",
]

# Who only trains does not wait for what reads files and draws digits.
_LATER = {
    "Mnist": "mnist",
    "Split": "mnist",
    "load_digits": "digits",
    "load_mnist": "mnist",
    "read_idx": "idx",
    "read_mnist_pickle": "pickles",
    "synthetic_digits": "synthetic",
}


def __getattr__(name: str) -> object:
    if name == "augment":
        return import_module(f"{__name__}.augment")
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
