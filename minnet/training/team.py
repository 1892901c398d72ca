"""A Team is the threads of a fit: the one that trains, and helpers, which sleep until there is work for them."""

import time
from collections.abc import Callable
from contextvars import copy_context
from threading import Lock, Thread
from typing import Any, TypeVar

Result = TypeVar("Result")

WINDOW = 0.25  # seconds over which the team looks at itself
PAUSE = 2.0  # seconds for which the parts are done one after the other, before the threads try again
ALONE = 0.9  # of the processor's time: parts at the same time that take longer are better done one after the other


class Team:
    """Several threads that do parts of a task at the same time, until it is closed.

    Helpers start with the first task, and wait for the next one asleep, so that a thread that waits costs nothing.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.watch = Watch()
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

    def parts(self, work: Callable[[int], Result]) -> list[Result]:
        """Do as `together`, for work that needs no other's: one after the other while another program has a processor.

        Who does a part changes nothing in it, so the result does not depend on what else the machine does.
        """
        if self.watch.crowded():
            return [work(thread) for thread in range(self.size)]

        def timed(thread: int) -> tuple[Result, float]:
            begin = time.thread_time()
            result = work(thread)
            return result, time.thread_time() - begin

        begin = time.perf_counter()
        done = self.together(timed)
        self.watch.note(time.perf_counter() - begin, sum(seconds for _, seconds in done))
        return [result for result, _ in done]

    def close(self) -> None:
        """End the helpers."""
        for helper in self._helpers:
            helper.end()
        self._helpers = []


class Watch:
    """Whether the threads of a team have processors of their own.

    If another program computes on one of two processors, two threads share the other one with it, or with each other,
    and hand Python's lock to a thread that has to wait. Then the task takes longer than the processor's time of all
    its parts. With a processor each, two threads take a little more than half of it.
    """

    def __init__(self) -> None:
        # Windows counts a thread's time in steps of 16 ms, longer than a part takes.
        self._precise = time.get_clock_info("thread_time").resolution < 1e-3
        self._seconds = self._computed = 0.0  # in this window: of the tasks, and of the processors
        self._until = 0.0  # when the threads try again

    def crowded(self) -> bool:
        """Whether the parts of a task are better done one after the other."""
        return time.perf_counter() < self._until

    def note(self, seconds: float, computed: float) -> None:
        """Count a task: how long it took, and how long the processors computed for it."""
        self._seconds += seconds
        self._computed += computed
        if self._seconds < WINDOW:
            return
        if self._precise and self._seconds > ALONE * self._computed:
            self._until = time.perf_counter() + PAUSE
        self._seconds = self._computed = 0.0


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
