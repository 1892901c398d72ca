"""Patience ends a fit when epoch after epoch brings too little, as scikit-learn's networks do."""

from minnet.callbacks import EarlyStopping
from minnet.callbacks.base import Training
from minnet.core.rows import Row, monitored


class Patience(EarlyStopping):
    """Stop after more than `patience` rows, one after the other, each of which improves the best by less than `tol`.

    `EarlyStopping` counts what several rows improve together, and so goes on for longer where a loss falls slowly.

    Parameters
    ----------
    monitor
        The column, a loss.
    patience
        How many such rows are allowed.
    tol
        The smallest improvement that counts.
    restore
        Whether the weights of the best row are restored at the end.
    """

    def __init__(self, monitor: str, patience: int, tol: float, restore: bool) -> None:
        super().__init__(monitor, patience, tol)
        self.restore = restore

    def on_row(self, trainer: Training, row: Row) -> None:
        """Compare the row with the best."""
        value = monitored(self, self.monitor, row)
        self.waited = self.waited + 1 if self.best is not None and not value <= self.best - self.min_delta else 0
        if self.best is None or value < self.best:
            self.best, self.best_step = value, trainer.step
            if self.restore:
                self._weights = [array.data.copy() for _, array in trainer.model.named_arrays()]
        if self.waited > self.patience:
            trainer.stop()
