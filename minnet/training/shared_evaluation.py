"""A shared evaluation is that of several ranks, each of which looks at its part of the set."""

import copy
import math
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from minnet.core.layer import Layer
from minnet.core.trees import leaves
from minnet.data.epoch import Batch
from minnet.data.loader import DataLoader
from minnet.errors import RankError
from minnet.losses.base import Loss
from minnet.metrics.base import Metric
from minnet.metrics.functions import Function
from minnet.mpi.communicator import MPI
from minnet.mpi.part import Part
from minnet.saving.loaders import length_of
from minnet.training.evaluation import Evaluation
from minnet.training.job import raise_together


class Share:
    """The batches of an evaluation set that are this rank's: the rank-th of n consecutive parts, as equal as can be.

    A DataLoader reads no others. Anything else is read to its end, to see whether it yields the same on all ranks: the
    ranks compare `seen`, how many batches there were, and a checksum of their targets. Where it does not tell how many
    there are, each rank takes every n-th.
    """

    def __init__(self, batches: Iterable[Batch], part: Part) -> None:
        self._batches, self._part = balanced(batches, part.size), part
        self.samples = 0  # at most, if it is known
        self.seen = 0, 0
        if isinstance(self._batches, DataLoader):
            self.samples = self._own(len(self._batches)) * self._batches.batch_size

    def __iter__(self) -> Iterator[Batch]:
        if isinstance(self._batches, DataLoader) and type(self._batches).__iter__ is DataLoader.__iter__:
            return self._of_loader(self._batches)
        return self._of_any()

    def _own(self, batches: int) -> int:
        rows = self._part.rows(batches)
        return int(rows.stop - rows.start)

    def _of_loader(self, loader: DataLoader) -> Iterator[Batch]:
        own, epoch = self._part.rows(len(loader)), iter(loader)
        epoch.take(own.start)
        yield from islice(epoch, own.stop - own.start)
        epoch.take(len(loader) - own.stop)  # so that the loader's Generator moves on alike on all ranks

    def _of_any(self) -> Iterator[Batch]:
        length, rank, ranks = length_of(self._batches), self._part.rank, self._part.size
        ends = [(k + 1) * length // ranks for k in range(ranks - 1)] if length else None
        checksum = 0
        for number, batch in enumerate(self._batches):
            for leaf in leaves(batch[1]):
                checksum = zlib.crc32(np.asarray(leaf).tobytes(), checksum)
            self.seen = number + 1, checksum
            if rank == (number % ranks if ends is None else bisect_right(ends, number)):
                yield batch


def balanced(batches: Any, ranks: int) -> Any:
    """Return a DataLoader of batches that are not larger, of which each rank gets as many; if it cuts where it likes.

    The given one stays as it is, because checkpoints compare it with that of a job of any number of ranks.
    """
    if type(batches) is not DataLoader or batches.collate or batches.transform or batches.shuffle or batches.drop_last:
        return batches
    own = copy.copy(batches)
    number = ranks * math.ceil(own.samples / (ranks * own.batch_size))
    own.batch_size = math.ceil(own.samples / number)
    return own


def evaluated_together(
    mpi: MPI, model: Layer, loss: Loss, metrics: Mapping[str, Metric | Function], batches: Iterable[Batch]
) -> dict[str, float]:
    """Return the loss and the metrics over all batches of a set, of which each rank looks at its share.

    They are computed on rank 0, and are the same on all ranks. An error on one rank becomes one on all of them.
    """
    _same_order(mpi, batches)
    share, state, error = Share(batches, Part(mpi.rank, mpi.size)), b"", None
    evaluation = Evaluation(model, loss, metrics, share.samples, part=mpi.rank > 0)
    try:
        for batch in share:
            evaluation.add(*batch)
        state = evaluation.state() if mpi.rank else b""
    except Exception as failure:
        error = failure
    reports = mpi.gather((error is not None, share.seen, state))
    if any(failed for failed, *_ in reports):
        raise_together(mpi, error)
    _check_same([seen for _, seen, _ in reports])
    values = None
    if mpi.rank == 0:
        try:
            for _, _, sent in reports[1:]:
                evaluation.merge(sent)
            values = evaluation.compute()
        except Exception as failure:
            error = failure
    values = mpi.broadcast(values)
    if values is None:
        raise_together(mpi, error)
    found: dict[str, float] = values
    return found


def _same_order(mpi: MPI, batches: Any) -> None:
    """Let a DataLoader that shuffles do so on all ranks as on rank 0."""
    if isinstance(batches, DataLoader) and batches.shuffle:
        generator = batches.rng.bit_generator
        generator.state = mpi.broadcast(generator.state)


def _check_same(seen: list[tuple[int, int]]) -> None:
    first = seen[0][0]
    for rank, (number, _) in enumerate(seen):
        if seen[rank] != seen[0]:
            others = f"{number} batches on rank {rank}, and {first}", f"other targets on rank {rank} than"
            raise RankError(
                f"the evaluation set yields {others[number == first]} on rank 0: let it yield the same batches on "
                "every rank, in the same order; or pass a pair (X, y)"
            )
