"""A layout says how the numbers of a tensor of PyTorch's lie in minnet's arrays, and back: a pair of functions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]


class Layout(NamedTuple):
    """Two functions that undo each other: from minnet's arrays to one array as PyTorch has it, and back.

    Most tensors belong to one array; `number` of them belong to a packed one, such as the projections of attention.
    """

    to_torch: Callable[..., Values]
    from_torch: Callable[[Values], tuple[Values, ...]]
    number: int = 1


def _swapped(array: Values) -> Values:
    return array.swapaxes(0, 1)


def _count(array: Values) -> Values:
    return array.astype(np.int64)


def _stacked(*arrays: Values) -> Values:
    return np.concatenate([_swapped(a) if a.ndim > 1 else a for a in arrays])


def packed(number: int) -> Layout:
    """Return the layout of so many matrices or biases below each other: (in, out) is (out, in) in PyTorch."""

    def unpack(array: Values) -> tuple[Values, ...]:
        return tuple(_swapped(a) if a.ndim > 1 else a for a in np.split(array, number))

    return Layout(_stacked, unpack, number)


SAME = Layout(lambda array: array, lambda array: (array,))
# (in, out, ...) is (out, in, ...) in PyTorch: of matrices, of the kernels of convolutions, and of gates, which lie side
# by side in a recurrent layer's (in, gates · out), and below each other in PyTorch.
SWAPPED = Layout(_swapped, lambda array: (_swapped(array),))
COUNT = Layout(_count, lambda array: (array,))  # a number of batches, which is an integer in PyTorch
AS_ITS_OWNER = Layout(
    SAME.to_torch, SAME.from_torch
)  # of a tensor that is another layer's: the layout that it has there
