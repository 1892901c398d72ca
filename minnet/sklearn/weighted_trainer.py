"""A WeightedTrainer trains with weights of samples that count the same in every batch."""

from typing import Any

import numpy as np

from minnet.losses.totals import loss_of
from minnet.training.trainer import Trainer


class WeightedTrainer(Trainer):
    """A Trainer for which a sample of weight 2 counts as two samples, whichever others are in its batch.

    A loss divides by the weights of the batch, Σ_n v_n, and so does a `Trainer`: a batch of light samples counts as
    much as a batch of heavy ones. Here, the gradient of a batch of N samples is Σ_n v_n ∂ℓ_n / (N v̄). On average over
    random batches, this is the gradient of the whole set, and in one batch of all samples it is the Trainer's.

    Attributes
    ----------
    mean_weight : float
        v̄, the mean weight of all samples.
    """

    mean_weight = 1.0

    def train_step(self, x: Any, y: Any, sample_weight: Any = None) -> float:
        """Learn from one batch and return its loss; without weights, as a Trainer does."""
        if sample_weight is None:
            return super().train_step(x, y)
        self.optimizer.zero_grad()
        prediction = self.state.prediction = self.model.forward(x)
        value: float = loss_of(self.loss, prediction, y, sample_weight)
        share = float(np.mean(sample_weight)) / self.mean_weight
        self.model.accumulate_grad(self.loss.backward() * share)
        self.update()
        return value
