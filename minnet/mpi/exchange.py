"""An exchange is what the ranks tell each other in a step: gradients, the loss and flags, in one array."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.buffer import Buffer
from minnet.core.parameter import Parameter
from minnet.mpi.communicator import MPI


@dataclass
class Told:
    """What a rank tells the others beside its arrays; added up, it is what they all told."""

    weight: float = 0.0  # of its part of the batch in the batch's mean: see `Loss.total_weight`
    loss: float = 0.0  # the part's mean loss times this weight
    samples: float = 0.0
    present: float = 0.0  # 1 if its part has samples
    failed: float = 0.0  # 1 if an error was raised
    ended: float = 0.0  # 1 if its loader has no batch left
    interrupted: float = 0.0  # 1 if it got Ctrl-C
    terminated: float = 0.0  # 1 if it got SIGTERM
    time_is_up: float = 0.0  # 1 if its clock says that a checkpoint is due
    heads: list[float] = field(default_factory=list)  # the losses of a MultiLoss

    def numbers(self) -> list[float]:
        """Return all numbers, in one order."""
        *single, heads = vars(self).values()
        return [*single, *heads]

    @classmethod
    def of(cls, numbers: Sequence[float]) -> "Told":
        """Return what these numbers tell."""
        names = [name for name in vars(cls()) if name != "heads"]
        single = dict(zip(names, numbers, strict=False))
        return cls(**single, heads=list(numbers[len(names) :]))


class Exchange:
    """Add up over all ranks, in one call of MPI, what each of them has after its part of a batch.

    The gradients of the parts are added up, and divided by the weight of the whole batch. A Buffer, such as a running
    mean, becomes the mean of what it is on the ranks that changed it. So both are the same on all ranks to the last
    bit. All of it is copied into one array, because a call of MPI costs as much as some 10,000 numbers.
    """

    def __init__(self, mpi: MPI) -> None:
        self._mpi = mpi
        self._layout: list[Any] = []
        self._flat = np.empty(0)

    def begin(self, parameters: Iterable[Parameter], buffers: Iterable[Buffer]) -> None:
        """Note the arrays of a step, and what Buffers hold before it."""
        self._parameters = [parameter for parameter in parameters if parameter.trainable]
        self._buffers = [(buffer, buffer.data.copy()) for buffer in buffers]

    def add_up(self, told: Told, *, normalised: bool = False) -> Told:
        """Exchange gradients, Buffers and what is told; return what all ranks told together.

        With `normalised`, the gradients are parts of the batch's already, and are not divided. Where nothing counts,
        the gradients are zero; where a rank failed, they are not to be used.
        """
        mine = told.numbers()
        self._lay_out(len(mine))
        flat, has_gradients = self._flat, bool(told.present and not told.failed)
        for parameter, view in zip(self._parameters, self._gradients, strict=True):
            view[...] = parameter.read_grad() if has_gradients else 0
        for i, ((buffer, before), view) in enumerate(zip(self._buffers, self._values, strict=True)):
            self._changed[i] = changed = has_gradients and not np.array_equal(buffer.data, before, equal_nan=True)
            view[...] = buffer.data if changed else 0
        flat[-len(mine) :] = mine
        self._mpi.add_up(flat)
        whole = Told.of(flat[-len(mine) :].tolist())
        share = 1.0 if normalised else 1.0 / whole.weight if whole.weight else 0.0
        for parameter, view in zip(self._parameters, self._gradients, strict=True):
            np.multiply(view, share, out=parameter.read_grad(), casting="same_kind")
        for (buffer, before), view, ranks in zip(self._buffers, self._values, self._changed, strict=True):
            if ranks:
                np.divide(view, ranks, out=buffer.data, casting="same_kind")
            elif not has_gradients:
                buffer.data = before
        return whole

    def _lay_out(self, numbers: int) -> None:
        """Make the flat array, and a view of it for each gradient and Buffer, if they are others than before."""
        arrays = [*(p.data for p in self._parameters), *(before for _, before in self._buffers)]
        arrays.append(np.zeros(len(self._buffers), np.float32))  # on how many ranks each has changed
        layout = [numbers, *((array.shape, array.dtype) for array in arrays)]
        if layout == self._layout:
            return
        self._layout = layout
        dtype = np.result_type(np.float32, *(array.dtype for array in arrays))
        self._flat = np.zeros(sum(array.size for array in arrays) + numbers, dtype)
        views: list[NDArray[Any]] = []
        start = 0
        for array in arrays:
            views.append(self._flat[start : start + array.size].reshape(array.shape))
            start += array.size
        self._changed = views.pop()
        self._gradients, self._values = views[: len(self._parameters)], views[len(self._parameters) :]
