"""A watchdog ends the job, with a message, when a rank died, hangs, or met an error that the others did not."""

import atexit
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from minnet.core.console import announce
from minnet.errors import RankError
from minnet.mpi.neighbours import Neighbours, address
from minnet.mpi.status import END, Status, first_error, last_checkpoint, left_together, listed, verdict

PERIOD = 0.05  # seconds between two looks; mpiexec ends the others a quarter of a second after a rank has died
PATIENCE = 1.0  # seconds that a rank is in one call until it asks what the others do
ANSWERING = 5.0  # seconds that a rank has to answer
LINES = 3  # of the code that keeps others waiting
TAG = 0x6D6E  # of the messages of watchdogs; a number that nobody else is likely to use
CODE = 1  # that mpiexec ends with


class Watchdog(threading.Thread):
    """A thread of each rank that asks what the others do, when its own rank has to wait for long.

    Every call of MPI is one that all ranks do, in the same order. So the numbers of their calls tell who waits for
    whom: see `verdict`. Only the lowest rank that waits asks, and only the lowest that answers prints. A rank that
    died is seen by the others on its machine, before mpiexec ends them.

    `mpi` is the module ``mpi4py.MPI``. There is one watchdog a process.
    """

    def __init__(self, mpi: Any) -> None:
        super().__init__(name="minnet-watchdog", daemon=True)
        self.timeout = 0.0  # seconds that a rank may keep the others waiting
        self._mpi, self._comm = mpi, mpi.COMM_WORLD
        self._rank, self._size = self._comm.Get_rank(), self._comm.Get_size()
        self._calls, self._call = 0, ""
        self._thread, self._process = threading.main_thread().ident, os.getpid()
        self._where: Callable[[], str] = str
        self._checkpoint: Callable[[], str] = str
        self._neighbours = Neighbours([])
        self._error: BaseException | None = None  # with which fit is to be left
        self._agreed: BaseException | None = None  # the last with which all ranks have left
        self._quiet: BaseException | None = None  # the last that another rank shows
        self._left, self._may_leave = 0, threading.Event()
        self._doing: tuple[Any, ...] = ()
        self._since = self._asked = self._lower_asked = -float("inf")  # times
        self._answers: dict[int, Status] | None = None  # of the round that is open
        self._sent: list[Any] = []
        self._over, self._told = threading.Event(), False  # whether some rank prints why the job ends

    def begin(self) -> None:
        """Watch from now on, until the script ends."""
        self._show, sys.excepthook = sys.excepthook, self._show_once
        atexit.register(self._end)
        self.start()

    def enter(self, call: str) -> None:
        """Note that a call of MPI begins."""
        self._calls += 1
        self._call = call

    def leave(self) -> None:
        """Note that it has ended."""
        self._call = ""

    @contextmanager
    def watching(self, where: Callable[[], str], checkpoint: Callable[[], str], timeout: float) -> Iterator[None]:
        """Watch a fit: `where` it is, and its newest `checkpoint`, stand in messages; `timeout` is that of its `MPI`.

        An error leaves this block only if all ranks leave it with one. Otherwise the job ends.
        """
        before = self._thread, self._where, self._checkpoint, self.timeout
        self._thread, self._where, self._checkpoint, self.timeout = threading.get_ident(), where, checkpoint, timeout
        try:
            self.enter("the start of fit")
            self._neighbours = Neighbours(self._comm.allgather(address()))
            self.leave()
            yield
        except BaseException as error:
            self._leave_with(error, float("inf"))
            raise
        finally:
            self._thread, self._where, self._checkpoint, self.timeout = before

    def run(self) -> None:
        """Look after the ranks until the script ends."""
        try:
            self._watch()
        except BaseException:  # nobody else would end a job that waits
            traceback.print_exc()
            self._comm.Abort(CODE)

    def _watch(self) -> None:
        while not self._over.wait(PERIOD):
            self._sent = [request for request in self._sent if not request.Test()]
            doing = self._calls, self._call, self._error
            if doing != self._doing:
                self._doing, self._since, self._answers = doing, time.monotonic(), None
            self._receive()
            self._look_for_dead()
            if self._error is not None or (self._call and time.monotonic() - self._since > PATIENCE):
                self._look_after_others()

    def _status(self) -> Status:
        calls, call, error = self._calls, self._call, self._error
        seconds = time.monotonic() - self._since if (calls, call, error) == self._doing else 0.0
        told = "" if error is None else _text(error)
        shared = isinstance(error, RankError)
        where, place, newest = map(_text_of, (self._where, self._place, self._checkpoint))
        return Status(calls, call, seconds, where, place, told, shared, self._left, newest)

    def _place(self) -> str:
        """Return where the code is: the traceback of the error, or the innermost lines."""
        if self._error is not None:
            return "".join(traceback.format_exception(self._error)).rstrip()
        if self._call == END:
            last = getattr(sys, "last_value", None)  # of the error that ended the script
            return "" if last is None else f"{type(last).__name__}: {last}"
        frame = sys._current_frames().get(self._thread or 0)
        return "".join(traceback.format_stack(frame)[-LINES:]).rstrip() if frame is not None else ""

    def _look_after_others(self) -> None:
        """Ask what the others do, or judge what they answered."""
        now = time.monotonic()
        if self._answers is not None:
            if len(self._answers) == self._size - 1 or now - self._asked > ANSWERING:
                found, self._answers = {**self._answers, self._rank: self._status()}, None
                self._judge(dict(sorted(found.items())))
            return
        pause = PATIENCE if self._error is None else min(PATIENCE, (now - self._since) / 2)
        if now - self._asked > pause and now - self._lower_asked > 2 * PATIENCE and not self._told:
            self._asked, self._answers = now, {}
            self._tell_others("ask")

    def _judge(self, found: dict[int, Status]) -> None:
        """Let all ranks leave fit, or end the job, or neither."""
        left = left_together(found, self._size)
        if left is not None:
            self._tell_others("leave", (left, first_error(found)))
            self._leave_fit(left, first_error(found))
        elif text := verdict(found, self._size, self.timeout):
            text += "\n" + last_checkpoint(found)
            if (first := min(found)) != self._rank:
                self._tell(first, "end", text)
                self._over.wait(PATIENCE)  # it should print and end the job; if it cannot, this rank does
            self._end_job(text)

    def _receive(self) -> None:
        """Take what other watchdogs have sent."""
        about = self._mpi.Status()
        while message := self._comm.improbe(self._mpi.ANY_SOURCE, TAG, about):
            rank, (kind, content) = about.Get_source(), message.recv()
            if kind == "ask":
                if rank < self._rank:
                    self._lower_asked = time.monotonic()
                self._tell(rank, "answer", self._status())
            elif kind == "answer" and self._answers is not None:
                self._answers[rank] = content
            elif kind == "leave":
                self._leave_fit(*content)
            elif kind == "end":
                self._end_job(content)
            elif kind == "told":
                self._told = True

    def _tell_others(self, kind: str, content: Any = None) -> None:
        for rank in range(self._size):
            if rank != self._rank:
                self._tell(rank, kind, content)

    def _tell(self, rank: int, kind: str, content: Any = None) -> None:
        self._sent.append(self._comm.isend((kind, content), rank, TAG))

    def _leave_with(self, error: BaseException, seconds: float) -> None:
        """Wait until all ranks are to leave with an error; if not all are, the job ends meanwhile, or the time does."""
        end = time.monotonic() + seconds
        self._may_leave.clear()
        self._error = error
        try:
            while not self._may_leave.wait(PERIOD) and time.monotonic() < end:
                pass  # a second Ctrl-C takes effect here
        finally:
            self._error = None

    def _leave_fit(self, left: int, first: tuple[int, str]) -> None:
        """Let the error leave fit, with which all ranks do; `first` has the rank that shows it, and its text."""
        error = self._error
        if error is None or left != self._left:
            return
        rank, text = first
        self._agreed = error
        if rank != self._rank and (isinstance(error, RankError) or _text(error) == text):
            self._quiet = error
        self._left += 1
        self._may_leave.set()

    def _show_once(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Show an error that ends the script, on one of the ranks that have it."""
        if error is not self._agreed:
            self._leave_with(error, PATIENCE)
        if error is not self._quiet:
            self._show(kind, error, trace)

    def _look_for_dead(self) -> None:
        """Say which rank of this machine has died, before mpiexec ends this process."""
        if self._told or self._call == END:  # beyond which the others may end before this one
            return
        if dead := self._neighbours.dead():
            self._told = True
            if self._neighbours.first_but(dead) == self._rank:
                status = self._status()
                text = f"{listed(dead, self._size)} died {status.where}"
                announce(f"\nminnet: {text}.\n{last_checkpoint({self._rank: status})}")
            self._over.wait(ANSWERING)
            self._comm.Abort(CODE)  # where mpiexec has not done it

    def _end_job(self, text: str) -> None:
        self._told = True
        self._tell_others("told")
        announce(f"\nminnet: {text}")
        self._comm.Abort(CODE)

    def _end(self) -> None:
        """Wait until all ranks have come to the end of the script."""
        if os.getpid() == self._process:  # and not a fork of it
            self.enter(END)
            self._comm.Barrier()
            self._over.set()
            self.join()


def _text_of(function: Callable[[], str]) -> str:
    try:
        return function()
    except Exception:  # such as that of a folder which is not there yet; a status has to be there
        return ""


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
