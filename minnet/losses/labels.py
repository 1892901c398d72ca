"""A label loss compares a prediction for C classes with the number of the right one.

The three cross-entropies (see minnet/losses/classification.py) are given p, log p or scores. What they share is here:
what the labels must be, and how much each sample counts.
"""

import copy
import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.arrays import Array, Labels, as_rows, class_major, is_one
from minnet.core.checks import check_floats, check_number
from minnet.core.console import warn
from minnet.core.labels import check_ignore_index, check_integers, check_labels, check_range, classes_at_axis_1
from minnet.core.masks import refuse_mask
from minnet.core.trees import refuse_tree
from minnet.core.weights import Weights, check_weights, sample_weights
from minnet.errors import DataWarning, NonFiniteError
from minnet.losses.base import DIVERGED, SEVERAL, Loss


class ClassLoss(Loss):
    """The base of losses for class labels (...) of a prediction (..., C), whose classes may have weights (C,).

    The classes are the *last* axis (PyTorch: axis 1). A model whose scores are a convolution's, (N, C, H, W), ends with
    ``Permute(0, 2, 3, 1)`` if the labels are (N, H, W); without it, there is an error. But if C = H = W, the labels fit
    both ways: there is a `DataWarning` if the prediction lies in memory as a convolution returns it, none after a copy.
    """

    classifies = True
    ignore_index: int | None = None

    def __init__(self, weight: ArrayLike | None = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.weight = None if weight is None else check_weights(type(self).__name__, "weight", weight)
        if self.weight is not None and self.weight.ndim != 1:
            name = type(self).__name__
            raise ValueError(f"{name} expected weight of shape (classes,), got {self.weight.shape}")

    def check(self, prediction: Array, target: ArrayLike) -> None:
        """Check that the prediction is floats (..., C), the labels integers (...), and the weights one a class."""
        refuse_tree(type(self).__name__, "prediction", prediction, SEVERAL)
        refuse_tree(type(self).__name__, "target", target, SEVERAL)
        check_floats(self, prediction)
        name, classes = type(self).__name__, prediction.shape[-1]
        refuse_mask(self, "target", target)
        check_labels(name, prediction, np.asarray(target))
        if self.weight is not None and self.weight.size != classes:
            raise ValueError(
                f"{name} has weights for {self.weight.size} classes, got a prediction of {classes}: "
                "pass one weight a class, or give the model's last layer as many outputs"
            )
        if prediction.ndim > 2:
            self._warn_of_channels(prediction)

    def total_weight(self, target: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return how many labels the mean is over; with weights of samples, the sum of the labels' weights."""
        return self._total(sample_weight, np.shape(target))

    def _warn_of_channels(self, prediction: Array) -> None:
        """Warn of a prediction (N, C, C, ...) in a convolution's order of memory: axis 1 outermost, 0 innermost."""
        shape, strides = prediction.shape, prediction.strides
        if min(shape) > 1 == len(set(shape[1:])) and max(strides) == strides[1] > strides[0] == prediction.itemsize:
            warn(
                f"{type(self).__name__} expected the classes along the last axis, got a prediction {shape} that looks "
                f"like a convolution's, whose channels are axis 1: {classes_at_axis_1(shape)}",
                DataWarning,
            )

    def labels_in_range(self, target: ArrayLike, classes: int) -> Labels:
        """Return the labels (...) of a batch as (N,), after a look at each."""
        labels = np.asarray(target)
        if labels.ndim != 1:
            labels = labels.reshape(-1)
        if labels.dtype != np.intp:
            labels = labels.astype(np.intp)
        check_range(self, labels, classes, self.ignore_index)
        return labels


class LabelLoss(ClassLoss):
    """L = Σ_n s_n · (−log p_{n, y_n}), with the shares s_n = 1/N: the base of the three cross-entropies.

    The options change only the shares. A class weight w_c and a sample weight v_n make s_n = v_n w_{y_n} / Σ_m v_m
    w_{y_m}; an ignored sample has v_n = 0; a sum is not divided. If all weights are 0 or there is no sample, L and its
    gradient are 0 (PyTorch's mean is NaN). Label smoothing ε counts the right class for 1 − ε, and spreads ε over all
    C: s_nc = v_n w_c ((1 − ε) [c = y_n] + ε/C) / Σ_m v_m w_{y_m}, one share for each class.

    C. Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016, section 7.

    Parameters
    ----------
    weight
        (C,) numbers >= 0: how much each class counts. None: all the same.
    ignore_index
        The label of samples that do not count, which need not be a class. PyTorch's default of −100 would hide wrong
        labels, so here it is None: every label must be a class.
    reduction
        "mean", "sum" or "none": see `Loss`. The mean is weighted: divided by Σ_n v_n w_{y_n}, not N.
    label_smoothing
        ε, 0 to 1.

    Raises
    ------
    TypeError, ValueError
        If an option is of the wrong type, or out of range; in `forward`, if the prediction is not what the loss takes,
        or if the labels are not integers in 0 … C − 1.
    """

    def __init__(
        self,
        weight: ArrayLike | None = None,
        *,
        ignore_index: int | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction=reduction)
        name = type(self).__name__
        self.ignore_index = check_ignore_index(name, ignore_index)
        self.label_smoothing = check_number(name, "label_smoothing", label_smoothing, 0, 1)

    def total_weight(self, target: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return what the mean is divided by: Σ_n v_n w_{y_n} over the samples that are not ignored; else, N."""
        labels = np.asarray(target)
        if self.weight is None and self.ignore_index is None:
            return float(labels.size) if sample_weight is None else self._total(sample_weight, labels.shape)
        check_integers(type(self).__name__, labels)
        shape, labels = labels.shape, labels.reshape(-1)
        if self.weight is not None:
            labels = self.labels_in_range(labels, self.weight.size)
        labels, v = self._counted(labels, shape, sample_weight)
        return float(v.sum() if self.weight is None else v.dot(self.weight[labels]))

    def as_part(self, weight: float) -> tuple[Loss, float]:
        """Return this loss and the weight; of a part whose weight is 0 with label smoothing, the sum and 1.

        For a sample whose own class has the weight 0, smoothing counts the other classes.
        """
        if weight or not self.label_smoothing:
            return self, weight
        summed = copy.copy(self)
        summed.reduction = "sum"
        return summed, 1.0

    def _samples(self, prediction: Array, target: ArrayLike, sample_weight: Any) -> tuple[Array, Labels | None, Any]:
        """Return the prediction as rows (N, C); where in their memory those of the labels are, (N,); and the shares.

        The shares are 1/N, or (N,). With label smoothing, all entries count: None, and shares (N, C).
        """
        rows = class_major(as_rows(prediction))
        if not rows.flags.forc:  # contiguous in neither order
            rows = rows.copy()
        labels = self.labels_in_range(target, rows.shape[1])
        share: Any = 1 / (len(rows) or 1) if self.reduction == "mean" else 1.0
        if not self._is_plain(sample_weight):
            labels, share = self._shares(rows, labels, np.shape(target), sample_weight)
        if self.label_smoothing:
            return rows, None, share
        n, classes = rows.shape
        by_class = rows.flags.f_contiguous
        at = _multiples(classes, n)[labels] + _multiples(n, 1) if by_class else labels + _multiples(n, classes)
        return rows, at, share

    def _is_plain(self, sample_weight: Any) -> bool:
        """Whether all samples count the same, and each for its own class only."""
        return self.weight is sample_weight is self.ignore_index is None and not self.label_smoothing

    def _is_one(self, prediction: Array, sample_weight: Any) -> bool:
        """Whether this is a single sample of few classes, which counts fully: then Python is faster than NumPy."""
        return is_one(prediction) and self.reduction != "none" and self._is_plain(sample_weight)

    def _label_of_one(self, target: ArrayLike, classes: int) -> int:
        """Return the label of a single sample, after a look at it."""
        label: int = np.asarray(target).item()
        return label if 0 <= label < classes else int(self.labels_in_range(target, classes)[0])  # which raises

    def _valid(self, loss: float) -> float:
        """Return the loss of a single sample, unless it is NaN."""
        if math.isnan(loss):
            raise NonFiniteError(f"{type(self).__name__} got {DIVERGED}")
        return loss

    def _shares(
        self, rows: Array, labels: Labels, shape: tuple[int, ...], sample_weight: ArrayLike | None
    ) -> tuple[Labels, Array]:
        """Return the shares, (N,), or (N, C) with label smoothing; and the labels, of which the ignored ones are 0."""
        labels, v = self._counted(labels, shape, sample_weight)  # (N,) both
        w = np.ones(rows.shape[1]) if self.weight is None else self.weight  # (C,)
        shares = v * w[labels]  # (N,)
        total = shares.sum() if self.reduction == "mean" else 1.0
        if total == 0:  # no sample counts, and no class by label smoothing
            v, total = np.zeros_like(v), 1.0
        shares /= total
        if self.label_smoothing:
            own = (1 - self.label_smoothing) * shares
            shares = v[:, None] * w * (self.label_smoothing / w.size) / total  # (N, C)
            shares[np.arange(labels.size), labels] += own
        return labels, shares.astype(rows.dtype)

    def _counted(
        self, labels: Labels, shape: tuple[int, ...], sample_weight: ArrayLike | None
    ) -> tuple[Labels, Weights]:
        """Return the labels (N,), of which the ignored ones are 0, and the weight of each: 0 for the ignored."""
        v = np.ones(labels.shape)
        if sample_weight is not None:
            v *= np.broadcast_to(sample_weights(type(self).__name__, sample_weight, shape), shape).reshape(-1)
        if self.ignore_index is None:
            return labels, v
        ignored = labels == self.ignore_index
        v[ignored] = 0
        return np.where(ignored, 0, labels), v  # any class that exists will do

    def _add_up(self, shares: Any, losses: Array, shape: tuple[int, ...]) -> Any:
        """Return Σ_n s_n · loss_n; or each by itself, of the labels' shape."""
        value = self._reduce(losses, shares)
        if self.reduction != "none":
            return value
        return (value.sum(axis=1) if value.ndim == 2 else value).reshape(shape)

    def _put(self, values: Any, rows: Array, at: Labels | None, shape: tuple[int, ...]) -> Array:
        """Return an array of the prediction's shape (..., C): the values at these places in memory, zeros elsewhere."""
        if at is None:
            return np.reshape(values, shape)
        order: Any = "F" if rows.flags.f_contiguous else "C"
        array = np.zeros(rows.shape, rows.dtype, order)
        array.ravel("K")[at] = values
        return array if len(shape) == 2 else array.reshape(shape)

    def _passed_back(self, dy: Any, shares: Any, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Any:
        """Return dL/d loss_n = dy · s_n."""
        if dy is None and self.reduction != "none":
            return shares
        dy = self._incoming(dy, shape[:-1], dtype)
        if isinstance(dy, np.ndarray):
            dy = dy.reshape(-1, 1) if self.label_smoothing else dy.reshape(-1)
        return self._passed_on(shares, dy) if isinstance(shares, np.ndarray) else dy * shares


@lru_cache(maxsize=16)
def _multiples(n: int, step: int) -> NDArray[np.intp]:
    """Return 0, step, … (n − 1) · step, which every batch of a training run needs again."""
    multiples = step * np.arange(n)
    multiples.flags.writeable = False
    return multiples
