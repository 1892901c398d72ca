"""Twins of activations: one pass over memory, where NumPy makes one for each operation."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.compiled.flat import flat, is_dense
from minnet.compiled.numba_code import compiled
from minnet.core.arrays import Array
from minnet.layers.activations.classic import ReLU

LEAST = 2048  # numbers, below which NumPy's calls are as fast
formulas: Any = {name: getattr(ReLU, name).formula for name in ("forward", "backward")}


@compiled
def relu(x: Array, y: Array, positive: NDArray[np.bool_]) -> None:
    """See `ReLU.forward`."""
    zero = x.dtype.type(0)
    for i in range(len(x)):
        y[i] = zero if x[i] <= zero else x[i]  # NaN stays NaN
        positive[i] = y[i] > zero


def relu_forward(self: ReLU, x: Array) -> Array:
    """See `ReLU.forward`."""
    if x.size < LEAST or not is_dense(x):
        result: Array = formulas["forward"](self, x)
        return result
    y, positive = np.empty_like(x), np.empty_like(x, bool)
    relu(flat(x), flat(y), flat(positive))
    self.cache = positive
    return y


TWINS = {formulas["forward"]: relu_forward}
