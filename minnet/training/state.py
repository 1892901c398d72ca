"""A TrainingState is where a training stands: the Trainer, the loop of `fit` and the callbacks share it."""

import math
from dataclasses import asdict, dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np

from minnet.core.state import State
from minnet.losses import Loss
from minnet.losses.multi import HeadLosses, MultiLoss, losses_of
from minnet.training.passes import Passes

SAVED = ("step", "epoch", "last_loss", "stopped")


@dataclass
class TrainingState:
    """What outlives a `fit`; the attributes of the Trainer with these names are these."""

    step: int = 0
    epoch: int = 0
    last_loss: float = math.nan
    prediction: Any = field(default_factory=lambda: np.empty(0))
    target: Any = field(default_factory=lambda: np.empty(0))
    stopped: bool = False
    interrupted: bool = False
    passes: Passes = field(default_factory=Passes, compare=False, repr=False)  # that a fit has left before their end
    # In a job, the sources of random numbers that are this rank's own: see `minnet.mpi.job_state`.
    randomness: list[Any] = field(default_factory=list, compare=False, repr=False)

    def state_dict(self) -> State:
        """Return what a checkpoint keeps."""
        state = {name: getattr(self, name) for name in SAVED}
        return state | {"last_loss": float(self.last_loss)}  # without the losses of a MultiLoss

    def load_state_dict(self, state: State) -> None:
        """Restore what `state_dict` returned."""
        for name in SAVED:
            setattr(self, name, state[name])


@dataclass
class Counts:
    """What one `fit` counts, from its beginning or from the checkpoint that it was resumed from."""

    first_step: int  # where it began
    first_epoch: int
    in_epoch: int = 0  # steps of the current epoch
    row_at: int = -1  # the step of the last row of the history; the next four are since then
    loss_sum: float = 0.0  # of each batch's loss times its weight
    weight: float = 0.0  # what the mean of the losses counts: see `Loss.total_weight`
    samples: int = 0
    skipped: int = 0  # steps that were not finite
    seconds: float = 0.0  # how long it had taken when it was resumed
    finished: bool = False
    heads: dict[str, list[float]] = field(default_factory=dict)  # of each loss of a MultiLoss: its sum and its weight

    def add(self, loss: float, weight: float | dict[str, float], samples: int) -> None:
        """Add the loss of a step to the means; with a MultiLoss, each of its losses has a weight."""
        self.samples += samples
        if not isinstance(weight, dict):
            self.loss_sum += loss * weight
            self.weight += weight
        elif isinstance(loss, HeadLosses):
            for name, value in loss.heads.items():
                sums = self.heads.setdefault(name, [0.0, 0.0])
                sums[0] += value * weight[name]
                sums[1] += weight[name]
        else:  # a train_step of the user's may return a number of its own, in place of that of a MultiLoss
            self.loss_sum += loss * samples
            self.weight += samples

    def means(self, loss: Loss) -> dict[str, float]:
        """Return the mean loss since the last row, and those of a `MultiLoss` by their names."""
        mean = self.loss_sum / (self.weight or 1.0) if self.samples else math.nan
        added = self.samples and not self.weight  # not numbers that a train_step of the user's returned
        empty = 0.0 if added else math.nan
        means = {name: total / weight if weight else empty for name, (total, weight) in self.heads.items()}
        if added and isinstance(loss, MultiLoss) and means.keys() == losses_of(loss).keys():
            mean = loss.combined(means)
        return {"loss": mean} | {f"{name}_loss": mean for name, mean in means.items()}

    def begin(self, step: int) -> None:
        """Begin anew, after a row of the history."""
        self.loss_sum, self.weight, self.samples, self.skipped, self.row_at = 0.0, 0.0, 0, 0, step
        self.heads = {name: [0.0, 0.0] for name in self.heads}

    def state_dict(self) -> State:
        """Return all counts."""
        return asdict(self)

    def load_state_dict(self, state: State) -> None:
        """Restore all counts but `finished`: a run that is resumed goes on."""
        for name in self.state_dict().keys() - {"finished"}:
            setattr(self, name, state[name])


def of_state(name: str, doc: str) -> Any:
    """Return a property that is the attribute of this name of ``self.state``."""

    def write(owner: Any, value: Any) -> None:
        setattr(owner.state, name, value)

    return property(attrgetter(f"state.{name}"), write, doc=doc)
