"""Checks of functions that a student writes, by their properties: they need no right answer to compare with."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.arrays import Array
from minnet.grading.answers import WrongAnswer, answered, check

__all__ = ["check_gradient", "check_probabilities"]

STEP = 1e-5  # of a finite difference: curvature spoils a longer one, and rounding a shorter one
MOST = 300  # of a larger array, so many numbers are compared


def check_probabilities(function: Callable[[Array], ArrayLike], shape: tuple[int, ...] = (10,)) -> None:
    """Check a function that makes probabilities of scores: the softmax over the last axis.

    The probabilities of a sample are between 0 and 1, add up to 1, and are in the proportions of exp(score), however
    large the scores are. The function must not change the scores that it is given.

    Parameters
    ----------
    function
        The student's function: an array of scores to an array of probabilities.
    shape
        The shape of the scores to try: ``(10,)`` for one sample, ``(N, 10)`` for N samples.

    Raises
    ------
    NotAnswered, WrongAnswer
        If there is no function yet, or it lacks a property; the message says which.

    Examples
    --------
    >>> check_probabilities(lambda scores: np.exp(scores) / np.exp(scores).sum())
    Traceback (most recent call last):
        ...
    minnet.grading.answers.WrongAnswer: probabilities (10,): of scores near 1000, some are nan or infinite, because
    exp(1000) is too large for a float. What may be added to all scores of a sample, without changing a probability?
    """
    with check(f"probabilities {shape}"), np.errstate(all="ignore"):
        scores = np.random.default_rng(0).normal(scale=2, size=shape)
        for shift, near in ((0, ""), (1000, "of scores near 1000, "), (-1000, "of scores near -1000, ")):
            given = scores + shift
            probabilities = _array(function(given), shape, "the scores")
            if not np.array_equal(given, scores + shift):
                raise WrongAnswer("the function changes the scores that it is given: make a new array")
            _check_probabilities(probabilities, scores, near)


def _check_probabilities(probabilities: Array, scores: Array, near: str) -> None:
    if not np.isfinite(probabilities).all():
        cause = ""
        if near:
            sign, size = ("-", "small") if "-" in near else ("", "large")
            cause = (
                f", because exp({sign}1000) is too {size} for a float. What may be added to all scores of a sample, "
                "without changing a probability?"
            )
        raise WrongAnswer(f"{near}some are nan or infinite{cause}")
    totals = probabilities.sum(axis=-1)
    if not np.allclose(totals, 1):
        which = (
            f"those of sample 0 add up to {totals.flat[0]:.4g}" if scores.ndim > 1 else f"they add up to {totals:.4g}"
        )
        everything = "; all samples together add up to 1" if np.isclose(probabilities.sum(), 1) else ""
        raise WrongAnswer(f"{near}the probabilities of one sample must add up to 1, but {which}{everything}")
    if (probabilities < 0).any() or (probabilities > 1).any():
        raise WrongAnswer(f"{near}a probability must be between 0 and 1, but one is {_farthest(probabilities):.4g}")
    with np.errstate(divide="ignore"):
        logs = np.log(probabilities)
    if not np.allclose(np.diff(logs, axis=-1), np.diff(scores, axis=-1), atol=1e-6):
        raise WrongAnswer(
            f"{near}they add up to 1, but are not in the proportions of exp(score): if one score is larger than "
            "another by 1, its probability must be e = 2.718 times as large"
        )


def check_gradient(
    gradient: Callable[..., Any], function: Callable[..., Any], *arrays: ArrayLike, names: str = ""
) -> None:
    """Check a function that computes gradients, by finite differences of the function that they are gradients of.

    Parameters
    ----------
    gradient
        The student's function. ``gradient(*arrays)`` returns the gradient with respect to the array; of several arrays,
        a tuple with one gradient for each.
    function
        ``function(*arrays)`` returns a number. It may be the student's, too, if a check before this one passed.
    *arrays
        Where to compare. Of a large array, 300 numbers are compared, and the slope along a random direction.
    names
        What the arrays are called in messages, such as ``"W b"``.

    Raises
    ------
    NotAnswered, WrongAnswer
        If there is no gradient yet, or one is wrong; the message says which, where, and what the pattern of errors
        suggests.

    Examples
    --------
    >>> check_gradient(lambda x: x**2, lambda x: (x**3).sum(), [1.0, 2.0], names="x")
    Traceback (most recent call last):
        ...
    minnet.grading.answers.WrongAnswer: gradient with respect to x: at [1], it is 4, but the slope measured there is 12
    (2 of 2 numbers are wrong): all are 0.3333 times the slope, so is a factor missing?
    """
    floats = [np.array(array, dtype=np.float64) for array in arrays]
    called = names.split() or [f"argument {i}" for i in range(len(floats))]
    with check(f"gradient with respect to {' and '.join(called)}"):
        found = answered(gradient(*(array.copy() for array in floats)))
        parts = found if isinstance(found, tuple) else (found,)
        if len(parts) != len(floats):
            raise WrongAnswer(f"expected {len(floats)} gradients, of {' and '.join(called)}, got {len(parts)}")
        for i, part in enumerate(parts):
            owner = f"of {called[i]}, " if len(parts) > 1 else ""

            def moved(array: Array, i: int = i) -> float:
                return float(answered(function(*floats[:i], array, *floats[i + 1 :])))

            try:
                _compare(_array(part, floats[i].shape, called[i]), moved, floats[i])
            except WrongAnswer as error:
                raise type(error)(f"{owner}{error}") from None


def _compare(claimed: Array, function: Callable[[Array], float], array: Array) -> None:
    """Compare each number of a gradient with a slope; of a large one, many at random, and all together."""
    rng = np.random.default_rng(0)
    places = np.arange(array.size) if array.size <= MOST else rng.choice(array.size, MOST, replace=False)
    slopes = np.array([_slope(function, array, _one_at(place, array)) for place in places])
    values = claimed.reshape(-1)[places]
    wrong = ~_close(values, slopes)
    if wrong.any():
        worst = int(np.abs(np.where(wrong, values - slopes, 0)).argmax())
        where = ", ".join(str(i) for i in np.unravel_index(places[worst], array.shape))
        raise WrongAnswer(
            f"{f'at [{where}], ' if where else ''}it is {values[worst]:.6g}, but the slope measured there is "
            f"{slopes[worst]:.6g} ({wrong.sum()} of {wrong.size} numbers are wrong)"
            f"{_pattern(claimed, values, slopes) or _columns(array, places, wrong)}"
        )
    direction = rng.normal(size=array.shape)
    if not _close(np.sum(claimed * direction), _slope(function, array, direction)):
        raise WrongAnswer(f"it is wrong at some of its {array.size} places, though {MOST} at random are right")


def _slope(function: Callable[[Array], float], array: Array, direction: Array) -> float:
    """Return how fast the function rises as the array moves in a direction."""
    return (function(array + STEP * direction) - function(array - STEP * direction)) / (2 * STEP)


def _one_at(place: int, array: Array) -> Array:
    direction = np.zeros(array.size)
    direction[place] = 1
    return direction.reshape(array.shape)


def _close(claimed: Array | float, slopes: Array | float) -> NDArray[np.bool_]:
    return np.isclose(claimed, slopes, rtol=1e-5, atol=1e-7 * max(float(np.abs(slopes).max(initial=0)), 1e-2))


def _pattern(claimed: Array, values: Array, slopes: Array) -> str:
    """Say what the pattern of the errors suggests."""
    if not values.any():
        return ": all are 0"
    square = claimed.ndim == 2 and claimed.shape == claimed.T.shape and claimed.size == slopes.size
    if square and np.allclose(claimed.T, slopes.reshape(claimed.shape), rtol=1e-4):
        return ": rows and columns are exchanged"
    apart = np.abs(slopes) > 1e-3 * np.abs(slopes).max(initial=0)
    ratios = values[apart] / slopes[apart]
    if not ratios.size or np.ptp(ratios) > 1e-3 * abs(ratios.mean()):
        return ""
    if np.isclose(ratios.mean(), -1, rtol=1e-3):
        return ": all have the wrong sign"
    return f": all are {ratios.mean():.4g} times the slope, so is a factor missing?"


def _columns(array: Array, places: NDArray[Any], wrong: NDArray[np.bool_]) -> str:
    """Say in which columns all wrong numbers of a matrix are, if they are few."""
    if array.ndim != 2 or wrong.sum() < 2:
        return ""
    columns = sorted({int(place) % array.shape[1] for place in places[wrong]})
    if 2 * len(columns) > array.shape[1]:
        return ""
    return f": all wrong ones are in column{'s' * (len(columns) > 1)} {', '.join(map(str, columns))}"


def _array(value: Any, shape: tuple[int, ...], like: str) -> Array:
    """Return an answer as an array of floats, of the shape that was expected."""
    array = np.asarray(answered(value))
    if array.dtype.kind not in "fiub":
        raise WrongAnswer(f"expected an array of numbers, got {type(value).__name__}")
    if array.shape != shape:
        exchanged = ": its axes are exchanged" if array.shape == shape[::-1] else ""
        raise WrongAnswer(f"expected the shape {shape} of {like}, got {array.shape}{exchanged}")
    return array.astype(np.float64)


def _farthest(probabilities: Array) -> float:
    return float(probabilities.flat[np.abs(probabilities - 0.5).argmax()])
