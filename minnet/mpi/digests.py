"""Digests tell whether all ranks have the same weights and the same state of the optimizer, to the last bit."""

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minnet.core.layer import Layer
from minnet.errors import RankError
from minnet.losses.base import Loss
from minnet.mpi.communicator import MPI
from minnet.optimizers import Optimizer

MOST = 5  # places that a message names
CURE = (
    "Ranks learn one model, so their weights must be the same to the last bit. What changes them on one rank only (a "
    "callback, an override of Trainer.update, a layer that draws random numbers into them) has to do the same on all"
)


def check_same(mpi: MPI, model: Layer, loss: Loss, optimizer: Optimizer, when: str) -> None:
    """Compare weights, Buffers and the optimizer's state of all ranks; `when`, such as "after step 3", is for errors.

    Raises RankError, on all ranks, that names the ranks and the places that differ from what most ranks have.
    """
    digests = {name: _digest(value) for name, value in _named(model, loss, optimizer)}
    if len(set(mpi.gather(zlib.crc32(repr(digests).encode())))) > 1:
        raise RankError(_difference(mpi.gather(digests), when))


def _named(model: Layer, loss: Loss, optimizer: Optimizer) -> Iterator[tuple[str, Any]]:
    """List what must be the same: arrays and numbers, with their names."""
    for owner, prefix in ((model, ""), (loss, "loss.")):
        for name, array in owner.named_arrays():
            yield prefix + name, array.data
    for name, value in _leaves("optimizer", optimizer.state_dict()):
        yield name.replace(".attributes.", ".", 1), value


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(f"{name}.{key}", item)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _leaves(f"{name}[{i}]", item)
    else:
        yield name, value


def _digest(value: Any) -> int:
    """Return a number that is another, but for one chance in 2³², if the value is."""
    if not isinstance(value, np.ndarray):
        return zlib.crc32(repr(value).encode())
    return zlib.crc32(np.ascontiguousarray(value).data, zlib.crc32(f"{value.shape} {value.dtype}".encode()))


def _difference(digests: Sequence[Mapping[str, int]], when: str) -> str:
    """Say which ranks differ from most of them, or else from rank 0, and where."""
    names = list(dict.fromkeys(name for one in digests for name in one))
    places: dict[str, list[int]] = {}
    for name in names:
        values = [one.get(name) for one in digests]
        usual = max(Counter(values).items(), key=lambda item: item[1])[0]  # of equal numbers, the lower rank's
        if others := [rank for rank, value in enumerate(values) if value != usual]:
            places[name] = others
    shown = [
        f"\n  {name}: on rank {', '.join(map(str, ranks))} of {len(digests)}"
        for name, ranks in list(places.items())[:MOST]
    ]
    if len(places) > MOST:
        shown.append(f"\n  and {len(places) - MOST} more")
    return f"{when}, the ranks of the job differ from each other:{''.join(shown)}\n{CURE}."
