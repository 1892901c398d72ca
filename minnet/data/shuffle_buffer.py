"""A shuffle buffer mixes samples whose number is not known, and of which only so many fit into memory."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.state import State
from minnet.core.trees import leaves, mapped, named_leaves
from minnet.data.supply import NAMES, Chunk, Supply, check_chunk, rows_of, size_of


class ShuffleBuffer:
    """The samples in hand, `buffer` of them and one batch; each batch is a draw of them, whose places are then filled.

    When the supply has ended, what is left comes in a random order. With a buffer of 0, the samples come in theirs.
    """

    def __init__(self, supply: Supply, buffer: int, batch_size: int, rng: np.random.Generator) -> None:
        self._supply, self.rng = supply, rng
        self._size, self._batch_size = buffer + batch_size, batch_size
        self._held: Chunk | None = None  # the samples, each in a place of these arrays
        self._free: NDArray[np.intp] = np.arange(self._size)  # the places that are not taken
        self._order: NDArray[np.intp] | None = None  # of what is left, when the supply has ended

    def draw(self) -> Chunk | None:
        """Return the next batch; None if there is none."""
        if self._size == self._batch_size:
            return self._supply.take(self._batch_size)
        self._fill()
        if self._held is None:
            return None
        if not len(self._free):
            rows = self._free = self.rng.choice(self._size, self._batch_size, replace=False)
        else:
            if self._order is None:
                self._order = self.rng.permutation(np.setdiff1d(np.arange(self._size), self._free))
            rows, self._order = self._order[: self._batch_size], self._order[self._batch_size :]
        return rows_of(self._held, rows) if len(rows) else None

    def _fill(self) -> None:
        """Put the next samples of the supply into the free places."""
        while self._order is None and len(self._free):
            chunk = self._supply.take(min(self._batch_size, len(self._free)))
            if chunk is None:
                return
            rows, self._free = self._free[: size_of(chunk)], self._free[size_of(chunk) :]
            if self._held is None:
                self._held = tuple(mapped(self._room, part) for part in chunk)
            for held, new in zip(self._held, chunk, strict=True):
                for place, leaf in zip(leaves(held), leaves(new), strict=True):
                    _put(place, rows, leaf)

    def _room(self, leaf: Any) -> Any:
        """Return what has room for as many samples as can be in hand, and takes memory when they are."""
        return [None] * self._size if isinstance(leaf, list) else np.zeros((self._size, *leaf.shape[1:]), leaf.dtype)

    def bytes(self) -> int:
        """Return how much memory the samples take, but for what is in lists of other things than arrays."""
        held = [leaf for part in self._held or () for leaf in leaves(part)]
        items = [item for leaf in held for item in (leaf if isinstance(leaf, list) else [leaf])]
        return sum(getattr(item, "nbytes", 0) for item in items)

    def state_dict(self) -> State:
        """Return the samples and their places: the very arrays, not copies."""
        return {"held": self._held, "free": self._free, "order": self._order}

    def load_state_dict(self, state: State) -> None:
        """Go on from what `state_dict` returned; ValueError if that was of another buffer."""
        held, free, order = state["held"], state["free"], state["order"]
        check_chunk(held)
        sizes = {
            len(leaf) for name, part in zip(NAMES, held or (), strict=False) for _, leaf in named_leaves(name, part)
        }
        places = np.concatenate([free, free[:0] if order is None else order])
        if sizes - {self._size} or places.dtype.kind != "i" or not 0 <= len(free) <= self._size:
            raise ValueError("the samples of the shuffle buffer are not of one of this size")
        if len(places) and (
            len(np.unique(places)) != len(places) or not 0 <= places.min() <= places.max() < self._size
        ):
            raise ValueError("the places in the shuffle buffer are not places of this one")
        self._held, self._free, self._order = held, free, order


def _put(place: Any, rows: NDArray[np.intp], leaf: Any) -> None:
    if isinstance(place, list):
        for row, sample in zip(rows, leaf, strict=True):
            place[row] = sample
    else:
        place[rows] = leaf
