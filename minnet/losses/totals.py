"""A Total is a loss's mean over a whole set, added up batch by batch."""

from typing import Any

from minnet.losses.base import Loss, weight_of
from minnet.losses.multi import MultiLoss, losses_of

Weight = float | dict[str, float]  # of a batch in a mean: one number, or one for each loss of a `MultiLoss`


def loss_of(loss: Loss, prediction: Any, target: Any, sample_weight: Any = None) -> Any:
    """Return the loss of a batch. Only with weights of samples does the loss have to take them."""
    if sample_weight is None:
        return loss.forward(prediction, target)
    return loss.forward(prediction, target, sample_weight=sample_weight)


def as_part_of(loss: Loss, weight: Weight, whole: Weight) -> tuple[Loss, float]:
    """Return the loss to use for a part of a batch, and the share of its value in the batch's mean.

    `weight` is the part's, `whole` the batch's. Without a share, nothing of the part counts.
    """
    if isinstance(weight, dict) or isinstance(whole, dict):
        part = loss.as_part_of(weight, whole)  # type: ignore[attr-defined]
        return part, 1.0 if any(part._shares.values()) else 0.0
    one, factor = loss.as_part(weight)
    return one, factor / whole if whole else 0.0


class Total:
    """L of a set: Σ weight · mean / Σ weight over its batches, each with its `Loss.total_weight`.

    Of a `MultiLoss`, it is Σ_k w_k of such a mean for each loss.
    """

    def __init__(self, loss: Loss) -> None:
        self._loss = loss
        self.sums = {name: [0.0, 0.0] for name in losses_of(loss) or ("",)}  # Σ weight · mean, and Σ weight

    @property
    def weight(self) -> float:
        """The sum of all weights; 0 says that nothing counted."""
        return sum(weight for _, weight in self.sums.values())

    def add(self, x: Any, prediction: Any, target: Any, sample_weight: Any = None) -> None:
        """Add a batch; x is counted if the loss has no weights of its own."""
        weight: Weight = weight_of(self._loss, x, target, sample_weight)
        one, factor = as_part_of(self._loss, weight, dict.fromkeys(weight, 1.0) if isinstance(weight, dict) else 1.0)
        value = loss_of(one, prediction, target, sample_weight)
        if isinstance(weight, dict):
            for name, mean in value.heads.items():
                self._add(name, mean, weight[name])
        else:
            self._add("", factor * value if factor else 0.0, weight)

    def merge(self, sums: dict[str, list[float]]) -> None:
        """Add the sums of another Total of the same loss."""
        for name, (part, weight) in sums.items():
            self._add(name, part, weight)

    def means(self) -> dict[str, float]:
        """Return L as "loss", and the losses of a `MultiLoss` by their names, such as "digit_loss"."""
        means = {name: total / weight if weight else 0.0 for name, (total, weight) in self.sums.items()}
        if not isinstance(self._loss, MultiLoss):
            return {"loss": means[""]}
        return {"loss": self._loss.combined(means)} | {f"{name}_loss": mean for name, mean in means.items()}

    def _add(self, name: str, part: float, weight: float) -> None:
        sums = self.sums[name]
        sums[0] += part
        sums[1] += weight
