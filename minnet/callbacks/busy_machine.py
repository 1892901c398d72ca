"""A BusyMachine notices in the first seconds of a fit that threads of BLAS cost more than they bring, and says so."""

import math
import os
import textwrap
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minnet.callbacks.base import Callback, Training
from minnet.core import blas
from minnet.core.console import announce
from minnet.core.described import WIDTH
from minnet.core.state import State
from minnet.layers import Linear

# Measured on two processors, by default with two threads of OpenBLAS. Waiting, in threads: 0.0 to 0.2 on a quiet
# machine, 0.6 to 1.0 beside another program, whatever the sizes of the matrices.
WAITING = 0.4
HELPING = 0.05  # the share of the time that a thread of BLAS computes, or else it is idle
WINDOW = 0.5  # seconds between two looks
MANY = 4  # threads of BLAS that compute: so many are worth a trial whether one is as fast
LOOKS = 20  # at the most; after these, the fit is no longer at its beginning

Times = dict[int, tuple[float, float]]  # the system's number of a thread → seconds it computed, and waited


@dataclass(frozen=True)
class Share:
    """What the thread that trains, and the threads that help it, did in some seconds."""

    seconds: float
    helpers: int  #: threads of BLAS that computed
    computed: float  #: seconds, of all threads together
    waited: float  #: seconds in which a thread was ready to compute, but had no processor
    alone: bool = True  #: whether no other thread of Python computed

    @property
    def crowded(self) -> bool:
        """Whether threads of BLAS wait so much that training would be faster with one thread."""
        return self.helpers > 0 and self.waited >= WAITING * self.seconds

    def __add__(self, other: "Share") -> "Share":
        both = self.computed + other.computed, self.waited + other.waited
        helpers = min(self.helpers, other.helpers)
        return Share(self.seconds + other.seconds, helpers, *both, alone=self.alone and other.alone)


def share(before: Times, after: Times, seconds: float, own: int, pythons: Collection[int | None] = ()) -> Share:
    """Return what was done between two looks, by the thread `own` and by those that are not Python's: BLAS's."""
    computed = {thread: run - before.get(thread, (0.0, 0.0))[0] for thread, (run, _) in after.items()}
    waited = {thread: wait - before.get(thread, (0.0, 0.0))[1] for thread, (_, wait) in after.items()}
    active = {t for t in after if computed[t] > 0 and computed[t] + waited[t] >= HELPING * seconds}
    helpers = active - {own, *pythons}
    team = [thread for thread in (own, *helpers) if thread in after]
    done = sum(computed[thread] for thread in team), sum(waited[thread] for thread in team)
    return Share(seconds, len(helpers), *done, alone=not (active - {own} - helpers))


def look(folder: str = "/proc/self/task") -> Times:
    """Ask the system how long each thread computed and waited; only Linux tells. The cost is 10 µs a thread."""
    found = Times()
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.isdecimal():
                with suppress(OSError, ValueError):  # the thread has ended
                    run, wait, *_ = Path(folder, name, "schedstat").read_text().split()
                    found[int(name)] = int(run) / 1e9, int(wait) / 1e9
    return found


def advice(seen: Share, environment: Mapping[str, str]) -> str | None:
    """Return what to say on a busy machine, or None if no thread of BLAS can be meant."""
    if not (variable := _variable(environment)):
        return None
    return (
        f"minnet: NumPy's matrix products compete for the processors. In {seen.seconds:.1f} s of this fit, their "
        f"{seen.helpers + 1} threads computed for {seen.computed:.1f} s and waited for {seen.waited:.1f} s until a "
        f"processor was free. One thread is several times faster then: {_cure(variable)}"
    )


def advice_on_a_trial(trainer: Training, environment: Mapping[str, str]) -> str | None:
    """Return what to say on a big machine, if the model's largest product is as fast with one thread; else None.

    It is tried with threadpoolctl, for networks of Linear layers only: of others, the products are not known.
    """
    pools, product, variable = blas.loaded(), largest_product(trainer), _variable(environment)
    if not (pools and product and variable):
        return None
    count = int(pools[0]["num_threads"])
    several, one = (blas.milliseconds(*product, threads) for threads in (count, 1))
    if one > several:
        return None
    rows, inputs, outputs = product
    return (
        f"minnet: NumPy's matrix products use {count} threads, but the largest of this model, ({rows}, {inputs}) @ "
        f"({inputs}, {outputs}), takes {several:.2f} ms with them and {one:.2f} ms with one. To train as fast or "
        f"faster, and leave the other processors to other programs, {_cure(variable)}"
    )


def largest_product(trainer: Training) -> tuple[int, int, int] | None:
    """Return rows, inputs and outputs of the largest product of a network of Linear layers; None of another."""
    layers = [layer for _, layer in trainer.model.named_layers() if any("." not in n for n, _ in layer.named_arrays())]
    if not layers or not all(type(layer) is Linear for layer in layers) or getattr(trainer, "compiled", False):
        return None
    weights = [parameter.data.shape for parameter in trainer.model.parameters() if parameter.data.ndim == 2]
    inputs, outputs = max(weights, key=math.prod)
    rows = math.prod(np.shape(trainer.prediction)[:-1])
    return rows, inputs, outputs


def _variable(environment: Mapping[str, str]) -> str | None:
    """Return the variable that sets the number of BLAS's threads; None if there is one thread already."""
    pools = blas.loaded()
    variable = blas.threads_variable(pools[0].get("internal_api") if pools else blas.built_with().get("name"))
    one = environment.get(variable) == "1" or (pools and all(pool.get("num_threads") == 1 for pool in pools))
    return None if one else variable


def _cure(variable: str) -> str:
    return (
        f"set {variable}=1 before Python starts, or in os.environ before the first import of NumPy. "
        "`python -m minnet` tells more. (This is said once.)"
    )


def watch() -> list["BusyMachine"]:
    """Return what looks at the machine during a fit; none that has nothing to say would cost each step a call."""
    one = os.environ.get(blas.threads_variable(blas.built_with().get("name"))) == "1"
    return [] if one or BusyMachine.said else [BusyMachine()]


class BusyMachine(Callback):
    """Say once, in the first seconds of a fit, that one thread of BLAS would be faster.

    The threads of a product wait for each other. If one has no processor, because another program or another training
    has it, all others wait for it, and compute nothing meanwhile. This looks at how long threads were ready to compute
    and had no processor, twice a second, and speaks if that is much in two looks, one after the other.

    Where no thread waits, but many compute, it measures the model's largest product with all of them and with one, and
    speaks if one is as fast.
    """

    every_step = False
    rank_zero_only = True
    said = False  # in this process

    def on_fit_start(self, trainer: Training) -> None:
        """Let the fit begin: one that is shorter than a window is not looked at."""
        self._looks, self._next = 0, time.perf_counter() + WINDOW
        self._at, self._before = 0.0, Times()
        self._last: Share | None = None
        self._tried = False

    def on_step_end(self, trainer: Training) -> None:
        """Look, when it is time."""
        now = time.perf_counter()
        if now >= self._next:
            self._look(trainer, now)

    def state_dict(self) -> State:
        """Return nothing, because a resumed run may be on another machine."""
        return {}

    def _look(self, trainer: Training, now: float) -> None:
        times = look()
        self._looks += 1
        self._next = now + WINDOW if times and self._looks <= LOOKS else math.inf
        if self._before and times:
            pythons = {thread.native_id for thread in threading.enumerate()}
            seen = share(self._before, times, now - self._at, threading.get_native_id(), pythons)
            if self._last is not None:
                self._judge(trainer, self._last, seen)
            self._last = seen
        self._at, self._before = now, times

    def _judge(self, trainer: Training, last: Share, seen: Share) -> None:
        """Speak, if two looks agree."""
        both, text = last + seen, None
        if last.crowded and seen.crowded:
            BusyMachine.said, text = True, advice(both, os.environ)
        elif both.helpers >= MANY and both.alone and not (self._tried or last.crowded or seen.crowded):
            self._tried, text = True, advice_on_a_trial(trainer, os.environ)
        if text:
            announce("\n" + textwrap.fill(text, WIDTH, break_on_hyphens=False))
            BusyMachine.said = True
        if BusyMachine.said:
            self._next = math.inf
