"""What a loader remembers, whatever iterates over batches: its own `state_dict`, or the plain data in its attributes.

An epoch that is not a `minnet.data.epoch.Epoch` cannot be put in its place by a number. So the loader's state at the
beginning of the epoch is kept as well: with it, the epoch is begun again, and the batches that were learned from are
read once more. So it is with PyTorch's DataLoaders: see `minnet.saving.torch_loaders`.
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from zlib import crc32

import numpy as np

from minnet.core.objects import DATA, Objects, keeps_state
from minnet.core.state import State, attributes, same, set_attributes
from minnet.core.trees import leaves, named_leaves
from minnet.data.epoch import Batch, Epoch
from minnet.data.loader import DATA as DATA_SET
from minnet.data.loader import DataLoader
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
    small = {name: value for name, value in attributes(loader).items() if not _is_data(value)}
    random = torch_loaders.capture(loader)
    return {"attributes": small, "objects": walk(loader, covered).state()} | ({GENERATORS: random} if random else {})


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


def walk(loader: Any, covered: Iterable[object] = ()) -> Objects:
    """Find the objects in a loader that remember something."""
    objects = Objects([*covered, loader, *torch_loaders.generators(loader).values()])
    if not isinstance(loader, list | tuple):  # of batches
        objects.add("", loader, leave=DATA_SET)
    return objects


def data(loader: Any) -> dict[str, str]:
    """Return a checksum of each array that is taken for the data set: whether it changes after all."""
    if isinstance(loader, DataLoader) or keeps_state(loader):
        return {}
    large = {name: value for name, value in attributes(loader).items() if _is_data(value)}
    arrays = [pair for name, value in large.items() for pair in named_leaves(name, value)]
    return {name: f"{crc32(np.ascontiguousarray(array).data):x}" for name, array in arrays}


def begin(loader: Any, covered: Callable[[], Iterable[object]]) -> State | None:
    """Return a copy of a loader's state before an epoch; None if that epoch's place is a number."""
    if isinstance(loader, DataLoader) and type(loader).__iter__ is DataLoader.__iter__:
        return None
    return copy.deepcopy(capture(loader, covered()))


def place(batches: Iterator[Batch] | None) -> State | None:
    """Return the place in an epoch, if it is an `Epoch`, which can be made anew there."""
    return batches.state_dict() if type(batches) is Epoch else None


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
    if at is not None:
        return Epoch(loader, at)
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
