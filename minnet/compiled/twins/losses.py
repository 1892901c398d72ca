"""The softmax cross-entropy in compiled code: scores are read once, and their exponentials written once."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minnet.compiled.twins.attention import exponentials_of
from minnet.compiled.twins.pointwise import fits
from minnet.core.arrays import FEW_CLASSES, Array
from minnet.losses.classification import SoftmaxCrossEntropyLoss


def softmax_cross_entropy(
    self: SoftmaxCrossEntropyLoss, prediction: Array, target: ArrayLike, sample_weight: ArrayLike | None = None
) -> Any:
    """The twin of `SoftmaxCrossEntropyLoss.forward`."""
    if self.label_smoothing or prediction.shape[-1] <= FEW_CLASSES or not fits(prediction):  # NumPy is as fast
        return FORWARD(self, prediction, target, sample_weight)
    rows, at, shares = self._samples(prediction, target, sample_weight)
    found = exponentials_of(rows)
    if found is None or at is None or not np.isfinite(found[1]).all():
        return FORWARD(self, prediction, target, sample_weight)  # which raises the error
    e, top, total = found[0], found[1].reshape(-1), found[2].reshape(-1)
    losses = np.log(total) - (rows.ravel("K")[at] - top)
    value = self._add_up(shares, losses, prediction.shape[:-1])
    self.cache = at, shares, e, total[:, None], prediction.shape
    return value


FORWARD: Any = vars(SoftmaxCrossEntropyLoss)["forward"].formula
TWINS: dict[Any, Any] = {FORWARD: softmax_cross_entropy}
