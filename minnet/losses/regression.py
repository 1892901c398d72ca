"""A regression loss measures how far predicted quantities are from the targets.

All of them take the difference d = prediction − target, number by number. `MSELoss` is the mean of d², `L1Loss` of |d|,
which weighs outliers less, and `HuberLoss` and `SmoothL1Loss` are like the first near 0 and like the second far away.
Prediction and target have the same shape, any.
"""

from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checks import check_number
from minnet.losses.elementwise import ElementwiseLoss


class MSELoss(ElementwiseLoss):
    """L = mean of (prediction − target)², over all numbers of the batch.

    Backward: dL/d prediction = 2 (prediction − target) / (how many numbers there are).

    Parameters
    ----------
    reduction
        "mean", "sum" or "none": see `Loss`, also for the errors.
    """

    def compare(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        """Return d², and d."""
        d = prediction - target
        return d * d, d

    def backward(self, dy: Any = None) -> Array:
        """Return dL/d prediction = 2d/M."""
        d, shares = self.cache
        twice: Any = 2 * self._share(dy, d.shape, d.dtype, shares)  # 2/M first, because it is one number
        return self._passed_on(d, twice) if isinstance(twice, np.ndarray) else d * twice


class L1Loss(ElementwiseLoss):
    """L = mean of |prediction − target|, over all numbers of the batch.

    Backward: |d| has the slope sign(d), so dL/d prediction = sign(d) / (how many numbers there are). At d = 0, where
    there is no derivative, 0.

    Parameters
    ----------
    reduction
        "mean", "sum" or "none": see `Loss`, also for the errors.
    """

    def compare(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        """Return |d|, and the slope sign(d)."""
        d = prediction - target
        return np.abs(d), np.sign(d)


class HuberLoss(ElementwiseLoss):
    """L = mean of d²/2 where |d| <= δ, and of δ (|d| − δ/2) where it is more; d = prediction − target.

    Backward: the slope is d where |d| <= δ, and ±δ beyond: d cut off at ±δ. No outlier pulls harder than that. With
    c = min(|d|, δ) both pieces are c · (|d| − c/2).

    P. Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35, 1964.

    Parameters
    ----------
    delta
        δ > 0: where the square ends.
    reduction
        "mean", "sum" or "none": see `Loss`, also for the errors.

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

    def compare(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        """Return c · (|d| − c/2), and the slope: d cut off at ±δ."""
        d = prediction - target
        far = np.abs(d)
        near = np.minimum(far, self.delta)
        return near * (far - near / 2), np.clip(d, -self.delta, self.delta)


class SmoothL1Loss(ElementwiseLoss):
    """L = mean of d²/(2β) where |d| < β, and of |d| − β/2 where it is more; d = prediction − target.

    Backward: the slope is d/β, cut off at ±1. This is `HuberLoss` with δ = β, divided by β: far from 0 it is `L1Loss`
    for any β, and for β = 0 everywhere.

    R. Girshick, "Fast R-CNN", ICCV 2015, section 2.3.

    Parameters
    ----------
    beta
        β >= 0: where the square ends.
    reduction
        "mean", "sum" or "none": see `Loss`, also for the errors.
    """

    def __init__(self, beta: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.beta = check_number("SmoothL1Loss", "beta", beta, 0)

    def compare(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        """Return slope · (d − c/2), where c is d cut off at ±β; and the slope, c/β."""
        d = prediction - target
        beta = d.dtype.type(self.beta)  # which may be 0 in float32, though it is not in float64
        near = np.clip(d, -beta, beta)
        slope = near / beta if beta > 0 else np.sign(d)
        return slope * (d - near / 2), slope
