"""What a loader remembers, whatever iterates over batches: its own `state_dict`, or the plain data in its attributes.

An epoch that is not a `minnet.data.epoch.Epoch` cannot be put in its place by a number. So the loader's state at the
beginning of the epoch is kept as well: with it, the epoch is begun again, and the batches that were learned from are
read once more. So it is with PyTorch's DataLoaders: see `minnet.saving.torch_loaders`.
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any
from zlib import crc32

import numpy as np

from minnet.core.objects import DATA, Objects, keeps_state
from minnet.core.state import State, attributes, same, set_attributes
from minnet.core.trees import leaves, named_leaves
from minnet.data.epoch import Batch, Epoch
from minnet.data.loader import DATA as DATA_SET
from minnet.data.loader import DataLoader
from minnet.data.prefetch import Prefetch, unwrapped
from minnet.data.prefetch_pass import PrefetchPass
from minnet.data.stream import Stream
from minnet.data.stream_pass import StreamPass, check_state
from minnet.errors import CheckpointError
from minnet.saving import torch_loaders

GENERATORS = "generators"  # in the state of a loader: see `minnet.saving.torch_loaders`
MOST_UNASKED = 1_000_000  # batches that are read once more, even if a fit is of fewer steps


def capture(loader: Any, covered: Iterable[object] = ()) -> State:
    """Return what a loader remembers. Large arrays are taken for the data set, which is not kept."""
    if isinstance(loader, DataLoader):
        return loader.state_dict()
    if keeps_state(loader):
        return {"state": loader.state_dict()}
    small = {n: value for n, value in attributes(loader).items() if not _is_data(value) and n not in left_out(loader)}
    random = torch_loaders.capture(loader)
    state = {"attributes": small, "objects": walk(loader, covered).state()} | ({GENERATORS: random} if random else {})
    if _has_source(loader):
        state["source"] = capture(loader.source, [*covered, loader])
    return state


def restore(loader: Any, state: State, covered: Iterable[object] = ()) -> None:
    """Restore what `capture` returned."""
    if isinstance(loader, DataLoader):
        loader.load_state_dict(state)
    elif keeps_state(loader):
        # To load may mean to go on from there in the next pass, so it is done only where the loader is elsewhere.
        if not same(loader.state_dict(), state["state"]):
            loader.load_state_dict(state["state"])
    elif state:
        set_attributes(loader, state["attributes"])
        walk(loader, covered).restore(state["objects"])
        if GENERATORS in state:
            torch_loaders.restore(loader, state[GENERATORS])
        if "source" in state:
            restore(loader.source, state["source"], [*covered, loader])


def walk(loader: Any, covered: Iterable[object] = ()) -> Objects:
    """Find the objects in a loader that remember something."""
    objects = Objects([*covered, loader, *torch_loaders.generators(loader).values()])
    if not isinstance(loader, list | tuple):  # of batches
        objects.add("", loader, leave=left_out(loader))
    return objects


def with_source(path: str, loader: Any) -> dict[str, Any]:
    """Return a loader by its path, and the source of a Stream, if that may remember something, by its own."""
    return {path: loader} | ({f"{path}.source": loader.source} if _has_source(loader) else {})


def left_out(loader: Any) -> tuple[str, ...]:
    """Return the attributes that are data, or that have a state of their own."""
    return ("source",) if isinstance(loader, Stream) and not loader.is_function else DATA_SET


def _has_source(loader: Any) -> bool:
    return isinstance(loader, Stream) and not loader.is_function and not isinstance(loader.source, list)


def data(loader: Any) -> dict[str, str]:
    """Return a checksum of each array that is taken for the data set: whether it changes after all."""
    if isinstance(loader, DataLoader) or keeps_state(loader):
        return {}
    large = {name: value for name, value in attributes(loader).items() if _is_data(value)}
    arrays = [pair for name, value in large.items() for pair in named_leaves(name, value)]
    return {name: f"{crc32(np.ascontiguousarray(array).data):x}" for name, array in arrays}


def begin(loader: Any, covered: Callable[[], Iterable[object]]) -> State | None:
    """Return a copy of a loader's state before an epoch; None if that epoch's place is a number."""
    loader = unwrapped(loader)
    if isinstance(loader, DataLoader) and type(loader).__iter__ is DataLoader.__iter__:
        return None
    return copy.deepcopy(capture(loader, covered()))


def place(batches: Iterator[Batch] | None) -> State | None:
    """Return the place in an epoch that can be made anew there, or that has batches which were read ahead."""
    return batches.state_dict() if isinstance(batches, Epoch | StreamPass | PrefetchPass) else None


def check_place(loader: Any, place: State, done: int) -> None:
    """Raise ValueError if a place, from a file, is none in an epoch of which so many batches are done."""
    if "ahead" in place and not isinstance(loader, DataLoader):
        ahead, place = place["ahead"], place["inner"]
        if type(ahead) is list and all(type(batch) is tuple and len(batch) in (2, 3) for batch in ahead):
            done += len(ahead)
        elif type(ahead) is not int or ahead < 0 or place is not None:
            raise ValueError("what was read ahead is no list of batches")
    if place is not None and not isinstance(loader, DataLoader | Stream):
        raise ValueError("a place in an epoch, which has none")
    if place is not None and isinstance(loader, Stream):
        check_state(loader, place)
    if place is not None and (type(place["done"]) is not int or place["done"] != done):
        raise ValueError("in_epoch differs from how many batches are done")


def end(batches: Any) -> bool:
    """End the thread and the worker processes of a pass; return whether there were workers, so that it cannot go on."""
    if isinstance(batches, PrefetchPass):
        batches.rest()
        batches = batches.batches
    return torch_loaders.end_workers(batches)


def length_of(loader: Any) -> int | None:
    """Return the number of batches of an epoch, if the loader knows it: one of PyTorch's may have `__len__` in vain."""
    try:
        return len(loader)
    except (TypeError, NotImplementedError):
        return None


def check_asked(loader: Any, done: int, steps: int | None) -> None:
    """Refuse to read very many batches of an endless loader once more, for a fit of fewer steps: a file may claim any.

    Raises CheckpointError.
    """
    if steps is not None and length_of(loader) is None and done > max(steps, MOST_UNASKED):
        raise CheckpointError(
            f"the checkpoint claims that {done:,} batches of the loader were read, and this fit is of {steps:,} steps: "
            "pass fit(steps=...) as many as the run had"
        )


def go_on(
    loader: Any,
    done: int,
    at: State | None,
    began: State | None,
    left: tuple[Iterator[Batch], int] | None,
    covered: Iterable[object],
) -> Iterator[Batch]:
    """Return the rest of an epoch of which so many batches are done: at its place, or begun again.

    `left` is the pass that an earlier `fit` of the script has left, and how many of its batches were read. Raises
    CheckpointError if the loader yields fewer batches than it did, or is an iterator that is beyond that place.
    """
    if isinstance(loader, Prefetch) or (at is not None and "ahead" in at):
        return _go_on_ahead(loader, done, at, began, left, covered)
    if at is not None:
        return StreamPass(loader, at) if isinstance(loader, Stream) else Epoch(loader, at)
    if began is not None:
        restore(loader, began, covered)
    batches: Iterator[Batch] = iter(loader)
    read = 0
    if left and (began is None or batches is loader):
        batches, read = left
    if read > done:
        raise CheckpointError(
            f"the checkpoint is of batch {done}, but {read} batches of this iterator were read already, and it cannot "
            "go back: pass a DataLoader, or a new iterator"
        )
    for i in range(read, done):
        if next(batches, None) is None:
            raise CheckpointError(f"the loader yields {i} batches now, but the run had learned from {done} of them")
    return batches


def _go_on_ahead(
    loader: Any, done: int, at: State | None, began: State | None, left: Any, covered: Any
) -> PrefetchPass:
    """Return the rest of an epoch that a Prefetch reads ahead, or did when the checkpoint was written."""
    if at is None or "ahead" not in at:
        at = {"ahead": [], "inner": at}
    if left and isinstance(left[0], PrefetchPass):
        left = left[0].batches, left[1] + left[0].ahead
    wrapping = loader if isinstance(loader, Prefetch) else Prefetch(loader)
    batches = go_on(unwrapped(loader), done, at["inner"], began, left, covered)
    ahead = at["ahead"]
    return wrapping.around(batches, list(islice(batches, ahead)) if type(ahead) is int else ahead)


def as_saved(loader: Any, state: State) -> Any:
    """Return a DataLoader with the batch size that is in its state: a callback may have changed it."""
    size = state.get("attributes", {}).get("batch_size")
    if not isinstance(loader, DataLoader) or size == loader.batch_size:
        return loader
    if type(size) is not int or not 0 < size <= loader.samples:
        raise ValueError(f"a batch size of {size}")
    loader = copy.copy(loader)
    loader.batch_size = size
    return loader


def _is_data(value: Any) -> bool:
    """Whether a value is a large array, or a tuple or dict of arrays that are large together."""
    arrays = leaves(value)
    are_arrays = bool(arrays) and all(isinstance(array, np.ndarray) for array in arrays)
    return are_arrays and sum(array.nbytes for array in arrays) >= DATA
