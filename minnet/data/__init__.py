"""Data: the loader that cuts a data set into batches, padding, augmentations, MNIST, and synthetic digits."""

from minnet.core.words import answer_arguments
from minnet.data import augment as augment
from minnet.data.files.opening import open_array as open_array
from minnet.data.loader import DataLoader as DataLoader
from minnet.data.mnist.dataset import Mnist as Mnist
from minnet.data.mnist.dataset import Split as Split
from minnet.data.mnist.dataset import load_mnist as load_mnist
from minnet.data.mnist.digits import load_digits as load_digits
from minnet.data.mnist.idx import read_idx as read_idx
from minnet.data.mnist.pickles import read_mnist_pickle as read_mnist_pickle
from minnet.data.mnist.synthetic import synthetic_digits as synthetic_digits
from minnet.data.padding import Pad as Pad
from minnet.data.padding import bucketed_order as bucketed_order
from minnet.data.prefetch import Prefetch as Prefetch
from minnet.data.shards import Shards as Shards
from minnet.data.stream import Stream as Stream

__all__ = [
    "DataLoader",
    "Mnist",
    "Pad",
    "Prefetch",
    "Shards",
    "Split",
    "Stream",
    "augment",
    "bucketed_order",
    "load_digits",
    "load_mnist",
    "open_array",
    "read_idx",
    "read_mnist_pickle",
    "synthetic_digits",
]

answer_arguments({"DataLoader": DataLoader, "Prefetch": Prefetch, "Shards": Shards, "Stream": Stream})
