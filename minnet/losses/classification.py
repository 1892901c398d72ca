"""A cross-entropy says how surprised a model is by the right classes: −log p of each, on average.

Three losses, equal in value and gradient, for models that end with `Softmax`, with `LogSoftmax`, or
with neither. They share their options, which are explained in `LabelLoss`: by default each of N
samples has the share 1/N.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minnet.core.arrays import Array, all_finite, class_major, row_sums
from minnet.core.checks import check_floats, check_scores
from minnet.errors import NonFiniteError
from minnet.losses.base import DIVERGED
from minnet.losses.labels import LabelLoss, cells
from minnet.losses.probabilities import check_log_probabilities, check_probabilities


class CrossEntropyLoss(LabelLoss):
    """L = −(1/N) Σ_n log p_{n, y_n}, of probabilities: what `Softmax` returns.

    Backward: only the probability of the true class matters, ∂L/∂p_{n, y_n} = −1/(N · p_{n, y_n}).
    Nothing is added to p and nothing clipped: an epsilon here would silence the samples that are
    predicted worst. A p of 0, which `Softmax` never returns, counts as the smallest normal number.

    Parameters
    ----------
    weight, ignore_index, reduction, label_smoothing
        How much each sample counts instead of 1/N: see `minnet.losses.labels.LabelLoss`.

    Raises
    ------
    ValueError
        In `forward`, if the rows are not probabilities, or the labels not in 0 … C − 1.
    TypeError
        In `forward`, if the labels are not integers.

    Examples
    --------
    >>> loss = CrossEntropyLoss()
    >>> round(loss.forward(np.array([[0.25, 0.75]]), [1]), 4)
    0.2877
    >>> loss.backward()
    array([[ 0.        , -1.33333333]])
    """

    def forward(self, prediction: Array, target: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """Return the mean loss of probabilities p (..., C) for the labels y (...), weighted if they differ."""
        check_floats(self, prediction)
        rows, labels, shares = self._samples(prediction, target, sample_weight)  # (N, C), (N,), 1/N
        check_probabilities(self, rows)
        p = self._at_labels(rows, labels)  # (N,), those of the true classes
        p = np.maximum(p, np.finfo(p.dtype).tiny)
        self.cache = (prediction.shape, labels, shares, p)
        return self._add_up(shares, -np.log(p), prediction.shape[:-1])

    def backward(self, dy: Any = None) -> Array:
        """Return dL/dp, of the shape of p."""
        shape, labels, shares, p = self.cache
        shares = self._passed_back(dy, shares, shape[:-1], p.dtype)  # 1/N
        return self._from_labels(-shares / p, labels, shape, p.dtype)


class NLLLoss(LabelLoss):
    """L = −(1/N) Σ_n (log p)_{n, y_n}, of log-probabilities: what `LogSoftmax` returns.

    Backward: ∂L/∂(log p)_{n, y_n} = −1/N, and 0 elsewhere.

    Parameters
    ----------
    weight, ignore_index, reduction, label_smoothing
        How much each sample counts instead of 1/N: see `minnet.losses.labels.LabelLoss`.

    Raises
    ------
    ValueError
        In `forward`, if the rows are not log-probabilities, or the labels not in 0 … C − 1.
    TypeError
        In `forward`, if the labels are not integers.
    """

    def forward(self, prediction: Array, target: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """Return the mean loss of log-probabilities (..., C) for the labels y (...), weighted if they differ."""
        check_floats(self, prediction)
        rows, labels, shares = self._samples(prediction, target, sample_weight)  # (N, C), (N,), 1/N
        cure = "remove the last layer and use SoftmaxCrossEntropyLoss"
        check_log_probabilities(
            self, rows, f"use CrossEntropyLoss, or {cure}", f"end the model with LogSoftmax(), or {cure}"
        )
        self.cache = (prediction.shape, prediction.dtype, labels, shares)
        return self._add_up(shares, -self._at_labels(rows, labels), prediction.shape[:-1])

    def backward(self, dy: Any = None) -> Array:
        """Return dL/d log p, of the shape of log p."""
        shape, dtype, labels, shares = self.cache
        shares = self._passed_back(dy, shares, shape[:-1], dtype)  # 1/N
        return self._from_labels(-shares, labels, shape, dtype)


class SoftmaxCrossEntropyLoss(LabelLoss):
    """L = (1/N) Σ_n (log Σ_j e^{z_nj} − z_{n, y_n}), of scores z: softmax and cross-entropy in one.

    Backward: with p = softmax(z), ∂L/∂z_nj = (p_nj − [j = y_n]) / N. No probability is ever
    divided by, so value and gradient are exact at any gap between the scores.

    Parameters
    ----------
    weight, ignore_index, reduction, label_smoothing
        How much each sample counts instead of 1/N: see `minnet.losses.labels.LabelLoss`.

    Raises
    ------
    ValueError
        In `forward`, if the rows are probabilities already, or the labels not in 0 … C − 1.
    TypeError
        In `forward`, if the labels are not integers.
    """

    def forward(self, prediction: Array, target: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """Return the mean loss of scores z (..., C) for the labels y (...), weighted if they differ."""
        check_floats(self, prediction)
        check_scores(self, prediction, "remove the model's Softmax, or use CrossEntropyLoss")
        z, labels, shares = self._samples(prediction, target, sample_weight)  # (N, C), (N,), 1/N
        if z.size <= 32 and len(z) == 1 and isinstance(shares, float):
            value, p = softmax_cross_entropy_of_one(z[0].tolist(), labels.item(0))
            if math.isnan(value):
                raise NonFiniteError(f"{type(self).__name__} got {DIVERGED}")
            self.cache = (prediction.shape, labels, shares, np.array([p], z.dtype), 1.0)
            losses = np.array([value], z.dtype)
            return self._add_up(shares, losses, prediction.shape[:-1])
        z = class_major(z)
        top = z.max(axis=1, keepdims=True)
        if not all_finite(top):
            raise NonFiniteError(f"{type(self).__name__} got {DIVERGED}")
        z = z - top  # changes nothing but that no exponential overflows
        e = np.exp(z)
        total = row_sums(e)  # (N, 1): p = e / total, which only backward needs
        self.cache = (prediction.shape, labels, shares, e, total)
        log_total = np.log(total if self.label_smoothing else total[:, 0])
        return self._add_up(shares, log_total - self._at_labels(z, labels), prediction.shape[:-1])

    def backward(self, dy: Any = None) -> Array:
        """Return dL/dz, of the shape of z."""
        shape, labels, shares, e, total = self.cache
        shares = self._passed_back(dy, shares, shape[:-1], e.dtype)  # 1/N
        if self.label_smoothing:
            dz: Array = e * (shares.sum(axis=1, keepdims=True) / total) - shares
        else:
            dz = e * ((shares[:, None] if isinstance(shares, np.ndarray) else shares) / total)  # p · 1/N
            every, places = cells(dz, labels)
            every[places] -= shares
        return dz.reshape(shape)


def softmax_cross_entropy_of_one(z: list[float], label: int) -> tuple[float, list[float]]:
    """Return the loss of one sample's scores, and p = softmax(z): what `SoftmaxCrossEntropyLoss` computes of many.

    Written a second time, without NumPy, whose every call costs a microsecond or two however few the numbers are:
    `forward` takes 9 µs instead of 23, of the 80 to 90 of a step of online learning, one sample after the other.
    """
    top = max(z)
    exponentials = [math.exp(score - top) for score in z]
    total = sum(exponentials)
    return math.log(total) - (z[label] - top), [e / total for e in exponentials]
