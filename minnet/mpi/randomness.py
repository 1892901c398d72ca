"""Randomness is what may differ by rank: what Dropout draws, and what a loader's transform does."""

import copy
import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from minnet.core.state import RANDOM, update_in_place
from minnet.data.loader import DataLoader
from minnet.data.prefetch import unwrapped
from minnet.errors import CheckpointError
from minnet.saving.run_parts import RunParts
from minnet.saving.serialize import Tensors, encode


class Randomness:
    """The sources of random numbers in the model, the loss and the loader's transform, of one rank.

    Rank 0 draws as it would alone. Each of the other ranks draws other numbers, which follow from rank 0's states and
    the number of the rank. So the same script with the same seeds and as many ranks draws the same again. The order of
    the loader's batches is not meant here: it is the same on all ranks, and so its transform has a Generator `rng` of
    its own on each rank.
    """

    def __init__(self, parts: RunParts, rank: int) -> None:
        self.rank = rank
        self.rng = np.random.default_rng(rank)
        loader = unwrapped(parts.loader)
        self._order = loader.rng if isinstance(loader, DataLoader) else None
        transforms = (loader.transform, loader.collate) if isinstance(loader, DataLoader) else ()
        owners = parts.owners().values()
        known = [array for owner in owners for _, array in owner.named_arrays()]
        found = _sources((*owners, *transforms), known)
        self._sources = [source for source in found if source is not self._order]

    def differ(self) -> None:
        """Let this rank draw other numbers than the others; all have rank 0's states before."""
        if self._order is not None:
            update_in_place(self.rng, np.random.default_rng(_seed(self._order, self.rank)))
        if self.rank:
            for source in self._sources:
                update_in_place(source, _another(source, self.rank))

    def state(self) -> list[Any]:
        """Return all sources, whose states a checkpoint keeps."""
        return [self.rng, *self._sources]

    def restore(self, state: Sequence[Any]) -> None:
        """Go on with the states that a rank of this number had; CheckpointError if they are of other sources."""
        own = self.state()
        pairs = list(zip(own, state, strict=False))
        if len(own) != len(state) or any(update_in_place(source, other) is not source for source, other in pairs):
            raise CheckpointError(
                f"the checkpoint holds {len(state)} sources of random numbers of rank {self.rank}, which are not the "
                f"{len(own)} of this run: let the script make the same model, loss and transform"
            )


def _sources(owners: Iterable[Any], arrays: Iterable[object]) -> list[Any]:
    """List the sources that a copy of the owners would copy, wherever they are: in a list, in an object, ..."""
    memo: dict[int, Any] = {id(array): array for array in arrays}
    copy.deepcopy(tuple(owners), memo)
    return [value for value in memo[id(memo)] if isinstance(value, RANDOM)]  # deepcopy keeps the originals there


def _another(source: Any, rank: int) -> Any:
    """Return a source of the same kind, for a rank: it follows from the state of this one."""
    seed = _seed(source, rank)
    if isinstance(source, np.random.Generator):
        return np.random.Generator(type(source.bit_generator)(seed))
    return random.Random(seed) if isinstance(source, random.Random) else np.random.RandomState(seed % 2**32)


def _seed(source: Any, rank: int) -> int:
    """Return a seed that follows from the state of a source and the number of a rank."""
    tensors: Tensors = {}
    text = json.dumps([rank, encode(source, tensors, "")])
    digest = hashlib.sha256(text.encode())
    for array in tensors.values():
        digest.update(array.tobytes())
    return int.from_bytes(digest.digest()[:16], "little")
