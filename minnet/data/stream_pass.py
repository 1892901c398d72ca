"""A StreamPass is one pass over a Stream, as an iterator; it can be saved and continued if the source can."""

import copy
from typing import TYPE_CHECKING, Self

import numpy as np

from minnet.core.objects import keeps_state
from minnet.core.state import State, is_plain
from minnet.core.trees import leaves
from minnet.data.collate import collated
from minnet.data.epoch import Batch
from minnet.data.loader import DataLoader
from minnet.data.shuffle_buffer import ShuffleBuffer
from minnet.data.supply import Supply, size_of

if TYPE_CHECKING:
    from minnet.data.stream import Stream

MOST = 1 << 26  # bytes of a shuffle buffer that a checkpoint keeps


class StreamPass:
    """The batches of one pass over a Stream. It has random numbers of its own, so two passes do not mix them up.

    It begins with the first batch, or continues where another was when its `state_dict` returned `state`; ValueError
    if that was one of another stream.
    """

    def __init__(self, stream: "Stream", state: State | None = None) -> None:
        self._stream = stream
        source, place = stream.source, None if state is None else state["source"]
        if _knows_place(source) and place is not None:
            source.load_state_dict(place)
        items = iter(source() if stream.is_function else source)
        self._keeper = next((one for one in (source, items) if _knows_place(one)), None)
        if self._keeper is not source and self._keeper is not None and place is not None:
            self._keeper.load_state_dict(place)
        self._supply = Supply(items, stream.batches, stream.collate is not None)
        self._buffer, self._done = _buffer_of(stream, self._supply, state), 0 if state is None else state["done"]

    def __repr__(self) -> str:
        return f"StreamPass({self._done:,} batches done)"

    def __iter__(self) -> Self:
        """Return itself: it is used up as it goes."""
        return self

    def __next__(self) -> Batch:
        """Return the next batch, (x, y) or (x, y, sample_weight)."""
        stream, chunk = self._stream, self._buffer.draw()
        if chunk is None or (stream.drop_last and size_of(chunk) < stream.batch_size):
            raise StopIteration
        self._done += 1
        x, y, *weights = chunk
        if stream.collate is not None:
            x, y = collated(stream.collate, x, y, "Stream")
        stream.of_bytes = stream.of_bytes or any(leaf.dtype == np.uint8 for leaf in leaves(x))
        return (stream.prepared(x), y, *weights)

    def state_dict(self) -> State | None:
        """Return the place, with the samples in hand; None if the source knows none, or if these are too many."""
        if self._keeper is None or self._buffer.bytes() > MOST:
            return None
        state = {"done": self._done, "rng": self._buffer.rng, "buffer": self._buffer.state_dict()}
        state["supply"] = self._supply.state_dict()
        return state | {"source": self._keeper.state_dict()} if is_plain(state) else None


def check_state(stream: "Stream", state: State) -> None:
    """Raise an error if a state, from a file, is no place in a pass over a stream; the source judges its own."""
    _buffer_of(stream, Supply(iter(()), stream.batches, stream.collate is not None), state)


def _buffer_of(stream: "Stream", supply: Supply, state: State | None) -> ShuffleBuffer:
    """Return the shuffle buffer of a pass, with a Generator of its own; or that of a state, with the supply's rest."""
    if state is None:
        rng = np.random.default_rng(stream.rng.integers(1 << 63))
    elif not isinstance(rng := copy.deepcopy(state["rng"]), np.random.Generator):
        raise ValueError("the Generator of a pass over a Stream is none")
    buffer = ShuffleBuffer(supply, stream.buffer, stream.batch_size, rng)
    if state is not None:
        supply.restore(state["supply"])
        buffer.load_state_dict(state["buffer"])
    return buffer


def _knows_place(source: object) -> bool:
    """Whether a source has a state that tells its place; a DataLoader's tells only what decides the next pass."""
    return keeps_state(source) and not isinstance(source, DataLoader)
