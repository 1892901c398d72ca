"""Passes remember where a Trainer has stopped inside its passes over loaders, so that the next `fit` goes on there."""

import weakref
from collections.abc import Iterable, Iterator
from typing import Any

from minnet.core.state import State
from minnet.data.epoch import Batch, Epoch
from minnet.data.loader import DataLoader
from minnet.data.prefetch import Prefetch, unwrapped
from minnet.data.prefetch_pass import PrefetchPass

Pass = tuple[Iterator[Batch], int]  # the batches that are left, and how many steps of the pass are done


class Passes:
    """The passes that a `fit` has left before their end: of every DataLoader, and of the last other iterable.

    A copy has none. What is remembered of a DataLoader does not keep it, or its data, alive.
    """

    def __init__(self) -> None:
        self._epochs: dict[int, tuple[weakref.ref[Any], Any, State, int]] = {}  # by id of the loader
        self._other: tuple[object, Iterator[Batch], int] | None = None

    def __reduce__(self) -> Any:
        """Copy nothing: an iterator cannot be copied."""
        return Passes, ()

    def leave(self, loader: Iterable[Batch], batches: Any, done: int) -> None:
        """Remember a pass that was left, after so many steps."""
        inner, epoch = unwrapped(loader), batches.batches if isinstance(batches, PrefetchPass) else batches
        if isinstance(inner, DataLoader) and isinstance(epoch, Epoch) and type(inner).__iter__ is _begins_epoch:
            self._epochs = {key: epoch for key, epoch in self._epochs.items() if epoch[0]() is not None}
            self._epochs[id(loader)] = weakref.ref(loader), _form(inner), batches.state_dict(), done
        else:
            self._other = loader, batches, done

    def left(self, loader: Iterable[Batch]) -> Pass | None:
        """Return the pass over a loader that was left; None if there is none, or the loader was changed since."""
        if epoch := self._epochs.get(id(loader)):
            (of, form, state, done), inner = epoch, unwrapped(loader)
            if of() is not loader or form != _form(inner):
                return None
            return loader.around(Epoch(inner, state)) if isinstance(loader, Prefetch) else Epoch(inner, state), done
        if self._other is not None and self._other[0] is loader:
            return self._other[1:]
        return None

    def forget(self, loader: Iterable[Batch]) -> None:
        """Forget the pass over a loader, because it goes on or another begins."""
        self._epochs.pop(id(loader), None)
        if self._other is not None and self._other[0] is loader:
            self._other = None


_begins_epoch = DataLoader.__iter__


def _form(loader: DataLoader) -> Any:
    """Return what decides which rows a batch has, besides their order."""
    return loader.samples, loader.batch_size, loader.shuffle, loader.drop_last
