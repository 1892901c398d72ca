"""Data: the real MNIST, synthetic digits where there is none, and the loader that cuts either into batches."""

from minnet.data.digits import load_digits
from minnet.data.idx import read_idx
from minnet.data.loader import DataLoader
from minnet.data.mnist import Mnist, Split, load_mnist
from minnet.data.pickles import read_mnist_pickle
from minnet.data.synthetic import synthetic_digits

__all__ = [
    "DataLoader",
    "Mnist",
    "Split",
    "load_digits",
    "load_mnist",
    "read_idx",
    "read_mnist_pickle",
    "synthetic_digits",
]
