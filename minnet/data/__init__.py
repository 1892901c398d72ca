"""Data: the real MNIST, synthetic digits where there is none, and the loader that cuts either into batches."""

from minnet.data.loader import DataLoader

__all__ = ["DataLoader"]
