"""A run is layers, one after another in a `Sequential`, that a `Predictor` does together.

Each kind of run has a function that finds it. A run has a `length`, a method `call_for`, which returns what to call for
arrays of one shape, or None where the layers are as fast by themselves, and `warm`, which has its code compiled.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checked import bare
from minnet.core.layer import Layer

Shape = tuple[int, ...]
Call = Callable[[Array], Array]
FEW = 450_000  # multiplications, beyond which NumPy's products take less time than loops, for two threads of AVX-512


class Run(Protocol):
    """Layers that are done together; it has its own copy of their weights."""

    length: int

    def call_for(self, x: Shape, y: Shape, dtype: "np.dtype[Any]") -> Call | None:
        """Return what maps an array of that shape and dtype to y; None, if the layers themselves are as fast."""

    def warm(self) -> None:
        """Have the code compiled, or the first prediction would wait for it."""


def is_plain(layer: Layer, kinds: tuple[type[Layer], ...]) -> bool:
    """Whether a layer is of one of these classes, and no subclass, with the `forward` that the class came with."""
    return type(layer) in kinds and bare(layer, "forward") is not None


def dtype_of(layers: Sequence[Layer]) -> "np.dtype[Any] | None":
    """Return the dtype of all Parameters and Buffers of floats; None if they have several, or there is none."""
    found = {array.data.dtype for layer in layers for _, array in layer.named_arrays() if array.data.dtype.kind == "f"}
    return found.pop() if len(found) == 1 else None


def ready(x: Array, shape: Shape) -> Array:
    """Return x in another shape, and contiguous and writeable: for other arrays, Numba would compile once more."""
    return (x if x.flags.carray else x.copy()).reshape(shape)


def rows_of(shape: Shape) -> int:
    """Return how many vectors an array of that shape holds, along its last axis."""
    return math.prod(shape[:-1])
