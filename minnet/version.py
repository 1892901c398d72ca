"""The version is one string, kept where the lowest module can read it: it is written into every file of weights."""

__version__ = "0.1.0"
