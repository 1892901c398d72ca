"""An array is what flows through a network: float32 or float64, checked where it enters a layer."""

import math
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]

FEW_CLASSES, ROWS = 32, 1024

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


class Described(Protocol):
    """Whatever an error message can name: every layer, loss and container."""

    def describe(self) -> str:
        """Say in one line what this is, such as ``Linear(784, 10)``."""


def class_major(x: Array) -> Array:
    """Return x, its numbers in memory class by class if it is many rows (N, C) of few classes.

    Then a sum or a maximum over the classes adds up long arrays, and not many short rows: NumPy takes a
    third of the time, for 1,000 rows of 10, and what is computed from x keeps the order.
    """
    if x.ndim == 2 and x.shape[1] <= FEW_CLASSES and len(x) > 1:  # beyond, the copy costs as much as it saves
        return np.asfortranarray(x)
    return x


def all_finite(x: Array) -> bool:
    """Whether there is neither NaN nor an infinite number in x."""
    if x.size <= 8:  # for so few, Python is faster than NumPy
        return all(map(math.isfinite, x.ravel().tolist()))
    return bool(np.isfinite(x).all())


def not_finite(x: Array) -> str:
    """Say how many numbers of x are not finite, such as ``2 NaN and 1 infinite of 12 numbers``."""
    nans, infinities = int(np.isnan(x).sum()), int(np.isinf(x).sum())
    parts = [f"{count:,} {name}" for count, name in ((nans, "NaN"), (infinities, "infinite")) if count]
    return f"{' and '.join(parts)} of {x.size:,} numbers"


def row_sums(x: Array) -> Array:
    """Return the sum of each row of x (..., C), as (..., 1).

    For rows (N, C), or one row (C,), of few classes, it is a product with ones: a sum along the short axis takes NumPy
    three times as long.
    """
    few = x.ndim <= 2 and x.shape[-1] <= FEW_CLASSES
    sums: Array = x.dot(_ones(x.shape[-1], x.dtype.char)) if few else x.sum(axis=-1, keepdims=True)
    return sums


def column_sums(x: Array, out: Array | None = None) -> Array:
    """Return the sum of each column of x (N, C), as (C,); in `out`, if it is given.

    It is a product with ones, some rows at a time, and the sum of those: a half to a fifth of the time that NumPy takes
    to add row to row, and the rounding errors of many thousand rows are smaller.
    """
    ones = _ones(min(len(x), ROWS), x.dtype.char)[:, 0]
    sums: Array = ones.dot(x[:ROWS], out=out)
    for start in range(ROWS, len(x), ROWS):
        rows = x[start : start + ROWS]
        sums += ones[: len(rows)].dot(rows)
    return sums


@lru_cache(maxsize=16)
def _ones(n: int, dtype: str) -> Array:
    return np.ones((n, 1), dtype)


def add_up(x: Array) -> float:
    """Return the sum of all numbers of x, added up in float64 so that the order does not matter."""
    if x.size <= 64:  # for so few, Python is faster than NumPy
        return float(sum(x.ravel().tolist()))
    return float(x.sum(dtype=np.float64))


def cast(x: NDArray[Any], dtype: "np.dtype[Any] | None") -> Array:
    """Convert floats to the model's dtype; leave integers, which are indices, alone."""
    return x.astype(dtype, copy=False) if dtype is not None and x.dtype.kind == "f" else x


def check_size(owner: str, name: str, value: object) -> int:
    """Return a layer's size as an int.

    Raises
    ------
    TypeError, ValueError
        If it is not an integer, or below 1.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        got = type(value).__name__
        if isinstance(value, (float, np.floating, str)):
            got += f" {value!r}: pass a whole number, such as {name}=int({value!r})"
        raise TypeError(f"{owner} expected {name} to be an int, got {got}")
    if value < 1:
        raise ValueError(f"{owner} needs {name} >= 1, got {value}: it says how many there are")
    return int(value)


def check_floats(owner: Described, x: object, dtype: "np.dtype[Any] | None" = None) -> None:
    """Check that `x` is an array of floats a layer can compute with.

    Parameters
    ----------
    owner
        The layer that was given `x`; the message names it.
    x
        What the layer was given.
    dtype
        The dtype of the layer's Parameters; None for a layer that has none, which takes float32 and float64.

    Raises
    ------
    TypeError
        If `x` is not an array, or not of that dtype: nothing is cast in silence.
    ValueError
        If `x` has no axis: NumPy computes with such arrays, but gives back scalars.
    """
    if not isinstance(x, np.ndarray):
        cure = f"pass np.asarray(x, dtype=np.{dtype or 'float32'})"
        if x is None:
            cure = "has the forward before it no return?"
        raise TypeError(f"{owner.describe()} expected a NumPy array, got {type(x).__name__}: {cure}")
    if x.ndim == 0:
        raise ValueError(f"{owner.describe()} expected an array, got the single number {x}: pass x.reshape(1)")
    if dtype is None:
        if x.dtype not in FLOATS:
            raise TypeError(f"{owner.describe()} expected float32 or float64, got {x.dtype}: {_cure('float32', x)}")
    elif x.dtype != dtype:
        cure = _cure(str(dtype), x)
        if x.dtype in FLOATS:
            cure += f", or convert the model with model.astype(np.{x.dtype})"
        raise TypeError(f"{owner.describe()} computes in {dtype}, got {x.dtype}: {cure}")


def _cure(dtype: str, x: NDArray[Any]) -> str:
    """Say how integers, or floats of another dtype, become floats."""
    if x.dtype == np.uint8:
        return f"pass x.astype(np.{dtype}) / 255, or leave it to a DataLoader (leave out scale=None)"
    return f"pass x.astype(np.{dtype})"


def check_gradient(owner: Described, dy: object, shape: tuple[int, ...], dtype: "np.dtype[Any] | None" = None) -> None:
    """Check that `dy` can be the gradient of the loss with respect to the layer's last output.

    Raises
    ------
    TypeError, ValueError
        If `dy` is not an array of the output's dtype (None: float32 or float64) and shape.
    """
    if not isinstance(dy, np.ndarray) or dy.dtype not in ((dtype,) if dtype else FLOATS):
        got = dy.dtype if isinstance(dy, np.ndarray) else type(dy).__name__
        cure = "the backward of the loss, or of the layer after it, returned another dtype"
        if dy is None:
            cure = "has the backward of the loss, or of the layer after it, no return?"
        elif isinstance(dy, float):
            cure = "that is the loss itself? Pass its gradient, model.backward(loss.backward())"
        raise TypeError(
            f"{owner.describe()}.backward expected {dtype or 'float32 or float64'}, the dtype of its output, "
            f"got {got}: {cure}"
        )
    if dy.shape != shape:
        raise ValueError(
            f"{owner.describe()}.backward expected dy of the output's shape {shape}, got {dy.shape}: "
            "the backward of the loss, or of the layer after it, returned a wrong shape"
        )


def check_scores(owner: Described, x: Array, cure: str) -> None:
    """Check that `x`, of shape (..., C), holds scores, and not probabilities that a Softmax has already made.

    The rows of a softmax are positive and sum to 1; scores do that by chance only. One row of a few
    scores may, once in many million steps, and is given the benefit of the doubt.

    Raises
    ------
    ValueError
        If there is no class axis, or if every row is a probability distribution; `cure` says what to do.
    """
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError(f"{owner.describe()} expected shape (..., classes), got {x.shape}: there is no class axis")
    classes = x.shape[-1]
    if (x.size < 2 * classes and classes < 7) or classes == 1 or x.size == 0:
        return
    # The cheap question first, of two numbers: it settles nearly every batch of scores.
    if not (0 < x.item(0) <= 1 and 0 < x.item(-1) <= 1):
        return
    if x.min() > 0 and np.abs(x.sum(axis=-1) - 1).max() <= 2e-6:
        raise ValueError(
            f"{owner.describe()} expected scores, got probabilities (every row is positive and sums to 1): {cure}"
        )
