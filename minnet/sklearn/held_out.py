"""HeldOut measures the model on samples that are held out, after each epoch."""

import copy

from minnet.callbacks import Callback
from minnet.callbacks.base import Training
from minnet.core.rows import Row
from minnet.data.loader import DataLoader
from minnet.training.evaluation import evaluated

NAME = "validation"


class HeldOut(Callback):
    """Add the columns ``validation_loss`` and, with the metrics of the Trainer, such as ``validation_accuracy``.

    It evaluates a copy of the model that shares its Parameters and Buffers, and stays in eval mode. With
    ``fit(evaluate=...)``, the model itself would be switched to eval mode and back, after which each layer does its
    checks again: for a small network, that takes longer than an epoch.

    Parameters
    ----------
    batches
        The samples.
    """

    def __init__(self, batches: DataLoader) -> None:
        self._batches = batches

    def on_fit_start(self, trainer: Training) -> None:
        """Copy the model and the loss."""
        shared = {id(array): array for _, array in trainer.model.named_arrays()}
        self._model, self._loss = copy.deepcopy(trainer.model, dict(shared)).eval(), copy.deepcopy(trainer.loss).eval()

    def on_row(self, trainer: Training, row: Row) -> None:
        """Measure the model as it is now."""
        found = evaluated(self._model, self._loss, trainer.metrics, self._batches)
        row.update({f"{NAME}_{name}": value for name, value in found.items()})
