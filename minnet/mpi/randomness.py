"""Randomness is what differs by rank: what Dropout draws, and what a loader's transform does.

Rank 0 draws as it would alone. Each of the other ranks draws other numbers, which follow from rank 0's states and the
number of the rank. So the same script with the same seeds and as many ranks draws the same again. The order of the
samples has to be the same on all ranks, and so has what callbacks and metrics draw.
"""

import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from minnet.core.state import RANDOM, State, same, update_in_place
from minnet.data.loader import DataLoader
from minnet.saving.run_parts import RunParts
from minnet.saving.serialize import Tensors, encode

Place = tuple[Any, ...]
ALIKE = ("callbacks", "metrics", "optimizer", "trainer")  # objects in these draw the same on all ranks


def by_rows(loader: Any) -> bool:
    """Whether a rank reads its own rows of each batch only, so that a transform draws for these."""
    return isinstance(loader, DataLoader) and type(loader).__iter__ is DataLoader.__iter__


def sources(parts: RunParts, state: State) -> dict[Place, Any]:
    """Return the sources of random numbers that differ by rank, by their places in a state that was captured now."""
    found = {place: source for name in parts.owners() for place, source in _sources((name,), state[name])}
    for path, data in state["objects"].items():
        found |= {} if path.startswith(ALIKE) else dict(_sources(("objects", path), data))
    return found | (dict(_sources(("loader", "objects"), state["loader"]["objects"])) if by_rows(parts.read) else {})


def separate(parts: RunParts, state: State, rank: int) -> bool:
    """Give the layers that share a Generator with the loader another one; return whether there are any.

    A part of a batch takes fewer numbers than all of it, so the orders of the ranks would become different.
    """
    loader = parts.read
    of_order = dict(_sources((), [loader.rng] if by_rows(loader) else state["loader"]))
    shared = {id(source) for source in of_order.values()}
    layers = {name: dict(owner.named_layers()) for name, owner in parts.owners().items()}
    others: dict[int, Any] = {}
    for place, source in sources(parts, state).items():
        if id(source) not in shared:
            continue
        if place[0] not in layers or len(place) != 3:
            raise ValueError(
                f"{_named(place)} is the Generator that decides the order of the samples, which must be the same on "
                "every rank: give it another one (np.random.default_rng)"
            )
        other = others.setdefault(id(source), another(source, rank))
        setattr(layers[place[0]][place[1]], place[2], other)
    return bool(others)


def differ(parts: RunParts, state: State, rank: int, before: Mapping[int, Any]) -> None:
    """Let the sources of a rank, which have rank 0's states, draw other numbers.

    `before` has, by their ids, copies of those that did so in an earlier fit: they go on.
    """
    for source in {id(source): source for source in sources(parts, state).values()}.values():
        own = before.get(id(source))
        update_in_place(source, another(source, rank) if own is None or same(own, source) else own)


def another(source: Any, rank: int) -> Any:
    """Return a source of the same kind, for a rank: it follows from the state of this one."""
    seed = seed_of(source, rank)
    if isinstance(source, np.random.Generator):
        return np.random.Generator(type(source.bit_generator)(seed))
    return random.Random(seed) if isinstance(source, random.Random) else np.random.RandomState(seed % 2**32)


def seed_of(source: Any, rank: int) -> int:
    """Return a seed that follows from the state of a source and the number of a rank."""
    tensors: Tensors = {}
    text = json.dumps([rank, encode(source, tensors, "")])
    digest = hashlib.sha256(text.encode())
    for array in tensors.values():
        digest.update(array.tobytes())
    return int.from_bytes(digest.digest()[:16], "little")


def _sources(place: Place, value: Any) -> Iterator[tuple[Place, Any]]:
    """Walk over the sources of random numbers in a state."""
    if isinstance(value, RANDOM):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _sources((*place, key), item)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _sources((*place, i), item)


def _named(place: Place) -> str:
    return "".join(map(str, place)) if place[0] == "objects" else ".".join(filter(None, map(str, place)))
