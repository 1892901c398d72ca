"""Metrics of quantities: how far predictions are from their targets, and how much of the targets' spread they explain.

A sample may have several outputs, (N, ...): each is measured by itself, and the metric is the mean over outputs, as in
scikit-learn.
"""

from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.arrays import Array
from minnet.core.weights import Weights, sample_weights
from minnet.metrics.base import Metric
from minnet.metrics.predictions import as_numbers, check_finite

Sums = NDArray[np.float64]


class Regression(Metric):
    """The base of metrics that compare a prediction (N, ...) with a target of the same shape, in float64.

    Raises
    ------
    TypeError, ValueError
        In `update`, if they are not numbers or differ in shape, or if a sample has other outputs than those before. In
        `compute`, if there is no sample.
    NonFiniteError
        If there is NaN or infinity in one of them.
    """

    better: Literal["min", "max"] | None = "min"

    def reset(self) -> None:
        """Forget all samples."""
        self.samples, self.weight = 0, 0.0
        self.sums: Sums | None = None

    def __init__(self) -> None:
        self.reset()

    def update(self, prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add the samples of a batch."""
        owner = type(self).__name__
        p, t = as_numbers(owner, "prediction", prediction), as_numbers(owner, "target", target)
        if p.shape != t.shape:
            cure = f": reshape the target, y.reshape{p.shape}" if p.size == t.size else ""
            raise ValueError(f"{owner} expected prediction and target of one shape, got {p.shape} and {t.shape}{cure}")
        if not p.ndim:
            raise ValueError(f"{owner} expected samples along the first axis, got the shape ()")
        for name, array in (("prediction", p), ("target", t)):
            check_finite(owner, name, array)
        v = None if sample_weight is None else sample_weights(owner, sample_weight, p.shape[:1])
        if len(p):
            self._add(p.reshape(len(p), -1).astype(np.float64), t.reshape(len(p), -1).astype(np.float64), v)

    def _add(self, prediction: Array, target: Array, v: Weights | None) -> None:
        """Add the errors of samples (N, outputs) with the weights v (N,), if they have any."""
        errors = self._errors(prediction - target)
        weight = len(prediction) if v is None else float(v.sum())
        self._add_sums(errors.sum(axis=0) if v is None else v @ errors, len(prediction), weight)

    def _add_sums(self, errors: Sums, samples: int, weight: float) -> None:
        """Add the sums (outputs,) of the errors of samples."""
        if self.sums is not None and self.sums.shape != errors.shape:
            raise ValueError(
                f"{type(self).__name__} expected {self.sums.size} numbers a sample, as before, got {errors.size}"
            )
        self.sums = errors if self.sums is None else self.sums + errors
        self.samples += samples
        self.weight += weight

    def merge(self, other: Self) -> None:
        """Add the samples of another metric with the same options."""
        self.check_merges(other)
        if other.sums is not None:
            self._add_sums(other.sums, other.samples, other.weight)

    def _errors(self, difference: Array) -> Array:
        """Return the error of each number."""
        return difference * difference

    def _means(self) -> Sums:
        """Return the mean error of each output."""
        weight = self._some(self.weight)
        assert self.sums is not None
        return self.sums / weight


class MAE(Regression):
    """The mean absolute error, (1/N) Σ_n |p_n − t_n|.

    Prediction and target have the same shape (N, ...): see `minnet.metrics.regression.Regression` for the errors.

    Examples
    --------
    >>> MAE()(np.array([1.0, 4.0]), [2.0, 2.0])
    1.5
    """

    def _errors(self, difference: Array) -> Array:
        errors: Array = np.abs(difference)
        return errors

    def compute(self) -> float:
        """Return the mean over samples and outputs."""
        return float(self._means().mean())


class RMSE(Regression):
    """The root of the mean squared error, √((1/N) Σ_n (p_n − t_n)²), of each output, and the mean over outputs.

    Prediction and target have the same shape (N, ...): see `minnet.metrics.regression.Regression` for the errors.

    Examples
    --------
    >>> RMSE()(np.array([1.0, 4.0]), [2.0, 2.0])
    1.5811388300841898
    """

    def compute(self) -> float:
        """Return the mean over outputs."""
        return float(np.sqrt(self._means()).mean())


class R2(Regression):
    """The coefficient of determination, 1 − Σ_n (p_n − t_n)² / Σ_n (t_n − t̄)², of each output, and the mean over them.

    It is 1 for a perfect prediction, and 0 for one that always says the mean t̄. An output whose targets are all equal
    counts as 1 if the prediction is exact, and else as 0, as in scikit-learn. A single sample is a ValueError.

    Prediction and target have the same shape (N, ...): see `minnet.metrics.regression.Regression` for the errors.

    Examples
    --------
    >>> R2()(np.array([1.0, 2.0, 4.0]), [1.0, 2.0, 3.0])
    0.5
    """

    better = "max"

    def reset(self) -> None:
        """Forget all samples."""
        super().reset()
        self.first: Sums | None = None  # the first target; less it, the two below are means and Σ (t − t̄)²
        self.means, self.squares = np.zeros(0), np.zeros(0)

    def _add(self, prediction: Array, target: Array, v: Weights | None) -> None:
        before = self.weight
        super()._add(prediction, target, v)
        weight = self.weight - before
        if not weight:
            return
        target = target - self._reference(target[0 if v is None else np.flatnonzero(v)[0]])
        means = target.mean(axis=0) if v is None else v @ target / weight
        squares = (target - means) ** 2
        self._add_spread(means, squares.sum(axis=0) if v is None else v @ squares, before, weight)

    def _reference(self, target: Sums) -> Sums:
        """Return the first target: this one, if there was none."""
        if self.first is None:
            self.first, self.means, self.squares = target, np.zeros(target.shape), np.zeros(target.shape)
        return self.first

    def _add_spread(self, means: Sums, squares: Sums, before: float, weight: float) -> None:
        """Add samples of some weight, with their t̄ and Σ (t − t̄)², to those of the weight `before`.

        There is no difference of large numbers; and less the first target, equal targets are exactly 0.
        """
        step = means - self.means
        self.squares += squares
        self.squares += step * step * (before * weight / self.weight)
        self.means += step * (weight / self.weight)

    def merge(self, other: Self) -> None:
        """Add the samples of another metric with the same options."""
        before = self.weight
        super().merge(other)
        if other.first is not None:
            shift = other.first - self._reference(other.first)
            self._add_spread(other.means + shift, other.squares, before, other.weight)

    def compute(self) -> float:
        """Return the mean over outputs."""
        self._some(self.weight)
        if self.samples == 1:
            raise ValueError("R2 is not defined for a single sample: evaluate on more")
        assert self.sums is not None
        spread = self.squares != 0
        unexplained = np.divide(self.sums, self.squares, out=(self.sums > 0) * 1.0, where=spread)
        return float((1 - unexplained).mean())
