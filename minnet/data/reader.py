"""A Reader reads an iterator ahead, in a thread of its own."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

GRACE = 1.0  # seconds that the end of a pass waits for the item that is being read


class Item(NamedTuple):
    """What was read, its rows in the data set if these are known, and how everything was before."""

    batch: Any
    rows: Any
    before: Any


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
        self._end: BaseException | None = None  # the error that ended the iterator; StopIteration, too
        self._changed = threading.Condition()
        self._wanted = False
        self._thread: threading.Thread | None = None
        self._process = os.getpid()

    def take(self) -> Item:
        """Return the next item, or raise what the iterator raised, after the items before it."""
        if self._process != os.getpid() and self._thread is not None:
            raise RuntimeError(
                "this pass over a Prefetch was begun in another process, whose thread is not here after a fork: begin "
                "a new pass, iter(loader)"
            )
        with self._changed:
            self._start()
            while not self.ahead and self._end is None:
                self._changed.wait()
            if self.ahead:
                self._changed.notify_all()
                return self.ahead.popleft()
            error, self._end = self._end, StopIteration()
        assert error is not None
        try:
            raise error
        finally:
            del error  # it holds this frame

    def rest(self, timeout: float | None = None) -> None:
        """Let the thread end after the item that it is reading; `take` starts another."""
        with self._changed:
            thread, self._wanted = self._thread, False
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def reopen(self) -> None:
        """Read on, though the iterator has ended or raised an error: it was put back."""
        self._end = None

    def _start(self) -> None:
        self._wanted = True
        if self._thread is None and self._end is None:
            self._thread = threading.Thread(target=self._run, name="minnet.Prefetch", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._wanted and len(self.ahead) >= self.most:
                    self._changed.wait()
                if not self._wanted or self._end is not None:
                    self._thread = None
                    return
            try:
                before = self._note()
                item = Item(next(self._items), getattr(self._items, "rows", None), before)
            except BaseException as error:  # raised where the item is taken
                with self._changed:
                    self._end, self._thread = error, None
                    self._changed.notify_all()
                return
            with self._changed:
                self.ahead.append(item)
                self._changed.notify_all()
            del item
