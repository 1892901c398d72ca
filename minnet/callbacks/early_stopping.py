"""Early stopping ends a run when a column of the history no longer improves."""

from minnet.callbacks.base import Callback, Training
from minnet.core.arrays import Array
from minnet.core.checks import check_choice, check_int, check_number
from minnet.core.forms import are_like
from minnet.core.layer import Layer
from minnet.core.rows import MODES, Mode, Row, check_best, improves, mode_of, monitored
from minnet.core.state import State
from minnet.optimizers import Optimizer


class EarlyStopping(Callback):
    """Stop when a column of the history no longer improves, and restore the best weights.

    The weights of the best row are restored when the run ends, early or not. After Ctrl-C or an error, the model
    keeps the weights of its last step.

    L. Prechelt, "Early stopping – but when?", in Neural Networks: Tricks of the Trade, 1998.

    Parameters
    ----------
    monitor
        The column, such as "validation_loss".
    patience
        Stop after this many rows without an improvement, one after the other; at least 1.
    min_delta
        The smallest change that counts as an improvement, >= 0.
    mode
        "min" if low values of the column are better, "max" if high values are. By default, "min" for a loss, and the
        attribute ``better`` of a metric.

    Attributes
    ----------
    best : float or None
        The best value so far.
    best_step : int
        The step of the best value.

    Raises
    ------
    ValueError
        If patience is below 1, min_delta is negative or the mode unknown; in training, if a row lacks the column, or
        neither `mode` nor the metric says in which direction it improves.
    """

    def __init__(self, monitor: str, patience: int = 5, min_delta: float = 0.0, mode: Mode | None = None) -> None:
        self.monitor = monitor
        self.patience = check_int("EarlyStopping", "patience", patience, why="it counts rows without improvement")
        self.min_delta = check_number("EarlyStopping", "min_delta", min_delta, 0)
        self.mode: Mode | None = check_choice("EarlyStopping", "mode", mode, MODES)
        self.best: float | None = None
        self.best_step = 0
        self.waited = 0
        self._mode: Mode = mode or "min"  # found out when a fit begins
        self._weights: list[Array] = []

    def on_fit_start(self, trainer: Training) -> None:
        """Find out in which direction the column improves."""
        self._mode = mode_of(self, self.monitor, self.mode, trainer.metrics)

    def on_row(self, trainer: Training, row: Row) -> None:
        """Compare the row with the best."""
        value = monitored(self, self.monitor, row)
        if improves(value, self.best, self._mode, self.min_delta):
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

    def check_state(self, state: State, model: Layer, optimizer: Optimizer) -> None:
        """Check the best value, and that the best weights are of this model."""
        check_best(state["best"], state["_mode"])
        if state["_weights"] and not are_like(state["_weights"], (array.data for _, array in model.named_arrays())):
            raise ValueError("the best weights are not of this model")
