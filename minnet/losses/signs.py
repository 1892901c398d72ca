"""Targets that say yes or no as 1 and −1."""

import numpy as np

from minnet.core.arrays import Array
from minnet.losses.base import Loss


def check_signs(loss: Loss, t: Array, cure: str) -> Array:
    """Return targets that are −1 or 1; a ValueError, if one is something else. `cure` is for other labels."""
    if not (np.abs(t) == 1).all():
        if ((t == 0) | (t == 1)).all():
            cure = "labels 0 and 1? pass 2 * y - 1"
        wrong = t[np.abs(t) != 1][0]
        raise ValueError(f"{type(loss).__name__} expected labels that are -1 or 1, got {wrong:g}: {cure}")
    return t
