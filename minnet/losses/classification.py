"""A cross-entropy is the mean of −log p over the samples, with p the predicted probability of the right class.

Here are three losses, equal in value and gradient, for models that end with `Softmax`, with `LogSoftmax`, or with
neither. Their options are explained in `LabelLoss`: by default each of N samples has the share 1/N.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minnet.core.arrays import TINY, Array, as_rows
from minnet.core.checked import checked
from minnet.core.checks import check_scores
from minnet.core.special import exponentials
from minnet.errors import NonFiniteError
from minnet.losses.base import DIVERGED
from minnet.losses.labels import LabelLoss
from minnet.losses.probabilities import check_log_probabilities, check_probabilities


class CrossEntropyLoss(LabelLoss):
    """L = −(1/N) Σ_n log p_{n, y_n}, of probabilities: what `Softmax` returns.

    Backward: only the probability of the true class matters, ∂L/∂p_{n, y_n} = −1/(N · p_{n, y_n}). No epsilon is added
    to p, because it would take the gradient away from the samples that are predicted worst. A p of 0, which `Softmax`
    never returns, counts as the smallest normal number.

    Parameters
    ----------
    weight, ignore_index, reduction, label_smoothing
        How much each sample counts instead of 1/N: see `minnet.losses.labels.LabelLoss`, also for the errors.

    Examples
    --------
    >>> loss = CrossEntropyLoss()
    >>> round(loss.forward(np.array([[0.25, 0.75]]), [1]), 4)
    0.2877
    >>> loss.backward()
    array([[ 0.        , -1.33333333]])
    """

    takes = "probabilities"

    def check(self, prediction: Array, target: ArrayLike) -> None:
        """Check that the prediction is probabilities (..., C), and the labels integers (...)."""
        super().check(prediction, target)
        check_probabilities(self, as_rows(prediction))

    @checked
    def forward(self, prediction: Array, target: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """Return the mean loss of probabilities p (..., C) for the labels y (...), weighted if they differ."""
        if self._is_one(prediction, sample_weight):
            return self._loss_of_one(prediction, target)
        rows, at, shares = self._samples(prediction, target, sample_weight)  # (N, C), the labels', 1/N
        p = np.maximum(rows if at is None else rows.ravel("K")[at], TINY[rows.dtype])  # (N,), those of the labels
        value = self._add_up(shares, -np.log(p), prediction.shape[:-1])
        self.cache = rows, at, shares, p, prediction.shape
        return value

    def backward(self, dy: Any = None) -> Array:
        """Return dL/dp, of the shape of p."""
        rows, at, shares, p, shape = self.cache
        return self._put(-self._passed_back(dy, shares, shape, rows.dtype) / p, rows, at, shape)

    def _loss_of_one(self, p: Array, target: ArrayLike) -> float:
        """Return the loss of one sample's probabilities (1, C), computed without NumPy."""
        label = self._label_of_one(target, p.size)
        own = max(p.item(label), TINY[p.dtype].item())
        loss = self._valid(-math.log(own))
        self.cache = as_rows(p), label, 1.0, own, p.shape
        return float(p.dtype.type(loss))


class NLLLoss(LabelLoss):
    """L = −(1/N) Σ_n (log p)_{n, y_n}, of log-probabilities: what `LogSoftmax` returns.

    Backward: ∂L/∂(log p)_{n, y_n} = −1/N, and 0 elsewhere.

    Parameters
    ----------
    weight, ignore_index, reduction, label_smoothing
        How much each sample counts instead of 1/N: see `minnet.losses.labels.LabelLoss`, also for the errors.
    """

    takes = "log-probabilities"

    def check(self, prediction: Array, target: ArrayLike) -> None:
        """Check that the prediction is log-probabilities (..., C), and the labels integers (...)."""
        super().check(prediction, target)
        cure = "remove the last layer and use SoftmaxCrossEntropyLoss"
        if_p, if_scores = f"use CrossEntropyLoss, or {cure}", f"end the model with LogSoftmax(), or {cure}"
        check_log_probabilities(self, as_rows(prediction), if_p, if_scores)

    @checked
    def forward(self, prediction: Array, target: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """Return the mean loss of log-probabilities (..., C) for the labels y (...), weighted if they differ."""
        rows, at, shares = self._samples(prediction, target, sample_weight)  # (N, C), the labels', 1/N
        value = self._add_up(shares, -(rows if at is None else rows.ravel("K")[at]), prediction.shape[:-1])
        self.cache = rows, at, shares, prediction.shape
        return value

    def backward(self, dy: Any = None) -> Array:
        """Return dL/d log p, of the shape of log p."""
        rows, at, shares, shape = self.cache
        return self._put(-self._passed_back(dy, shares, shape, rows.dtype), rows, at, shape)


class SoftmaxCrossEntropyLoss(LabelLoss):
    """L = (1/N) Σ_n (log Σ_j e^{z_nj} − z_{n, y_n}), of scores z: softmax and cross-entropy in one.

    Backward: with p = softmax(z), ∂L/∂z_nj = (p_nj − [j = y_n]) / N. No probability is ever divided by, so value and
    gradient are right at any gap between the scores, up to the rounding of a number of size 1.

    Parameters
    ----------
    weight, ignore_index, reduction, label_smoothing
        How much each sample counts instead of 1/N: see `minnet.losses.labels.LabelLoss`, also for the errors.
    """

    takes = "scores"

    def check(self, prediction: Array, target: ArrayLike) -> None:
        """Check that the prediction is scores (..., C), and the labels integers (...)."""
        super().check(prediction, target)
        check_scores(self, prediction, "remove the model's Softmax, or use CrossEntropyLoss")

    @checked
    def forward(self, prediction: Array, target: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """Return the mean loss of scores z (..., C) for the labels y (...), weighted if they differ."""
        if self._is_one(prediction, sample_weight):
            return self._loss_of_one(prediction, target)
        rows, at, shares = self._samples(prediction, target, sample_weight)  # (N, C), the labels', 1/N
        top = np.maximum.reduce(rows, axis=1, keepdims=True)
        if np.count_nonzero(np.isfinite(top)) < len(top):  # half the time of all()
            raise NonFiniteError(f"{type(self).__name__} got {DIVERGED}")
        z = rows - top
        e, total = exponentials(z)
        losses = np.log(total) - z if at is None else np.log(total[:, 0]) - z.ravel("K")[at]
        value = self._add_up(shares, losses, prediction.shape[:-1])
        self.cache = at, shares, e, total, prediction.shape  # p = e / total, which only backward needs
        return value

    def backward(self, dy: Any = None) -> Array:
        """Return dL/dz, of the shape of z."""
        at, shares, e, total, shape = self.cache
        if isinstance(at, int):
            return self._gradient_of_one(dy, at, e, total, shape)
        shares = self._passed_back(dy, shares, shape, e.dtype)  # 1/N
        if at is None:
            dz: Array = e * (shares.sum(axis=1, keepdims=True) / total) - shares
        else:
            dz = e * ((shares[:, None] if isinstance(shares, np.ndarray) else shares) / total)  # p · 1/N
            dz.ravel("K")[at] -= shares
        return dz if len(shape) == 2 else dz.reshape(shape)

    def _loss_of_one(self, z: Array, target: ArrayLike) -> float:
        """Return the loss of one sample's scores (1, C), computed without NumPy.

        A NumPy call takes a microsecond or two, however few the numbers are. Online learning, one sample after the
        other, takes 1.3 times as long with the formula above.
        """
        scores = z.reshape(-1).tolist()
        label = self._label_of_one(target, len(scores))
        top = max(scores)
        terms = [math.exp(score - top) for score in scores]
        total = sum(terms)
        loss = self._valid(math.log(total) - (scores[label] - top))
        self.cache = label, 1.0, [term / total for term in terms], z.dtype, z.shape
        return float(z.dtype.type(loss))

    def _gradient_of_one(self, dy: Any, label: int, p: list[float], dtype: "np.dtype[Any]", shape: Any) -> Array:
        """Return dL/dz = p − onehot of the one sample."""
        dz = np.array(p, dtype)
        dz[label] -= 1
        return dz.reshape(shape) if dy is None else dz.reshape(shape) * dtype.type(self._incoming(dy, shape, dtype))
