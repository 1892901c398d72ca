"""Data: the real MNIST, synthetic digits where there is none, and the loader that cuts either into batches."""

from typing import TYPE_CHECKING

from minnet.lazy import later

if TYPE_CHECKING:
    from minnet.data import augment
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
    "augment",
    "load_digits",
    "load_mnist",
    "read_idx",
    "read_mnist_pickle",
    "synthetic_digits",
]

# Who only trains does not wait for what reads files and draws digits.
__getattr__ = later(
    __name__,
    {
        "augment": (),
        "digits": ("load_digits",),
        "idx": ("read_idx",),
        "loader": ("DataLoader",),
        "mnist": ("Mnist", "Split", "load_mnist"),
        "pickles": ("read_mnist_pickle",),
        "synthetic": ("synthetic_digits",),
    },
)
