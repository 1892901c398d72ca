"""A stopwatch times the same jobs under several environments, in turn, so that a busy machine slows all of them alike.

Which kernel a BLAS takes, and how many threads, is settled when the library is loaded. So each environment has a
Python process of its own, which stays alive and times its jobs whenever it is asked to.
"""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from itertools import pairwise
from typing import Any

More = Callable[[list[float]], bool]  # whether to go on, judged from when the job began and was done each time
Job = Callable[[More], list[float]]  # do it as long as there is to be more; return those moments
Times = dict[str, dict[str, list[float]]]  # variant → job → seconds, one of each round

BUDGET = 0.015  # seconds a job and round: long enough for a median, short enough that rounds are close together
TIMEOUT = 60.0  # seconds until a process that does not answer is given up
FEWEST, MOST = 5, 15  # rounds


class Stopwatch:
    """A Python process that times jobs, in the environment of this one with some changes, until it is closed.

    Parameters
    ----------
    source
        The function that makes the jobs, as ``"module:function"``: it returns a dict of name → `Job`.
    options
        Its keyword arguments, literals all.
    changes
        Environment variables to set, or (None) to unset, in that process alone.
    timeout
        After how many seconds it is killed if it does not answer.
    """

    def __init__(
        self,
        source: str,
        options: Mapping[str, Any],
        changes: Mapping[str, str | None],
        timeout: float = TIMEOUT,
    ) -> None:
        environment = {**os.environ, **changes}
        # The same modules as here, wherever it is started from; and -P, or Python would look for the first ones
        # in the current directory.
        paths = [os.path.abspath(path) for path in sys.path]
        code = (
            f"import sys; sys.path[:] = {paths!r}; from minnet.stopwatch import serve; serve({source!r}, {options!r})"
        )
        self.timeout = timeout
        self.process: subprocess.Popen[str] | None = None
        with contextlib.suppress(OSError):  # as if it had died at once
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", code],
                env={name: value for name, value in environment.items() if value is not None},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()

    def round(self) -> dict[str, float] | None:
        """Return each job's seconds; None if the process died, or did not answer in time."""
        process = self.process
        if process is None or process.stdin is None or process.stdout is None:
            return None
        alarm = threading.Timer(self.timeout, process.kill)  # which ends the wait for its answer
        alarm.start()
        try:
            process.stdin.write("go\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            return answer if isinstance(answer, dict) else None
        except (OSError, ValueError):  # the pipe is closed, or what came out of it is not JSON
            return None
        finally:
            alarm.cancel()


def race(
    source: str,
    options: Mapping[str, Any],
    variants: Mapping[str, Mapping[str, str | None]],
    *,
    seconds: float,
    tell: Callable[[str], object] = lambda message: None,
    timeout: float = TIMEOUT,
) -> Times:
    """Time the same jobs under all variants, a round of all of them after the other.

    Parameters
    ----------
    source, options
        The jobs, as for `Stopwatch`.
    variants
        Name → changes of the environment.
    seconds
        About how long to go on, once all are warm. Five rounds are made in any case.
    tell
        Is told how far it is.
    timeout
        As for `Stopwatch`.

    Returns
    -------
    dict
        Variant → job → its seconds in each round. A variant whose process failed has no jobs.
    """
    times: Times = {name: {} for name in variants}
    watches: dict[str, Stopwatch] = {}

    def ask(name: str) -> dict[str, float]:
        answer = watches[name].round()
        if answer is None:
            times[name] = {}
            watches.pop(name).close()
        return answer or {}

    try:
        for name, changes in variants.items():
            watches[name] = Stopwatch(source, options, changes, timeout)
        for i, name in enumerate(variants):  # the first round is for warming up
            tell(f"warming up {i + 1} of {len(variants)}")
            ask(name)
        begin = time.perf_counter()
        for i in range(MOST):
            spent = time.perf_counter() - begin
            if i >= FEWEST and spent >= seconds:
                break
            tell(f"round {i + 1} of {MOST} at most, {spent:.0f} of about {seconds:.0f} s")
            for name in list(watches)[:: 1 if i % 2 else -1]:  # so that being first is nobody's privilege
                for job, value in ask(name).items():
                    times[name].setdefault(job, []).append(value)
    finally:
        for watch in watches.values():
            watch.close()
    return times


def serve(source: str, options: Mapping[str, Any]) -> None:
    """Be the process of a `Stopwatch`: time the jobs for every line that comes in."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal: it is the parent's
    module, _, function = source.partition(":")
    jobs: dict[str, Job] = getattr(import_module(module), function)(**options)
    for _ in sys.stdin:
        print(json.dumps({name: statistics.median(durations(job(more))) for name, job in jobs.items()}))
        _wait_for_threads()
        sys.stdout.flush()


def timed(call: Callable[[], object]) -> Job:
    """Return the job of making a call."""

    def job(more: More) -> list[float]:
        stamps = [time.perf_counter()]
        while more(stamps):
            call()
            stamps.append(time.perf_counter())
        return stamps

    return job


def durations(stamps: list[float]) -> list[float]:
    """Return how long each time took, from the moments between them."""
    return [end - start for start, end in pairwise(stamps)]


def more(stamps: list[float]) -> bool:
    """Say whether to go on: until the budget is spent, and at least three times, if they are not very long."""
    spent, count = stamps[-1] - stamps[0], len(stamps) - 1
    return count < 1 or spent < BUDGET or (count < 3 and spent < 10 * BUDGET)


def _wait_for_threads(most: float = 0.5) -> None:
    """Wait until the threads of the BLAS sleep: after a product they turn in circles for a while, awaiting another.

    OpenBLAS's do so for 0.1 s, and meanwhile would take the cores from the process whose turn is next.
    """
    end = time.perf_counter() + most
    while time.perf_counter() < end:
        before = time.process_time()
        time.sleep(0.01)
        if time.process_time() - before < 0.002:
            return
