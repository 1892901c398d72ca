"""A line search finds how far to go in a direction: until the loss has fallen enough, and its slope is flat enough."""

import math
from collections.abc import Callable
from typing import NamedTuple

from minnet.core.arrays import Array

Vector = list[Array]  # the numbers of each Parameter, (N,)

ENOUGH = 1e-4  # the share of what the first slope promises by which the loss must fall
FLAT = 0.9  # the share of the first slope that the last one may have
MARGIN = 0.1  # of a bracket: the next trial is so far from its ends


class Trial(NamedTuple):
    """The loss at x + t d, its slope along d, and its gradient."""

    t: float
    loss: float
    slope: float
    gradient: Vector


def dot(a: Vector, b: Vector) -> float:
    """Return the sum of the products of all numbers."""
    return sum(float(x.dot(y)) for x, y in zip(a, b, strict=True))


def strong_wolfe(evaluate: Callable[[float], Trial], start: Trial, t: float, most: int, narrow: float) -> Trial:
    """Return a trial that fulfils the strong Wolfe conditions, or the best that was found.

    They are L(t) <= L(0) + 10⁻⁴ t L′(0), so that the loss falls enough, and abs(L′(t)) <= 0.9 abs(L′(0)), so that t is
    not too short. First t grows until there is a minimum between two trials, then these close in on it. The next t is
    the minimum of the cubic through two trials' losses and slopes.

    J. Nocedal and S. J. Wright, "Numerical optimization", 2nd edition 2006, algorithms 3.5 and 3.6. The constants, and
    the steps where the cubic is of no use, are those of PyTorch's `LBFGS` and of M. Schmidt's minFunc, 2005.

    Parameters
    ----------
    evaluate
        Makes the trial at t. Where there is no finite loss, its loss is infinite, and its slope NaN.
    start
        The trial at 0; its slope is negative.
    t
        The first length to try.
    most
        How many trials may follow the first.
    narrow
        A bracket of this width is not made smaller.
    """
    before, trial = start, evaluate(t)
    for trials in range(most):
        if not _falls_enough(trial, start) or (trials > 1 and trial.loss >= before.loss):
            return _zoom(evaluate, start, before, trial, most - trials, narrow)
        if _is_flat(trial, start):
            return trial
        if trial.slope >= 0:
            return _zoom(evaluate, start, before, trial, most - trials, narrow)
        farther = _minimum(before, trial, trial.t + 0.01 * (trial.t - before.t), trial.t * 10)
        before, trial = trial, evaluate(farther)
    return min(start, trial, key=_loss)


def _zoom(
    evaluate: Callable[[float], Trial], start: Trial, one: Trial, other: Trial, most: int, narrow: float
) -> Trial:
    """Close in on a minimum between two trials, in at most so many more of them."""
    best, worst = sorted((one, other), key=_loss)
    close = False  # whether the last trial was close to an end of the bracket
    for _ in range(most):
        low, high = sorted((best.t, worst.t))
        if high - low <= narrow:
            break
        t, margin, was_close = _minimum(best, worst, low, high), MARGIN * (high - low), close
        close = min(high - t, t - low) < margin
        if close and (was_close or t >= high or t <= low):
            t, close = (high - margin if high - t < t - low else low + margin), False
        trial = evaluate(t)
        if not _falls_enough(trial, start) or trial.loss >= best.loss:
            best, worst = sorted((best, trial), key=_loss)
            continue
        if _is_flat(trial, start):
            return trial
        if trial.slope * (worst.t - best.t) >= 0:  # the minimum is on the side of the best
            worst = best
        best = trial
    return best


def _minimum(one: Trial, other: Trial, least: float, most: float) -> float:
    """Return where the cubic through two trials has its minimum, but within bounds; their middle, if it has none."""
    a, b = (one, other) if one.t <= other.t else (other, one)
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if not 0 <= square < math.inf:  # NaN, too, where a trial has no finite loss
        return (least + most) / 2
    d2 = math.sqrt(square)
    bottom = b.slope - a.slope + 2 * d2
    if not bottom:
        return (least + most) / 2
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / bottom), least), most)


def _falls_enough(trial: Trial, start: Trial) -> bool:
    return trial.loss <= start.loss + ENOUGH * trial.t * start.slope


def _is_flat(trial: Trial, start: Trial) -> bool:
    return abs(trial.slope) <= -FLAT * start.slope


def _loss(trial: Trial) -> float:
    return trial.loss
