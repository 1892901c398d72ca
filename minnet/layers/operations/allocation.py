"""What a layer may allocate whose output is as large as an input says, and not as large as the input is.

A model from a file may ask for an array of 2⁶⁰ numbers by a shape that it computes. That is a ValueError, before any
memory is taken.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from minnet.core.checks import Described

MOST = 1 << 28  # numbers: 1 GB of float32
_most: ContextVar[int] = ContextVar("_most", default=MOST)


@contextmanager
def at_most(numbers: int) -> Iterator[None]:
    """Let layers allocate arrays of so many numbers only, in this thread."""
    token = _most.set(min(numbers, MOST))
    try:
        yield
    finally:
        _most.reset(token)


def check_size(owner: Described, shape: tuple[int, ...]) -> None:
    """Raise a ValueError if an array of that shape is too large; of an empty one, the sizes that are not 0 count."""
    most = _most.get()
    if math.prod(n or 1 for n in shape) > most:  # because NumPy may make an array of the other axes on the way
        raise ValueError(f"{owner.describe()} would make an array of shape {shape}: {most:,} numbers are the most")
