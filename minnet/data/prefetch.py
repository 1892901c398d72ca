"""A Prefetch reads the batches of any loader ahead, in a thread, while the model learns from those before."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from minnet.core.checks import check_int, named
from minnet.core.described import shown
from minnet.data.epoch import Batch
from minnet.data.loader import DataLoader
from minnet.data.prefetch_pass import PrefetchPass
from minnet.data.stream import Stream


class Prefetch:
    """Read the batches of a loader ahead in a background thread: the same batches, in the same order.

    It takes the place of the loader everywhere: in `fit`, `evaluate`, `lr_finder`, and in a job of several ranks, where
    each reads its own part ahead. A run that is stopped goes on with the same bits, with the Prefetch or without it. An
    error of the loader is raised in place of the batch that it was raised for.

    It pays where making a batch waits (for a disk, a network, a database), or computes in code that frees Python's
    lock, as NumPy does when it gathers rows, reads files and multiplies large arrays, if there is a processor that is
    idle. It does not pay for transforms written in Python, nor where the model uses all processors.

    Parameters
    ----------
    loader
        A `DataLoader`, a `Stream`, a list of batches, PyTorch's, or any other loader of `fit`.
    batches
        How many batches are read ahead. They are in memory, besides the one that is learned from.

    Raises
    ------
    TypeError, ValueError
        If the loader is none, or is a Prefetch; if `batches` is not an int above 0.

    Notes
    -----
    Attributes of the loader can be read, such as ``batch_size``. Its transform runs in the thread. `compiled=True`
    refuses a Prefetch, because compiled steps read the arrays themselves.

    Examples
    --------
    >>> import numpy as np
    >>> from minnet import DataLoader
    >>> loader = DataLoader(np.arange(6.0).reshape(6, 1), np.arange(6), batch_size=2, shuffle=True, rng=0)
    >>> ahead = DataLoader(np.arange(6.0).reshape(6, 1), np.arange(6), batch_size=2, shuffle=True, rng=0)
    >>> [y.tolist() for x, y in loader] == [y.tolist() for x, y in Prefetch(ahead)]
    True
    >>> len(Prefetch(ahead)), Prefetch(ahead).batch_size
    (3, 2)
    """

    loader: Any

    def __init__(self, loader: Iterable[Batch], batches: int = 2) -> None:
        is_data = isinstance(loader, tuple | Mapping | str | bytes | type) or hasattr(loader, "__array__")
        if is_data or not isinstance(loader, Iterable) or isinstance(loader, Prefetch):
            raise TypeError(
                f"Prefetch expected a loader, such as mn.DataLoader(X, y), which yields batches, got {named(loader)}"
            )
        self.loader = loader
        self.batches = check_int("Prefetch", "batches", batches, why="so many are read ahead")

    __repr__ = shown

    def __len__(self) -> int:
        """Return the number of batches of an epoch, if the loader knows it."""
        return len(self.loader)

    def __iter__(self) -> PrefetchPass:
        """Begin a pass over the loader."""
        return self.around(iter(self.loader))

    def around(self, batches: Iterator[Any], ahead: Iterable[Batch] = ()) -> PrefetchPass:
        """Return a pass that reads another one ahead, after the batches that are `ahead` already."""
        return PrefetchPass(self.loader, batches, self.batches, ahead)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the loader."""
        if name.startswith("_") or name == "loader":
            raise AttributeError(f"a Prefetch has no {name}")
        return getattr(self.loader, name)


def unwrapped(loader: Any) -> Any:
    """Return the loader that a Prefetch reads ahead, or the loader itself."""
    return loader.loader if isinstance(loader, Prefetch) else loader


def for_trial(loader: Any) -> Any:
    """Return a loader whose passes leave the order of the next ones of the given loader alone, if that is possible."""
    own = copy.copy(unwrapped(loader))  # the data are not copied
    if not isinstance(own, DataLoader | Stream):
        return loader
    own.rng = copy.deepcopy(own.rng)
    return Prefetch(own, loader.batches) if isinstance(loader, Prefetch) else own
