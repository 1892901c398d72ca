"""An elementwise loss compares number with number."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.losses.base import Loss


class ElementwiseLoss(Loss):
    """The base of losses that compare number with number: prediction and target have the same shape, any."""

    def compare(self, prediction: Array, target: Array) -> tuple[Array, Any]:
        """Return the loss of each number, and what `slopes` needs; prediction and target are arrays of one dtype."""
        raise NotImplementedError

    def slopes(self, kept: Any) -> Array:
        """Return d loss / d prediction of each number, from what `compare` kept."""
        slopes: Array = kept
        return slopes

    def total_weight(self, target: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return how many numbers the mean is over; with weights of samples, the sum of the numbers' weights."""
        return self._total(sample_weight, np.shape(target))

    @checked
    def forward(self, prediction: Array, target: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """Return the mean loss of prediction and target, of the same shape (any), weighted if there are weights."""
        losses, kept = self.compare(prediction, np.asarray(target, prediction.dtype))
        shares = None if sample_weight is None else self._weighed(sample_weight, losses.shape, losses.dtype)
        value = self._reduce(losses, shares)
        self.cache = kept, shares
        return value

    def backward(self, dy: Any = None) -> Array:
        """Return dL/d prediction, of its shape."""
        kept, shares = self.cache
        slopes = self.slopes(kept)
        return self._passed_on(slopes, self._share(dy, slopes.shape, slopes.dtype, shares))
