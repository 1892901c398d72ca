"""A Team is the threads of a fit: the one that trains, and helpers, which sleep until there is work for them."""

from collections.abc import Callable
from contextvars import copy_context
from threading import Lock, Thread
from typing import Any, TypeVar

Result = TypeVar("Result")


class Team:
    """Several threads that do parts of a task at the same time, until it is closed.

    Helpers start with the first task, and wait for the next one asleep. So threads that wait take no processor from
    those that compute. Where another program has one of two processors, a task takes about as long as by one thread.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._helpers: list[_Helper] = []

    def together(self, work: Callable[[int], Result], give_up: Callable[[], None] = lambda: None) -> list[Result]:
        """Call work(0), work(1), ... at the same time, each in a thread of its own; return their results.

        They may wait for each other: `give_up` is called as soon as one of them fails.
        """

        def watched(thread: int) -> Result:
            try:
                return work(thread)
            except BaseException:
                give_up()
                raise

        while len(self._helpers) < self.size - 1:
            self._helpers.append(_Helper(f"minnet-{len(self._helpers) + 1}"))
        try:
            for thread, helper in enumerate(self._helpers, 1):
                # In a copy of the context, so that np.errstate and compiled code hold there, too.
                helper.begin(copy_context().run, watched, thread)
            first = watched(0)
        finally:
            for helper in self._helpers:
                helper.wait()  # no thread may use the weights any more when this returns
        return [first, *(helper.result() for helper in self._helpers)]

    def close(self) -> None:
        """End the helpers."""
        for helper in self._helpers:
            helper.end()
        self._helpers = []


class _Helper:
    """A thread that calls a function whenever it is told to.

    Two locks hand over the work and its end, in half of the time of a ThreadPoolExecutor's queue.
    """

    def __init__(self, name: str) -> None:
        self._work, self._done = Lock(), Lock()
        self._work.acquire()
        self._done.acquire()
        self._task: Callable[[], Any] | None = None
        self._result: Any = None
        self._error: BaseException | None = None
        self._busy = False
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def begin(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call the function in this thread."""
        self._task = lambda: function(*arguments)
        self._busy = True
        self._work.release()

    def wait(self) -> None:
        """Wait until the call is over, and only then let Ctrl-C through."""
        if self._busy:
            self._busy = False
            try:
                self._done.acquire()
            except BaseException:
                self._done.acquire()
                raise

    def result(self) -> Any:
        """Return what the call returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._result

    def end(self) -> None:
        """End the thread."""
        self._work.release()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._work.acquire()
            task, self._task = self._task, None
            if task is None:
                return
            self._result = self._error = None
            try:
                self._result = task()
            except BaseException as error:
                self._error = error
            self._done.release()
