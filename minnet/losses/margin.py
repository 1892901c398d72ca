"""A margin loss is 0 as soon as the right answer's score is ahead of the others by a margin.

It takes scores, and computes no probabilities. A sample that is right by the margin has no loss and no gradient; the
others are what a support vector machine calls its support vectors.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minnet.core.arrays import Array, as_rows
from minnet.core.checked import checked
from minnet.core.checks import check_choice, check_number
from minnet.core.special import sigmoid
from minnet.losses.elementwise import ElementwiseLoss
from minnet.losses.labels import ClassLoss
from minnet.losses.parts import PartsLoss
from minnet.losses.targets import check_signs


class HingeLoss(ElementwiseLoss):
    """L = mean of max(0, 1 − t z), of scores z and labels t, which are −1 or 1.

    Backward: ∂L/∂z = −t / (how many numbers there are) where t z < 1, and 0 elsewhere. At t z = 1, where there is no
    derivative, 0.

    C. Cortes and V. Vapnik, "Support-vector networks", Machine Learning 20, 1995. (PyTorch has no such loss: its
    HingeEmbeddingLoss is another one.)

    Parameters
    ----------
    reduction
        "mean", "sum" or "none": see `Loss`, also for the errors.

    Raises
    ------
    ValueError
        In `forward`, if a label is neither −1 nor 1.

    Examples
    --------
    >>> loss = HingeLoss()
    >>> loss.forward(np.array([2.0, 0.5, 0.5]), [1, 1, -1])  # the mean of 0, 0.5 and 1.5
    0.6666666666666666
    """

    threshold = 0.0

    def compare(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        """Return max(0, 1 − t z), and the slope: −t where that is above 0."""
        t = target
        check_signs(type(self).__name__, t, "classes? MultiMarginLoss")
        short = 1 - t * prediction  # by how much the margin is missed
        return np.maximum(short, 0), -t * (short > 0)


class HingeEmbeddingLoss(ElementwiseLoss):
    """L = mean of x where t = 1, and of max(0, m − x) where t = −1.

    x is the distance of a pair, whose two belong together (t = 1) or not (t = −1).

    Backward: the slope is 1 where t = 1, −1 where t = −1 and x < m, and 0 elsewhere.

    Parameters
    ----------
    margin
        m: how far apart the two of a pair with t = −1 should be.
    reduction
        "mean", "sum" or "none": see `Loss`, also for the errors.

    Raises
    ------
    ValueError
        In `forward`, if a label is neither −1 nor 1.
    """

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = check_number("HingeEmbeddingLoss", "margin", margin)

    def compare(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        """Return x or max(0, m − x), and the slope."""
        same = check_signs(type(self).__name__, target, "pass 1 for a pair that belongs together") == 1
        short = self.margin - prediction  # by how much the margin is missed
        losses = np.where(same, prediction, np.maximum(short, 0))
        return losses, same - ((short > 0) & ~same).astype(losses.dtype)


class SoftMarginLoss(ElementwiseLoss):
    """L = mean of log(1 + e^{−t z}), of scores z and labels t, which are −1 or 1: a hinge without the corner.

    Backward: the slope is −t σ(−t z). It is `BCEWithLogitsLoss` with labels −1 and 1 in place of 0 and 1.

    Parameters
    ----------
    reduction
        "mean", "sum" or "none": see `Loss`, also for the errors.

    Raises
    ------
    ValueError
        In `forward`, if a label is neither −1 nor 1.
    """

    takes, threshold = "scores", 0.0

    def compare(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        """Return log(1 + e^{−t z}), and the slope −t σ(−t z)."""
        z = check_signs(type(self).__name__, target, "0 to 1? BCEWithLogitsLoss") * prediction
        losses = np.maximum(-z, 0) + np.log1p(np.exp(-np.abs(z)))  # the exponential is never above 1
        return losses, -target * sigmoid(-z)


class MarginRankingLoss(PartsLoss):
    """L = mean of max(0, m − t (x₁ − x₂)): x₁ is to be above x₂ by m where t = 1, and below it where t = −1.

    Backward: where the loss is above 0, the slope is −t in x₁ and t in x₂; elsewhere 0.

    The prediction is a tuple (x1, x2), or a dict with these names, of scores of one shape, and so is the target.

    R. Herbrich et al., "Large margin rank boundaries for ordinal regression", Advances in Large Margin
    Classifiers, 2000.

    Parameters
    ----------
    margin
        m.
    reduction
        "mean", "sum" or "none": see `Loss`, also for the errors.

    Raises
    ------
    ValueError
        In `forward`, if a label is neither −1 nor 1.

    Examples
    --------
    >>> loss = MarginRankingLoss(margin=0.5)
    >>> loss.forward((np.array([2.0, 1.0]), np.array([1.0, 1.0])), [1, 1])  # the mean of 0 and 0.5
    0.25
    >>> loss.backward()
    (array([-0. , -0.5]), array([0. , 0.5]))
    """

    parts = ("x1", "x2")

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = check_number("MarginRankingLoss", "margin", margin)

    def compare(self, target: Array, *parts: Array) -> tuple[Array, tuple[Array, ...]]:
        """Return max(0, m − t (x₁ − x₂)), and the slopes."""
        x1, x2 = parts
        short = self.margin - check_signs(type(self).__name__, target, "pass 1 if x1 is to be above x2") * (x1 - x2)
        slope = target * (short > 0)
        return np.maximum(short, 0), (-slope, slope)


class MultiMarginLoss(ClassLoss):
    """L = (1/N) Σ_n (w_{y_n} / C) Σ_{j ≠ y_n} max(0, m − z_{n, y_n} + z_nj)^p, of scores z.

    Backward: with h_nj the maximum above, every j ≠ y_n gets p h_nj^{p−1} w_{y_n} / (C N), if h_nj > 0, and the right
    class gets minus the sum of it all.

    K. Crammer and Y. Singer, "On the algorithmic implementation of multiclass kernel-based vector machines", JMLR 2,
    2001, for the margin; the sum over all classes, and the division by C, are J. Weston and C. Watkins' ("Support
    vector machines for multi-class pattern recognition", ESANN 1999) and PyTorch's.

    Parameters
    ----------
    p
        1 or 2.
    margin
        m: by how much the right score must be ahead of each other.
    weight
        (C,) numbers >= 0: how much each class counts. The mean is still over N, as PyTorch's.
    reduction
        "mean", "sum" or "none": see `Loss`, also for the errors.

    Raises
    ------
    TypeError, ValueError
        If p is neither 1 nor 2, or margin not a number; in `forward`, if the labels are not integers in 0 … C − 1.
    """

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: ArrayLike | None = None, *, reduction: str = "mean"
    ) -> None:
        super().__init__(weight, reduction=reduction)
        self.p = check_choice("MultiMarginLoss", "p", p, (1, 2))
        self.margin = check_number("MultiMarginLoss", "margin", margin)

    @checked
    def forward(self, prediction: Array, target: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """Return the mean loss of scores z (..., C) for the labels y (...), weighted if there are weights."""
        z, labels = as_rows(prediction), self.labels_in_range(target, prediction.shape[-1])  # (N, C), (N,)
        own = np.arange(labels.size), labels
        h = np.maximum(z - z[own][:, None] + self.margin, 0)
        h[own] = 0  # the right class need not be ahead of itself
        w: Any = 1 / z.shape[1]
        if self.weight is not None:
            w = (w * self.weight[labels]).astype(z.dtype)[:, None]  # (N, 1)
        costs, slope = (w * h, h > 0) if self.p == 1 else (w * h * h, 2 * h)
        losses = costs.sum(axis=1).reshape(prediction.shape[:-1])
        shares = None if sample_weight is None else self._weighed(sample_weight, losses.shape, z.dtype)
        value = self._reduce(losses, shares)
        slope = w * slope.astype(z.dtype)
        slope[own] = -slope.sum(axis=1)
        self.cache = slope.reshape(prediction.shape), shares
        return value

    def backward(self, dy: Any = None) -> Array:
        """Return dL/dz, of the shape of z."""
        slope, shares = self.cache
        share = self._share(dy, slope.shape[:-1], slope.dtype, shares)
        return self._passed_on(slope, share[..., None] if isinstance(share, np.ndarray) else share)
