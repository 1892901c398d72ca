"""A binary loss compares the probability of a yes with the target: 1 for yes, 0 for no, or a number between them.

Prediction and target have the same shape, any. Each number is a yes-or-no question of its own, so a sample may have
several labels. `BCELoss` takes probabilities, which `Sigmoid` returns. `BCEWithLogitsLoss` takes scores and is exact
everywhere; prefer it, because a sigmoid that has reached 1 passes back no gradient.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minnet.core.arrays import TINY, Array
from minnet.core.weights import Weights, check_weights
from minnet.errors import NonFiniteError
from minnet.losses.base import DIVERGED, Loss
from minnet.losses.elementwise import ElementwiseLoss


class YesNoLoss(ElementwiseLoss):
    """The base of the two: the targets are 0 to 1, and each number's loss may count more or less."""

    def __init__(self, *, weight: ArrayLike | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.weight = None if weight is None else check_weights(type(self).__name__, "weight", weight)

    def check(self, prediction: Array, target: ArrayLike) -> None:
        """Check that prediction and target are of one shape, and that the weight broadcasts to it."""
        super().check(prediction, target)
        _check_broadcasts(self, "weight", self.weight, prediction.shape)

    def weighed(self, values: Array) -> Array:
        """Return losses, or slopes, times the weight."""
        return values if self.weight is None else values * self.weight.astype(values.dtype)


class BCELoss(YesNoLoss):
    """L = mean of −t log p − (1 − t) log(1 − p), of probabilities p: what `Sigmoid` returns.

    Backward: ∂L/∂p = (p − t) / (p (1 − p)) / (how many numbers there are). As in `CrossEntropyLoss` there is no
    epsilon; a p or 1 − p of 0 counts as the smallest normal number. (PyTorch's cuts the logarithm at −100, and
    1/(p (1 − p)) at 10¹².)

    Parameters
    ----------
    weight
        How much the loss of each number counts, >= 0, of a shape that broadcasts to the prediction's, such as
        (labels,). The mean is over all numbers, whatever they weigh; of a `sample_weight` it is divided by the weights.
    reduction
        "mean", "sum" or "none": see `Loss`, also for the errors.

    Raises
    ------
    ValueError
        In `forward`, if the prediction or the target is not between 0 and 1.

    Examples
    --------
    >>> loss = BCELoss()
    >>> round(loss.forward(np.array([0.8, 0.5]), [1, 0]), 4)
    0.4581
    >>> loss.backward()
    array([-0.625,  1.   ])
    """

    takes, threshold = "probabilities", 0.5

    def check(self, prediction: Array, target: ArrayLike) -> None:
        """Check that the prediction is probabilities, and the target of its shape."""
        super().check(prediction, target)
        if not (prediction.min(initial=0) >= 0 and prediction.max(initial=1) <= 1):
            if np.isnan(prediction).any():
                raise NonFiniteError(f"BCELoss got {DIVERGED}")
            raise ValueError(
                f"BCELoss expected probabilities, 0 to 1, got values from {prediction.min():.4g} to "
                f"{prediction.max():.4g}: end the model with Sigmoid(), or give scores to BCEWithLogitsLoss"
            )

    def compare(self, prediction: Array, target: Array) -> tuple[Array, Any]:
        """Return −t log p − (1 − t) log(1 − p); and t, p, 1 − p, and where p is 1 (None: nowhere)."""
        _check_shares_of_yes(self, target)
        t, tiny = target, TINY[prediction.dtype]
        p, q, certain = np.maximum(prediction, tiny), 1 - prediction, None
        if prediction.max(initial=0) == 1:
            q, certain = np.maximum(q, tiny), prediction == 1
            log_q = np.log1p(-prediction, out=np.log(q), where=~certain)
        else:
            log_q = np.log1p(-prediction)  # log(1 − p) would lose a p below 10⁻⁸
        return self.weighed(-t * np.log(p) - (1 - t) * log_q), (t, p, q, certain)

    def slopes(self, kept: Any) -> Array:
        """Return (p − t) / (p (1 − p)), which is (1 − t)/(1 − p) − t/p without a difference of rounded numbers."""
        t, p, q, certain = kept
        dp: Array = p - t
        dp /= p * q
        if certain is not None:
            dp[certain] = ((1 - t[certain]) - q[certain]) / q[certain]
        return self.weighed(dp)


class BCEWithLogitsLoss(YesNoLoss):
    """L = mean of t w log(1 + e^{−z}) + (1 − t) log(1 + e^z), of scores z: a sigmoid and `BCELoss` in one.

    With p = σ(z): −log p = log(1 + e^{−z}), −log(1 − p) = log(1 + e^z), where log(1 + e^z) = max(z, 0) + log(1 +
    e^{−|z|}) never overflows. Backward: ∂L/∂z = ((1 − t) σ(z) − t w σ(−z)) / (how many numbers there are), which is
    p − t if w = 1. No 1 − p is taken, so none is rounded away.

    Parameters
    ----------
    pos_weight
        w >= 0: how much a yes counts more than a no; a number, or one a label, of a shape that broadcasts to the
        prediction's, such as (labels,). Usually the number of noes per yes.
    weight
        As in `BCELoss`.
    reduction
        "mean", "sum" or "none": see `Loss`, also for the errors. The mean is over all numbers, whatever they weigh.

    Raises
    ------
    ValueError
        If a weight is negative; in `forward`, if it does not broadcast to the prediction, if the target is not
        between 0 and 1, or if a score is infinite.
    """

    takes, threshold = "scores", 0.0

    def __init__(
        self, *, pos_weight: ArrayLike | None = None, weight: ArrayLike | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(weight=weight, reduction=reduction)
        self.pos_weight = None if pos_weight is None else check_weights(type(self).__name__, "pos_weight", pos_weight)

    def check(self, prediction: Array, target: ArrayLike) -> None:
        """Check that prediction and target are of one shape, and that pos_weight broadcasts to it."""
        super().check(prediction, target)
        _check_broadcasts(self, "pos_weight", self.pos_weight, prediction.shape)

    def compare(self, prediction: Array, target: Array) -> tuple[Array, Any]:
        """Return t w log(1 + e^{−z}) + (1 − t) log(1 + e^z); and t w, 1 − t, where z >= 0, and e^{−|z|}."""
        z, yes, no = prediction, target, 1 - target
        if not np.isfinite(z).all():
            raise NonFiniteError(f"BCEWithLogitsLoss got infinity or {DIVERGED}")
        _check_shares_of_yes(self, target)
        if self.pos_weight is not None:
            yes = target * np.asarray(self.pos_weight, z.dtype)
        e = np.exp(-np.abs(z))  # never above 1
        losses = yes * np.maximum(-z, 0) + no * np.maximum(z, 0) + (yes + no) * np.log1p(e)
        return self.weighed(losses), (yes, no, z >= 0, e)

    def slopes(self, kept: Any) -> Array:
        """Return (1 − t) σ(z) − t w σ(−z)."""
        yes, no, positive, e = kept
        large, small = 1 / (1 + e), e / (1 + e)  # σ(|z|) and σ(−|z|)
        return self.weighed(no * np.where(positive, large, small) - yes * np.where(positive, small, large))


def _check_broadcasts(loss: Loss, name: str, weight: Weights | None, shape: tuple[int, ...]) -> None:
    """Check that weights broadcast to the prediction's shape, and not the other way round."""
    w = () if weight is None else weight.shape
    if len(w) > len(shape) or any(a not in (1, b) for a, b in zip(w[::-1], shape[::-1], strict=False)):
        raise ValueError(
            f"{type(loss).__name__} expected a {name} that broadcasts to the prediction's shape {shape}, "
            f"got {w}: pass one number, or one for each number of a sample"
        )


def _check_shares_of_yes(loss: Loss, t: Array) -> None:
    """Refuse targets outside 0 to 1."""
    if not (t.min(initial=0) >= 0 and t.max(initial=1) <= 1):
        name = type(loss).__name__
        if np.isnan(t).any():
            raise ValueError(f"{name} got NaN in the target")
        cure = "labels -1 and 1? pass (y + 1) / 2" if t.min() == -1 else "class numbers? use CrossEntropyLoss"
        raise ValueError(f"{name} expected a target of 0 to 1, got values from {t.min():.4g} to {t.max():.4g}: {cure}")
