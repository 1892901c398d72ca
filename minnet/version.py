"""The version of minnet, which is also written into every file of weights."""

__version__ = "0.1.0"
