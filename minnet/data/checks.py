"""Checks of data look once at the numbers that a user passes, when a DataLoader is made."""

import math
from typing import Any

import numpy as np

from minnet.core.console import warn
from minnet.core.stored import Stored
from minnet.core.trees import named_leaves
from minnet.data.collate import check_samples
from minnet.errors import DataWarning

SAMPLE = 100  # rows that are looked at to tell pixels from other numbers


def check_pair(owner: str, X: Any, y: Any, transformed: bool) -> None:
    """Look at every number of a data set: refuse NaN and infinity, and warn of what looks like a mistake.

    The numbers of an X that is `transformed` are not looked at: a transform may fill its gaps and scale it.
    """
    if isinstance(X, np.ndarray | Stored) and isinstance(y, np.ndarray | Stored):
        warn_of_swapped(owner, X, y)
    cure = "; check=False lets them through"
    for name, samples in named_leaves("y", y):
        check_samples(owner, name, samples, cure)
    if not transformed:
        for name, samples in named_leaves("X", X):
            check_samples(owner, name, samples, cure)
            if isinstance(samples, np.ndarray | Stored):
                warn_of_pixels(owner, name, samples)


def warn_of_pixels(owner: str, name: str, array: Any) -> None:
    """Warn of floats that look like pixels of 0 to 255, with which learning is slow or diverges.

    Floats look like pixels if samples have at least 64 numbers, and those of the first 100 samples are whole, at least
    0, and at most some number from 128 to 255.
    """
    if array.dtype.kind != "f" or math.prod(array.shape[1:]) < 64:
        return
    some = array[:SAMPLE]
    if some.max() < 128 or some.max() > 255 or some.min() < 0 or (some != np.rint(some)).any():
        return
    warn(
        f"{owner} expected numbers of about 1 in {name}, got whole numbers from {some.min():g} to {some.max():g}, "
        f"which look like pixels; a model learns from those slowly, or diverges: pass {name} / 256, or "
        f"{name}.astype(np.uint8), a quarter of the memory, which the loader scales (check=False if it is right)",
        DataWarning,
    )


def warn_of_swapped(owner: str, X: Any, y: Any) -> None:
    """Warn of an X that looks like labels with a y that looks like samples."""
    if X.ndim == 1 and X.dtype.kind in "iu" and y.ndim > 1 and (y.dtype.kind == "f" or y.dtype == np.uint8):
        warn(
            f"{owner} expected X to be the samples and y the targets, got X of shape {X.shape}, {X.dtype}, and y of "
            f"shape {y.shape}, {y.dtype}: are they swapped? Pass {owner}(X, y) (check=False if not)",
            DataWarning,
        )
