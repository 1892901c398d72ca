"""A BusyMachine notices in the first seconds of a fit that BLAS's threads wait for processors, and says what to set."""

import math
import os
import textwrap
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from minnet.callbacks.base import Callback, Training
from minnet.core import blas
from minnet.core.console import announce
from minnet.core.state import State

# Measured on two processors, by default with two threads of OpenBLAS. Waiting, in threads: 0.0 to 0.2 on a quiet
# machine, 0.6 to 1.0 beside another program, whatever the sizes of the matrices.
WAITING = 0.4
HELPING = 0.05  # the share of the time that a thread of BLAS computes, or else it is idle
WINDOW = 0.5  # seconds between two looks
LOOKS = 20  # at the most; after these, the fit is no longer at its beginning

Times = dict[int, tuple[float, float]]  # the system's number of a thread → seconds it computed, and waited


@dataclass(frozen=True)
class Share:
    """What the thread that trains, and the threads that help it, did in some seconds."""

    seconds: float
    helpers: int  #: threads of BLAS that computed
    computed: float  #: seconds, of all threads together
    waited: float  #: seconds in which a thread was ready to compute, but had no processor

    @property
    def crowded(self) -> bool:
        """Whether threads of BLAS wait so much that training would be faster with one thread."""
        return self.helpers > 0 and self.waited >= WAITING * self.seconds

    def __add__(self, other: "Share") -> "Share":
        both = self.computed + other.computed, self.waited + other.waited
        return Share(self.seconds + other.seconds, max(self.helpers, other.helpers), *both)


def share(before: Times, after: Times, seconds: float, own: int) -> Share:
    """Return what was done between two looks, by the thread `own` and by those that helped it."""
    computed = {thread: run - before.get(thread, (0.0, 0.0))[0] for thread, (run, _) in after.items()}
    waited = {thread: wait - before.get(thread, (0.0, 0.0))[1] for thread, (_, wait) in after.items()}
    helpers = [t for t in after if t != own and computed[t] + waited[t] >= HELPING * seconds and computed[t] > 0]
    team = [thread for thread in (own, *helpers) if thread in after]
    return Share(seconds, len(helpers), sum(computed[t] for t in team), sum(waited[t] for t in team))


def look(folder: str = "/proc/self/task") -> Times:
    """Ask the system how long this thread and all that are not Python's computed and waited; only Linux tells.

    BLAS's threads are not Python's. The cost is 10 µs a thread.
    """
    pythons = {thread.native_id for thread in threading.enumerate()} - {threading.get_native_id()}
    found = Times()
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.isdecimal() and int(name) not in pythons:
                with suppress(OSError, ValueError):  # the thread has ended
                    run, wait, *_ = Path(folder, name, "schedstat").read_text().split()
                    found[int(name)] = int(run) / 1e9, int(wait) / 1e9
    return found


def advice(seen: Share, environment: Mapping[str, str]) -> str | None:
    """Return what to say, or None if no thread of BLAS can be meant."""
    pools, threads = blas.loaded(), seen.helpers + 1
    variable = blas.threads_variable(pools[0].get("internal_api") if pools else blas.built_with().get("name"))
    if environment.get(variable) == "1" or (pools and all(pool.get("num_threads") == 1 for pool in pools)):
        return None
    return (
        f"minnet: NumPy's matrix products compete for the processors. In {seen.seconds:.1f} s of this fit, their "
        f"{threads} threads computed for {seen.computed:.1f} s and waited for {seen.waited:.1f} s until a processor "
        f"was free. One thread is several times faster then: set {variable}=1 before Python starts, or in os.environ "
        "before the first import of NumPy. `python -m minnet` tells more. (This is said once.)"
    )


class BusyMachine(Callback):
    """Say once, in the first seconds of a fit, that BLAS's threads wait for processors.

    The threads of a product wait for each other. If one has no processor, because another program or another training
    has it, all others wait for it, and compute nothing meanwhile. This looks at how long threads were ready to compute
    and had no processor, twice a second, and speaks if that is much in two looks, one after the other.
    """

    every_step = False
    said = False  # in this process

    def on_fit_start(self, trainer: Training) -> None:
        """Begin with the first step."""
        self._looks, self._next = 0, math.inf if BusyMachine.said else 0.0
        self._at, self._before = 0.0, Times()
        self._last: Share | None = None

    def on_step_end(self, trainer: Training) -> None:
        """Look, when it is time."""
        now = time.perf_counter()
        if now >= self._next:
            self._look(now)

    def state_dict(self) -> State:
        """Return nothing, because a resumed run may be on another machine."""
        return {}

    def _look(self, now: float) -> None:
        times = look()
        self._looks += 1
        self._next = now + WINDOW if times and self._looks <= LOOKS else math.inf
        if self._before and times:
            self._judge(share(self._before, times, now - self._at, threading.get_native_id()))
        self._at, self._before = now, times

    def _judge(self, seen: Share) -> None:
        if seen.crowded and self._last is not None and self._last.crowded:
            self._next, BusyMachine.said = math.inf, True
            if text := advice(self._last + seen, os.environ):
                announce("\n" + textwrap.fill(text, 79, break_on_hyphens=False))
        self._last = seen
