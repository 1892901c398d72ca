"""MNIST: readers of its files, the download, and synthetic digits."""
