"""Samples are what an estimator learns from: X, dense or sparse, targets, weights; and the batches of them."""

import math
from dataclasses import dataclass, replace
from numbers import Number
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_array, check_consistent_length

from minnet.core.arrays import Array
from minnet.data.loader import DataLoader
from minnet.layers import Normalize

# Of a mean, relative. Equal numbers of 10^18 (times in ns) differ from their mean by 10^3, and have the deviation 1.
ROUNDING = 1024 * np.finfo(np.float64).eps


class Rows:
    """A transform for a DataLoader of row numbers: it gathers rows of a sparse matrix, and makes them dense."""

    def __init__(self, X: Any) -> None:
        self.X = X

    def __call__(self, rows: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Return the rows (N, F)."""
        dense: NDArray[Any] = self.X[rows].toarray()
        return dense


@dataclass(frozen=True)
class Samples:
    """X (N, F), an array or a sparse matrix of rows (CSR), with targets, and weights or None."""

    X: Any
    y: NDArray[Any]
    weight: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def take(self, rows: NDArray[Any]) -> Self:
        """Return some of the samples."""
        return replace(self, X=self.X[rows], y=self.y[rows], weight=None if self.weight is None else self.weight[rows])

    def dense(self, rows: slice) -> Array:
        """Return rows of X as an array."""
        some = self.X[rows]
        dense: Array = some.toarray() if issparse(some) else some
        return dense

    def counted(self) -> Self:
        """Return the samples whose weight is not 0: a weight of 0 is the same as leaving the sample out."""
        if self.weight is None or self.weight.all():
            return self
        if not self.weight.any():
            raise ValueError("sample_weight is zero for every sample: give at least one a weight above zero")
        return self.take(np.flatnonzero(self.weight))

    def split(self, share: float, stratify: NDArray[Any] | None, seed: int) -> tuple[Self, Self]:
        """Return two parts, the second of which is a share of the samples.

        If classes are given, it is a share of each, unless one is too rare: then they are drawn regardless of classes.
        """
        if stratify is not None:
            counts = np.unique(stratify, return_counts=True)[1]
            held_out = math.ceil(share * len(self))
            if counts.min() < 2 or min(held_out, len(self) - held_out) < len(counts):
                stratify = None
        try:
            rows = train_test_split(np.arange(len(self)), test_size=share, stratify=stratify, random_state=seed)
        except ValueError as error:
            error.add_note("in the split that early_stopping=True makes: see validation_fraction")
            raise
        return self.take(rows[0]), self.take(rows[1])

    def loader(self, batch_size: int, rng: np.random.Generator | None = None) -> DataLoader:
        """Return the batches: in a random order if a Generator is given. Sparse rows become dense in their batch."""
        options: dict[str, Any] = {} if self.weight is None else {"sample_weight": self.weight}
        X = self.X
        if issparse(X):
            X, options["transform"] = np.arange(len(self)), Rows(X)
        # validate_data has looked at the numbers.
        return DataLoader(X, self.y, batch_size, shuffle=rng is not None, rng=rng, check=False, **options)

    def mean_weight(self) -> float:
        """Return what a sample counts on average."""
        return 1.0 if self.weight is None else float(self.weight.mean())


def check_sample_weight(sample_weight: Any, X: Any) -> NDArray[np.float64] | None:
    """Return weights as (N,), or None; ValueError if they are not as many numbers >= 0 as there are samples."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Number):
        sample_weight = np.full(X.shape[0], sample_weight)
    weight: NDArray[np.float64] = check_array(
        sample_weight, dtype=np.float64, ensure_2d=False, input_name="sample_weight"
    )
    if weight.ndim != 1:
        raise ValueError(f"sample_weight must be one number a sample, (N,), got an array of shape {weight.shape}")
    check_consistent_length(X, weight)
    if weight.min() < 0:
        raise ValueError(f"sample_weight must be >= 0, got {weight.min():g}")
    return weight


class Standard:
    """The means and deviations (F,) of columns, and the layer of a model that uses them; more samples may change both.

    The layer is (x − μ) / σ, or with `inverse` what undoes it: x σ + μ = (x − (−μ/σ)) / (1/σ).
    """

    def __init__(
        self, X: Any, weight: NDArray[np.float64] | None, dtype: "np.dtype[Any]", inverse: bool = False
    ) -> None:
        # It learns the means, too; with_mean=True would refuse sparse X.
        self._scaler = StandardScaler(with_mean=False)
        self._dtype, self._inverse = dtype, inverse
        features = np.zeros(X.shape[1])
        self.layer = Normalize(features, features + 1).astype(dtype)
        self.update(X, weight)

    def update(self, X: Any, weight: NDArray[np.float64] | None) -> None:
        """Learn from further samples (N, F), dense or sparse; ValueError if they are too large for the dtype."""
        with config_context(assume_finite=True), np.errstate(all="ignore"):  # what overflows is refused below
            self._scaler.partial_fit(X, sample_weight=weight)
            self.mean, std = self._scaler.mean_, self._scaler.scale_
            std = np.where(std < np.finfo(self._dtype).tiny, 1.0, std)  # as of equal numbers
            self.std = np.maximum(std, ROUNDING * abs(self.mean))
            mean, std = (-self.mean / self.std, 1 / self.std) if self._inverse else (self.mean, self.std)
            mean, std = mean.astype(self._dtype), std.astype(self._dtype)
        if not (np.isfinite(mean).all() and np.isfinite(std).all() and std.all()):
            name = "y" if self._inverse else "X"
            raise ValueError(
                f"standardize=True computes means and deviations of {name} in {self._dtype}, and its numbers are too "
                f"large for that: divide {name} by a constant, or pass standardize=False"
            )
        self.layer.mean.data, self.layer.std.data = mean, std

    def apply(self, X: Array) -> Array:
        """Return (X − μ) / σ, in the layer's dtype."""
        return np.asarray((X - self.mean) / self.std, self._dtype)
