"""A flat view shows all numbers of an array along one axis, in the order in which they lie in memory."""

import math
from typing import Any

from numpy.typing import NDArray


def is_dense(x: NDArray[Any]) -> bool:
    """Whether the numbers of an array lie side by side, in any order of its axes."""
    return x.flags.forc or in_order(x).flags.c_contiguous


def flat(x: NDArray[Any]) -> NDArray[Any]:
    """Return a dense array as one axis, without a copy."""
    return x.ravel("K") if x.flags.forc else in_order(x).reshape(-1)


def in_order(x: NDArray[Any]) -> NDArray[Any]:
    """Return an array with its axes in the order of its memory: images (N, C, H, W) are views of (C, H, W, N)."""
    return x.transpose(sorted(range(x.ndim), key=lambda i: -x.strides[i]))


def image_rows(x: NDArray[Any]) -> NDArray[Any]:
    """View images (C, H, W, N) as (C, H, W·N), and signals (C, L, N) as (C, 1, L·N)."""
    return x.reshape(len(x), math.prod(x.shape[1:-2]), x.shape[-2] * x.shape[-1])
