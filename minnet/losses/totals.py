"""A Total is a loss's mean over a whole set, added up batch by batch."""

from typing import Any

from minnet.core.trees import first
from minnet.losses.base import Loss, weight_of


def loss_of(loss: Loss, prediction: Any, target: Any, sample_weight: Any = None) -> Any:
    """Return the loss of a batch. Only with weights of samples does the loss have to take them."""
    if sample_weight is None:
        return loss.forward(prediction, target)
    return loss.forward(prediction, target, sample_weight=sample_weight)


class Total:
    """L of a set: Σ weight · mean / Σ weight over its batches, each with its `Loss.total_weight`."""

    def __init__(self, loss: Loss) -> None:
        self._loss = loss
        self.sum = self.weight = 0.0

    def add(self, x: Any, prediction: Any, target: Any, sample_weight: Any = None) -> None:
        """Add a batch; x is counted if the loss has no weights of its own."""
        weight = weight_of(self._loss, first(x), target, *(() if sample_weight is None else (sample_weight,)))
        one, factor = self._loss.as_part(weight)
        value = loss_of(one, prediction, target, sample_weight)
        self.sum += factor * value if factor else 0.0
        self.weight += weight

    def means(self) -> dict[str, float]:
        """Return the mean as "loss"; there must be some weight."""
        return {"loss": self.sum / self.weight}
