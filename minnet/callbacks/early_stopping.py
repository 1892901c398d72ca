"""Early stopping ends a run when a column of the history no longer improves."""

from minnet.callbacks.base import Callback, Training
from minnet.core.arrays import Array
from minnet.core.checks import check_int, check_number
from minnet.core.rows import Row, improves, monitored


class EarlyStopping(Callback):
    """Stop when a column of the history no longer improves, and restore the best weights.

    The weights of the best row are restored when the run ends, early or not. After Ctrl-C or an error, the model
    keeps the weights of its last step.

    L. Prechelt, "Early stopping – but when?", in Neural Networks: Tricks of the Trade, 1998.

    Parameters
    ----------
    monitor
        The column, such as "validation_loss". A loss improves when it falls, anything else when it rises.
    patience
        Stop after so many rows in a row without improvement, at least 1.
    min_delta
        The smallest change that counts as an improvement, >= 0.

    Attributes
    ----------
    best : float or None
        The best value so far.
    best_step : int
        The step of the best value.

    Raises
    ------
    ValueError
        If patience is below 1 or min_delta is negative; in training, if a row lacks the column.
    """

    def __init__(self, monitor: str, patience: int = 5, min_delta: float = 0.0) -> None:
        self.monitor = monitor
        self.patience = check_int("EarlyStopping", "patience", patience, why="it counts rows without improvement")
        self.min_delta = check_number("EarlyStopping", "min_delta", min_delta, 0)
        self.best: float | None = None
        self.best_step = 0
        self.waited = 0
        self._weights: list[Array] = []

    def on_row(self, trainer: Training, row: Row) -> None:
        """Compare the row with the best."""
        value = monitored(self, self.monitor, row)
        if improves(self.monitor, value, self.best, self.min_delta):
            self.best, self.best_step, self.waited = value, trainer.step, 0
            self._weights = [array.data.copy() for _, array in trainer.model.named_arrays()]
            return
        self.waited += 1
        if self.waited >= self.patience:
            trainer.stop()

    def on_fit_end(self, trainer: Training) -> None:
        """Restore the best weights."""
        if self._weights and not trainer.interrupted:
            for (_, array), weights in zip(trainer.model.named_arrays(), self._weights, strict=True):
                array.data[...] = weights
