"""A sequence is an array (..., T, D): T places, each with a vector of D numbers; a mask says which places are used."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.checks import Described, check_floats

Mask = NDArray[np.bool_]


def check_sequence(owner: Described, x: Array, embed_dim: int, dtype: "np.dtype[Any] | None" = None) -> None:
    """Check that `x` is an array (..., T, D) of floats, of that dtype if there is one."""
    check_floats(owner, x, dtype)
    if x.ndim < 2 or x.shape[-1] != embed_dim:
        raise ValueError(
            f"{owner.describe()} expected shape (N, T, {embed_dim}), got {x.shape}: the last axis is the vector of one "
            "place, the one before it the sequence"
        )


def check_context(
    owner: Described, name: str, context: Array, embed_dim: int, x: Array, dtype: "np.dtype[Any] | None" = None
) -> None:
    """Check that a context, which the places of `x` attend to, is sequences (..., S, D) of as many samples as x."""
    check_sequence(owner, context, embed_dim, dtype)
    if context.shape[:-2] != x.shape[:-2]:
        raise ValueError(
            f"{owner.describe()} expected x and {name} of one batch size, got {x.shape} and {context.shape}"
        )


def check_mask(
    owner: Described,
    mask: Any,
    shape: tuple[int, ...],
    meaning: str = "True where a place may be attended to",
    cure: str = "pass indices != padding_idx, or mask.astype(bool)",
) -> None:
    """Check that `mask` is None, or an array of booleans of that shape."""
    if mask is None:
        return
    if not isinstance(mask, np.ndarray) or mask.dtype != bool:
        got = mask.dtype if isinstance(mask, np.ndarray) else type(mask).__name__
        raise TypeError(f"{owner.describe()} expected a mask of booleans, {meaning}, got {got}: {cure}")
    if mask.shape != shape:
        raise ValueError(f"{owner.describe()} expected a mask of shape {shape}, {meaning}, got {mask.shape}: {cure}")
