"""A Reader reads an iterator ahead, in a thread of its own."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

GRACE = 0.3  # seconds that the end of a pass waits for the item that is being read


class Item(NamedTuple):
    """A batch that was read, its rows in the data set if these are known, and how everything was before."""

    batch: Any
    rows: Any = None
    before: Any = None
    error: BaseException | None = None  # in place of a batch: what the iterator raised; StopIteration, too


class Reader:
    """Up to `most` items of an iterator, read by a thread, which is there while there is something to read.

    The thread holds this object, but not the pass that uses it, so that it ends when the pass is forgotten. It is a
    daemon, because a source that waits for ever must not keep Python from ending. `note` is called before an item is
    read; what it returns is the item's `before`.
    """

    def __init__(self, items: Iterator[Any], most: int, note: Callable[[], Any]) -> None:
        self.ahead: deque[Item] = deque()
        self.most = most
        self._items, self._note = items, note
        self._ended = False
        self._changed = threading.Condition()
        self._wanted = False
        self._thread: threading.Thread | None = None
        self._process = os.getpid()

    def take(self) -> Item:
        """Return the next item, or raise what the iterator raised, after the items before it."""
        if self._thread is not None and self._process != os.getpid():
            raise RuntimeError(
                "this pass over a Prefetch was begun in another process, whose thread is not here after a fork: begin "
                "a new pass, iter(loader)"
            )
        with self._changed:
            self._start()
            while not self.ahead:
                if self._ended:
                    raise StopIteration
                self._changed.wait()
            item = self.ahead.popleft()
            self._changed.notify_all()
        if item.error is not None:
            raise item.error
        return item

    def rest(self, timeout: float | None = None) -> None:
        """Let the thread end after the item that it is reading; `take` starts another."""
        with self._changed:
            thread, self._wanted = self._thread, False
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def put_back(self) -> Item | None:
        """Forget what is ahead, because the iterator goes back to it; return the first. The thread rests."""
        first = self.ahead[0] if self.ahead else None
        self.ahead.clear()
        self._ended = self._ended and first is None
        return first

    def _start(self) -> None:
        self._wanted = True
        if self._thread is None and not self._ended:
            self._process = os.getpid()
            self._thread = threading.Thread(target=self._run, name="minnet.Prefetch", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._wanted and len(self.ahead) >= self.most:
                    self._changed.wait()
                if not self._wanted or self._ended:
                    self._thread = None
                    return
            item = self._read()
            with self._changed:
                self.ahead.append(item)
                self._ended = item.error is not None
                self._changed.notify_all()
            del item

    def _read(self) -> Item:
        before = None
        try:
            before = self._note()
            batch = next(self._items)
            return Item(batch, getattr(self._items, "rows", None), before)
        except BaseException as error:  # raised where the item is taken
            return Item(None, None, before, error)
