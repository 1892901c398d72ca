"""A StreamPass is one pass over a Stream, as an iterator; it can be saved and continued if the source can."""

import copy
from typing import TYPE_CHECKING, Self

import numpy as np

from minnet.core.objects import keeps_state
from minnet.core.state import State, is_plain
from minnet.core.trees import leaves
from minnet.data.collate import collated
from minnet.data.epoch import Batch
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
        if keeps_state(source) and place is not None:
            source.load_state_dict(place)
        items = iter(source() if stream.is_function else source)
        self._keeper = next((one for one in (source, items) if keeps_state(one)), None)  # what knows its place
        if self._keeper is not source and self._keeper is not None and place is not None:
            self._keeper.load_state_dict(place)
        self._rng = (
            np.random.default_rng(stream.rng.integers(1 << 63)) if state is None else copy.deepcopy(state["rng"])
        )
        self._supply = Supply(items, stream.batches, stream.collate is not None)
        self._buffer = ShuffleBuffer(self._supply, stream.buffer, stream.batch_size, self._rng)
        self._done = 0
        if state is not None:
            self._go_on(state)

    def _go_on(self, state: State) -> None:
        if not isinstance(self._rng, np.random.Generator) or type(state["done"]) is not int or state["done"] < 0:
            raise ValueError("the place in a pass over a Stream is none")
        self._done = state["done"]
        self._supply.rest, self._supply.ended = state["rest"], bool(state["ended"])
        self._buffer.load_state_dict(state["buffer"])

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
        buffer, supply = self._buffer.state_dict(), self._supply
        state = {"done": self._done, "source": self._keeper.state_dict(), "rng": self._rng, "buffer": buffer}
        state |= {"rest": supply.rest, "ended": supply.ended}
        return state if is_plain({**state, "source": None}) else None
