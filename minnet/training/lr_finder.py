"""The learning rate finder tries many learning rates in one short run, and shows at which the loss falls."""

import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from minnet.callbacks.base import Callback, Training
from minnet.core.checks import check_int
from minnet.data.epoch import Batch
from minnet.data.prefetch import for_trial, unwrapped
from minnet.errors import NonFiniteError
from minnet.saving import torch_loaders
from minnet.training.trainer import Trainer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMOOTHING = 0.9  # the share of the past in the smoothed loss
DIVERGED = 4.0  # times the lowest smoothed loss: the run may end


@dataclass(frozen=True)
class LRCurve:
    """The loss over the learning rate, as `lr_finder` saw it."""

    lrs: list[float]  #: the learning rates, rising
    losses: list[float]  #: the loss of the batch at each, before the step that was made with it
    smoothed: list[float]  #: s ← 0.9 s + 0.1 · loss, divided by 1 − 0.9ᵗ as in Adam

    @property
    def suggestion(self) -> float:
        """A learning rate to start from: a tenth of the one at which the smoothed loss was lowest.

        At the lowest point the loss is about to rise. A tenth of it is well inside the fall, where the
        average has not yet caught up either. It is a rule of thumb: look at the plot.
        """
        return self.lrs[int(np.argmin(self.smoothed))] / 10

    def __repr__(self) -> str:
        if not self.lrs:
            return "LRCurve of 0 learning rates"
        span = f"{self.lrs[0]:.3g} to {self.lrs[-1]:.3g}"
        return f"LRCurve of {len(self.lrs)} learning rates, {span}; suggestion {self.suggestion:.3g}"

    def plot(self, *, ax: "Axes | None" = None, title: str | None = None) -> "Figure":
        """Draw the curve, with the suggestion: see `minnet.plots.lr_finder`."""
        from minnet.plots.learning_rates import lr_finder as drawn

        return drawn(self, ax=ax, title=title)


class _Ramp(Callback):
    """Raise the learning rate by a factor a step, and note the losses, until they diverge."""

    def __init__(self, start: float, end: float, steps: int) -> None:
        self.start = start
        self.factor = (end / start) ** (1 / (steps - 1))
        self.average = 0.0
        self.curve = LRCurve([], [], [])

    def on_fit_start(self, trainer: Training) -> None:
        trainer.optimizer.lr = self.start

    def on_step_end(self, trainer: Training) -> None:
        lrs, losses, smoothed = self.curve.lrs, self.curve.losses, self.curve.smoothed
        lrs.append(self.start * self.factor ** len(lrs))
        losses.append(trainer.last_loss)
        self.average = SMOOTHING * self.average + (1 - SMOOTHING) * trainer.last_loss
        smoothed.append(self.average / (1 - SMOOTHING ** len(losses)))
        if smoothed[-1] > DIVERGED * min(smoothed):
            trainer.stop()
        trainer.optimizer.lr = self.start * self.factor ** len(lrs)


def lr_finder(
    trainer: Trainer, loader: Iterable[Batch], *, start: float = 1e-7, end: float = 10.0, steps: int = 100
) -> LRCurve:
    """Train a copy for a few steps while the learning rate rises from `start` to `end`, by a factor a step.

    Where the loss falls fastest, learning rates are good; where it rises, they are too large. The trainer, its
    model and optimizer, and the order of the loader's batches stay as they are. The run ends early when the
    loss is no longer finite, or its running average four times the lowest.

    L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3.

    Parameters
    ----------
    trainer
        With the model as it is to be trained. Groups of Parameters keep their ratio to the rate.
    loader
        The batches to train on, as for `Trainer.fit`.
    start, end
        The first learning rate and the last.
    steps
        How many are tried, at least 2.

    Raises
    ------
    ValueError
        If not 0 < start < end, or if steps is below 2.
    NonFiniteError
        If the loss or a gradient is not finite from the first step.

    Examples
    --------
    >>> import minnet as mn
    >>> X = np.random.default_rng(0).normal(size=(200, 4))
    >>> y = (X[:, 0] > X[:, 1]).astype(int)
    >>> model = mn.Sequential(mn.Linear(4, 2, rng=0), mn.Softmax())
    >>> trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=1))
    >>> curve = lr_finder(trainer, mn.DataLoader(X, y, 20, shuffle=True, rng=0))
    >>> 0.1 < curve.suggestion < 2
    True
    """
    if not 0 < start < end < math.inf:
        raise ValueError(f"lr_finder needs 0 < start < end, got {start} and {end}")
    check_int("lr_finder", "steps", steps, 2, "it is the number of learning rates")
    loader = for_trial(loader)
    ramp, trial = _Ramp(start, end, steps), copy.deepcopy(trainer)
    trial.nonfinite, random = "stop", torch_loaders.capture(unwrapped(loader))
    try:
        trial.fit(loader, steps=steps, callbacks=[ramp], on_interrupt="raise")
    except NonFiniteError:  # the last learning rates are meant to be too large
        if not ramp.curve.lrs:
            raise
    finally:
        torch_loaders.restore(unwrapped(loader), random)
    return ramp.curve
