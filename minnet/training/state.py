"""A TrainingState is where a training stands: the Trainer, the loop of `fit` and the callbacks share it."""

import math
from dataclasses import asdict, dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np

from minnet.core.state import State
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

    def state_dict(self) -> State:
        """Return what a checkpoint keeps."""
        return {name: getattr(self, name) for name in SAVED}

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
