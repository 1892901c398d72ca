"""A PrefetchPass is one pass over a Prefetch: the batches of the pass that it reads ahead, in their order."""

import copy
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, Self

from minnet.core.state import State, is_plain
from minnet.data.epoch import Batch, Epoch
from minnet.data.loader import DataLoader
from minnet.data.reader import GRACE, Item, Reader
from minnet.data.stream_pass import StreamPass


class PrefetchPass:
    """The batches of a pass, `most` of which are read ahead by a thread.

    `ahead` are batches that were read before, of which a checkpoint has kept the state. The thread starts with the
    first batch that is asked for.
    """

    def __init__(self, loader: Any, batches: Iterator[Any], most: int, ahead: Iterable[Batch] = ()) -> None:
        self.rows: Any = None  # of the last batch; a message about a bad batch names them
        self.batches = batches
        self._loader = loader
        self._reader = Reader(batches, most, _note_of(loader, batches))
        self._reader.ahead.extend(Item(batch) for batch in ahead)
        self._finalizer = weakref.finalize(self, self._reader.rest, GRACE)

    def __iter__(self) -> Self:
        """Return itself: it is used up as it goes."""
        return self

    def __next__(self) -> Batch:
        """Return the next batch; raise here what the loader raised when it was read."""
        item = self._reader.take()
        self.rows = item.rows
        return item.batch  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        """Return the part of a job's rank, if the pass that is read ahead has one."""
        if name == "part":
            return self.batches.part  # type: ignore[attr-defined]
        raise AttributeError(f"a PrefetchPass has no {name}")

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.batches, name, value) if name == "part" else object.__setattr__(self, name, value)

    @property
    def ahead(self) -> int:
        """How many batches were read that nobody has asked for."""
        return len(self._reader.ahead)

    def rest(self) -> None:
        """End the thread; the next batch that is asked for starts another."""
        self._reader.rest(GRACE)

    def settle(self) -> None:
        """Wait for the thread; then let an Epoch go back to the batches that were read and not yet asked for."""
        self._reader.rest()
        if not isinstance(self.batches, Epoch) or (first := self._reader.put_back()) is None:
            return
        done, state, own = first.before
        self.batches.back_to(done)
        if state is not None:
            size = self._loader.batch_size  # which a callback may have changed
            self._loader.load_state_dict(state)
            self._loader.batch_size = size
        if own is not None:
            self.batches.part.rng.bit_generator.state = own

    def state_dict(self) -> State | None:
        """Return the place after the last batch that was asked for: an Epoch's, or what is ahead and the pass's place.

        Of a pass that knows no place, it is only how many batches are ahead.
        """
        self.settle()
        if isinstance(self.batches, Epoch):
            return self.batches.state_dict()
        inner = self.batches.state_dict() if isinstance(self.batches, StreamPass) else None
        ahead = [item.batch for item in self._reader.ahead if item.error is None]
        if inner is None or not is_plain(ahead):
            return {"ahead": len(ahead), "inner": None}
        return {"ahead": ahead, "inner": inner}


def _note_of(loader: Any, batches: Iterator[Any]) -> Any:
    """Return a function that notes what making a batch may change: random numbers, and what transforms remember."""
    if not isinstance(batches, Epoch):
        return lambda: None
    constant = type(loader) is DataLoader and loader.transform is None and loader.collate is None
    constant = constant and loader.shuffle != "resampled"

    def note() -> tuple[int, Any, Any]:
        if constant:
            return batches.done, None, None
        rng = getattr(batches.part, "rng", None)
        own = None if rng is None else copy.deepcopy(rng.bit_generator.state)
        return batches.done, copy.deepcopy(loader.state_dict()), own

    return note
