"""Checks look at what a user passes, and raise an error that says what is wrong and what to do."""

import math
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import FLOATS, Array
from minnet.core.buffer import LayerArray
from minnet.core.masks import refuse_mask

T = TypeVar("T")


class Described(Protocol):
    """What an error message can name: a layer, loss or container."""

    def describe(self) -> str:
        """Say in one line what this is, such as ``Linear(784, 10)``."""


def check_int(
    owner: str, name: str, value: object, least: int | None = 1, why: str = "it says how many there are"
) -> int:
    """Return an argument as an int; raise TypeError if it is none, and ValueError if it is below `least`.

    The message names the owner: the class or function that was given the argument. `why` says what the argument means,
    or what to pass instead.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        got = type(value).__name__
        if isinstance(value, (float, np.floating, str)):
            number = f", such as {name}=int({value!r})" if _is_finite(value) else f"{why and ': '}{why}"
            got += f" {value!r}: pass a whole number{number}"
        raise TypeError(f"{owner} expected {name} to be an int, got {got}")
    if least is not None and value < least:
        raise ValueError(f"{owner} needs {name} >= {least}, got {value}{why and ': '}{why}")
    return int(value)


def _is_finite(value: Any) -> bool:
    """Whether a number, or a text of one, is finite."""
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def check_number(
    owner: str,
    name: str,
    value: object,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    above: float = -math.inf,
    below: float = math.inf,
    why: str = "",
) -> float:
    """Return an argument as a float, because a NumPy number would turn float32 arrays into float64.

    It is finite, and lies between `low` and `high`, which are allowed, or between `above` and `below`, which are not.
    Otherwise there is a TypeError or ValueError, as of `check_int`.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        got = type(value).__name__
        if isinstance(value, str):
            got += f" {value!r}" + (f": pass {name}=float({value!r})" if _is_finite(value) else "")
        raise TypeError(f"{owner} expected {name} to be a number, got {got}")
    if not (math.isfinite(value) and low <= value <= high and above < value < below):
        least = f"{low:g} <= " if low > -math.inf else f"{above:g} < " if above > -math.inf else ""
        most = f" <= {high:g}" if high < math.inf else f" < {below:g}" if below < math.inf else ""
        if least and not most:
            finite = "" if math.isfinite(value) else "a finite "
            needed = f"{finite}{name} >{'=' * (low > -math.inf)} {max(low, above):g}"
        else:
            needed = f"{least}{name}{most}" if most else f"a finite {name}"
        if 1 in (high, below) and 1 < value <= 100:
            why += f"{why and ', and '}{value:g} percent are {value / 100:g}"
        raise ValueError(f"{owner} needs {needed}, got {value}{why and ': '}{why}")
    return float(value)


def check_choice(owner: str, name: str, value: T, choices: Collection[T]) -> T:
    """Return an argument; raise ValueError if it is not one of the choices."""
    if value not in choices:
        raise ValueError(f"{owner} expected {name} to be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def check_flag(owner: str, name: str, value: object) -> bool:
    """Return an argument as a bool; a TypeError if it is something else, such as the argument for another place."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(
            f"{owner} expected {name} to be True or False, got {value!r}: if another argument was meant, pass it by "
            "its name, because the order of arguments is not always PyTorch's"
        )
    return bool(value)


def check_floats(owner: Described, x: object, dtype: "np.dtype[Any] | None" = None) -> None:
    """Check that `x` is an array of floats that a layer can compute with.

    `dtype` is that of the layer's Parameters; a layer without Parameters takes float32 and float64. No array is cast
    silently. An array without an axis is a ValueError, because NumPy's functions return scalars for it.
    """
    if type(x) is not np.ndarray:
        refuse_mask(owner, "x", x)
    if not isinstance(x, np.ndarray):
        cure = f"pass np.asarray(x, dtype=np.{dtype or 'float32'})"
        if x is None:
            cure = "did the previous layer's forward return nothing?"
        elif isinstance(x, LayerArray):
            cure = "use .data, the array of its values"
        elif isinstance(x, tuple | dict):
            cure = "pass one array; for a model with several inputs there is mn.Inputs"
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
        return f"pass x.astype(np.{dtype}) / 256, or leave it to a DataLoader (leave out scale=None)"
    return f"pass x.astype(np.{dtype})"


def check_gradient(owner: Described, dy: object, shape: tuple[int, ...], dtype: "np.dtype[Any] | None" = None) -> None:
    """Check that `dy` is an array of the dtype (None: float32 or float64) and shape of the layer's last output."""
    if type(dy) is not np.ndarray:
        refuse_mask(owner, "dy", dy)
    if not isinstance(dy, np.ndarray) or dy.dtype not in ((dtype,) if dtype else FLOATS):
        got = str(dy.dtype) if isinstance(dy, np.ndarray) else type(dy).__name__
        if isinstance(dy, np.generic):
            got = f"a single {got}, which is no array"
        cure = "the backward of the loss, or of the next layer, returned another dtype"
        if dy is None:
            cure = "did the backward of the loss, or of the next layer, return nothing?"
        elif isinstance(dy, float):
            cure = "is this the loss itself? Pass its gradient, model.backward(loss.backward())"
        raise TypeError(
            f"{owner.describe()}.backward expected {dtype or 'float32 or float64'}, the dtype of its output, "
            f"got {got}: {cure}"
        )
    if dy.shape != shape:
        raise ValueError(
            f"{owner.describe()}.backward expected dy of the output's shape {shape}, got {dy.shape}: "
            "the backward of the loss, or of the next layer, returned a wrong shape"
        )


def check_scores(owner: Described, x: Array, cure: str) -> None:
    """Check that `x`, of shape (..., C), holds scores, and not the probabilities that a Softmax returned.

    The rows of a softmax are positive and sum to 1. A batch of scores does not do that by chance. A single row of fewer
    than seven scores can, so it is not checked. Nor are copies of one row of two: in a dead network, where only biases
    are left, two sigmoids return σ(b) and σ(−b), such as (1/2, 1/2). `cure` is the end of the message.
    """
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError(f"{owner.describe()} expected shape (..., classes), got {x.shape}: there is no class axis")
    classes = x.shape[-1]
    if (x.size < 2 * classes and classes < 7) or classes == 1 or x.size == 0:
        return
    # Two numbers first: they are enough to recognise nearly every batch of scores.
    if not (0 < x.item(0) <= 1 and 0 < x.item(-1) <= 1):
        return
    if classes == 2 and (x == x.reshape(-1, 2)[0]).all():
        return
    if x.min() > 0 and np.abs(x.sum(axis=-1) - 1).max() <= 2e-6:
        raise ValueError(
            f"{owner.describe()} expected scores, got probabilities (every row is positive and sums to 1): {cure}"
        )


def named(value: object) -> str:
    """Say what something is: ``a list of 2``, ``an array of shape (3,)``, ``the class ReLU``."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    kind = type(value).__name__
    article = "an" if kind[0] in "aeioAEIO" else "a"  # a ufunc
    return f"{article} {kind}" + (f" of {len(value)}" if isinstance(value, tuple | list) else "")


def check_path(owner: str, name: str, value: object) -> Path:
    """Return a path argument as a Path; a TypeError, if it is none."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{owner} expected {name} to be a path, got {named(value)}: pass one, such as 'runs/first'")
    return Path(value)


def replaced(owner: object) -> str:
    """Return the name of a method that was replaced on this one object, or an empty string."""
    return next((name for name in vars(owner) if callable(getattr(type(owner), name, None))), "")


def first_of(items: Any, most: int = 6) -> str:
    """Join the items of a list or an array (N,) for a message: the first few, and how many there are if not all."""
    return ", ".join(map(str, items[:most])) + (f", … ({len(items)} in all)" if len(items) > most else "")
