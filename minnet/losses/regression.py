"""A regression loss measures how far predicted quantities are from the targets.

All of them take the difference d = prediction − target, number by number. `MSELoss` is the mean of d²,
`L1Loss` of |d|, which weighs outliers less, and `HuberLoss` and `SmoothL1Loss` are like the first near 0
and like the second far away. Prediction and target have the same shape, any.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_number
from minnet.losses.base import Loss


class MSELoss(Loss):
    """L = mean of (prediction − target)², over all numbers of the batch.

    Backward: dL/d prediction = 2 (prediction − target) / (how many numbers there are).

    Parameters
    ----------
    reduction
        "mean", "sum" or "none": see `Loss`.

    Raises
    ------
    ValueError
        In `forward`, if the shapes differ: a (N,) target against a (N, 1) prediction would otherwise
        be compared each with each. If there is NaN.
    TypeError
        In `forward`, if the target is not numeric.
    """

    @checked
    def forward(self, prediction: Array, target: ArrayLike) -> Any:
        """Return the mean square error of prediction and target, of the same shape (any)."""
        difference = prediction - self._like(target, prediction)
        value = self._reduce(difference * difference)
        self.cache = difference
        return value

    def backward(self, dy: Any = None) -> Array:
        """Return dL/d prediction, of its shape."""
        difference: Array = self.cache
        share = self._share(dy, difference.shape, difference.dtype)  # 1/M
        return difference * (2 * share)


class L1Loss(Loss):
    """L = mean of |prediction − target|, over all numbers of the batch.

    Backward: |d| has the slope sign(d), so dL/d prediction = sign(d) / (how many numbers there are).
    At d = 0, where there is no derivative, 0.

    Parameters
    ----------
    reduction
        "mean", "sum" or "none": see `Loss`.

    Raises
    ------
    ValueError, TypeError
        In `forward`, as for `MSELoss`.
    """

    @checked
    def forward(self, prediction: Array, target: ArrayLike) -> Any:
        """Return the mean absolute error of prediction and target, of the same shape (any)."""
        difference = prediction - self._like(target, prediction)
        value = self._reduce(np.abs(difference))
        self.cache = np.sign(difference)
        return value

    def backward(self, dy: Any = None) -> Array:
        """Return dL/d prediction, of its shape."""
        sign: Array = self.cache
        return sign * self._share(dy, sign.shape, sign.dtype)


class HuberLoss(Loss):
    """L = mean of d²/2 where |d| <= δ, and of δ (|d| − δ/2) where it is more; d = prediction − target.

    Backward: the slope is d where |d| <= δ, and ±δ beyond: d cut off at ±δ. No outlier pulls harder
    than that. With c = min(|d|, δ) both pieces are c · (|d| − c/2).

    P. Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35, 1964.

    Parameters
    ----------
    delta
        δ > 0: where the square ends.
    reduction
        "mean", "sum" or "none": see `Loss`.

    Raises
    ------
    ValueError, TypeError
        If delta is not above 0; in `forward`, as for `MSELoss`.

    Examples
    --------
    >>> loss = HuberLoss(delta=1.0)
    >>> loss.forward(np.array([0.5, 3.0]), [0, 0])  # the mean of 0.125 and 2.5
    1.3125
    >>> loss.backward()
    array([0.25, 0.5 ])
    """

    def __init__(self, delta: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.delta = check_number("HuberLoss", "delta", delta, above=0, why="it would be 0 everywhere; use L1Loss")

    @checked
    def forward(self, prediction: Array, target: ArrayLike) -> Any:
        """Return the mean loss of prediction and target, of the same shape (any)."""
        difference = prediction - self._like(target, prediction)
        far = np.abs(difference)
        near = np.minimum(far, self.delta)
        value = self._reduce(near * (far - near / 2))
        self.cache = np.clip(difference, -self.delta, self.delta)
        return value

    def backward(self, dy: Any = None) -> Array:
        """Return dL/d prediction, of its shape."""
        slope: Array = self.cache
        return slope * self._share(dy, slope.shape, slope.dtype)


class SmoothL1Loss(Loss):
    """L = mean of d²/(2β) where |d| < β, and of |d| − β/2 where it is more; d = prediction − target.

    Backward: the slope is d/β, cut off at ±1. This is `HuberLoss` with δ = β, divided by β: far from 0
    it is `L1Loss` for any β, and for β = 0 everywhere.

    R. Girshick, "Fast R-CNN", ICCV 2015, section 2.3.

    Parameters
    ----------
    beta
        β >= 0: where the square ends.
    reduction
        "mean", "sum" or "none": see `Loss`.

    Raises
    ------
    ValueError, TypeError
        If beta is below 0; in `forward`, as for `MSELoss`.
    """

    def __init__(self, beta: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.beta = check_number(type(self).__name__, "beta", beta, 0)

    @checked
    def forward(self, prediction: Array, target: ArrayLike) -> Any:
        """Return the mean loss of prediction and target, of the same shape (any)."""
        difference = prediction - self._like(target, prediction)
        beta = difference.dtype.type(self.beta)  # which may be 0 in float32, though it is not in float64
        near = np.clip(difference, -beta, beta)
        slope = near / beta if beta > 0 else np.sign(difference)
        value = self._reduce(slope * (difference - near / 2))
        self.cache = slope
        return value

    def backward(self, dy: Any = None) -> Array:
        """Return dL/d prediction, of its shape."""
        slope: Array = self.cache
        return slope * self._share(dy, slope.shape, slope.dtype)
