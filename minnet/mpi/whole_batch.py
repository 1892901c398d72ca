"""The whole batch is what batch norms standardize over, though each rank has only a part of it."""

from types import TracebackType
from typing import Any, Self

import numpy as np

from minnet.core.layer import Layer
from minnet.core.trees import call, mapped
from minnet.layers.normalization.statistics import over_batch
from minnet.mpi.communicator import MPI

NUMBERS = 512  # that the ranks add up at once: 4 kB, which take as long as one number


class GaveUp(Exception):  # noqa: N818 (it is no error of this rank)
    """Another rank raised an error inside the step, so this one cannot do its part of it."""


class WholeBatch:
    """Let batch norms add up their sums over all ranks: ``with WholeBatch(mpi):`` around forward and backward.

    Unless the job is `synchronised`, it does nothing.

    Each rank must go through the same layers, also with an empty part of a batch, because all of them wait for the sums
    of each. A rank that raises an error would leave the others waiting. So it takes part in one addition more, in which
    it says so; the others raise `GaveUp` then. To make that possible, all additions have the same length, whatever
    they add up, and a last one tells each rank that all have come to the end.
    """

    def __init__(self, mpi: MPI) -> None:
        self._mpi = mpi
        self._numbers = np.zeros(1 + NUMBERS)  # first, how many ranks gave up

    def __enter__(self) -> Self:
        self._token = over_batch.set(self.add_up) if self._mpi.synchronised else None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._token is not None:
            over_batch.reset(self._token)
        if error is None and self._mpi.synchronised:
            self._exchange(np.zeros(0))
        elif kind is not GaveUp:
            self.give_up()

    def give_up(self) -> None:
        """Tell the others that this rank cannot do its part of the step."""
        if self._mpi.synchronised:
            self._exchange(np.zeros(0), gave_up=True)

    def add_up(self, *sums: Any) -> tuple[Any, ...]:
        """Return the sums, arrays and ints, over all ranks; they are added up in float64."""
        flat = np.concatenate([np.ravel(array) for array in sums], dtype=np.float64)
        for start in range(0, len(flat), NUMBERS):
            self._exchange(flat[start : start + NUMBERS])
        ends = np.cumsum([np.size(array) for array in sums])[:-1]
        return tuple(map(_like, sums, np.split(flat, ends)))

    def _exchange(self, numbers: Any, gave_up: bool = False) -> None:
        """Replace the numbers by their sums; raise GaveUp if another rank cannot give its own."""
        self._numbers[0] = gave_up
        self._numbers[1 : 1 + len(numbers)] = numbers
        self._mpi.add_up(self._numbers)
        if self._numbers[0] and not gave_up:
            raise GaveUp
        numbers[...] = self._numbers[1 : 1 + len(numbers)]


def take_part(model: Layer, x: Any) -> Any:
    """Do forward and backward with an empty part of a batch, which adds nothing; return the prediction."""
    prediction = call(model.forward, x)
    model.accumulate_grad(mapped(np.zeros_like, prediction))
    return prediction


def _like(given: Any, total: Any) -> Any:
    return int(total[0]) if isinstance(given, int) else total.astype(given.dtype).reshape(given.shape)
