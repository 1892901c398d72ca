"""The grader's side of the sandbox: start the fork server, and a process for each file."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

import minnet
import minnet.grading.sandbox.files as files
import minnet.grading.sandbox.limits as limits
from minnet.grading.remote.layer import Handle, Remote, interpreting
from minnet.grading.remote.wire import Channel, ChannelError, ClosedError, Gone
from minnet.grading.sandbox.fork_server import NAMESPACES, NONE, OTHER_USER, USER_NAMESPACES

_PATIENCE = 15.0  # seconds for a process to be ended
_PROBE = 300.0  # seconds to find out whether the system lets a process be shut in: a busy one is no reason for less
_SERVER = "from minnet.grading.sandbox.fork_server import main; main()"
_ERRORS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        *(ValueError, TypeError, AttributeError, RuntimeError, NotImplementedError, RecursionError, IndexError),
        *(KeyError, ZeroDivisionError, FloatingPointError, OverflowError, NameError, UnboundLocalError, MemoryError),
        *(AssertionError, ImportError, ModuleNotFoundError, OSError, FileNotFoundError, PermissionError),
    )
}
PROTECTION = {
    NAMESPACES: "each file runs as a user of its own, without network, and sees nothing of the disk but Python",
    USER_NAMESPACES: "each file runs without network, and sees nothing of the disk but Python",
    OTHER_USER: "each file runs as a user of its own; it can use the network, and read what any user may read",
    NONE: "each file runs with YOUR rights, because this system cannot isolate it: it can read and change "
    "your files and use the network. Grade strangers' files in a container, or under an account that owns nothing",
}


@dataclass(frozen=True)
class Limits:
    """What a student's process may use: seconds for the file and for each question, and bytes of memory."""

    seconds: float = 20.0
    memory: int = 1 << 30


class Sandbox:
    """A fork server, and how it shuts processes in.

    Parameters
    ----------
    hidden
        Paths that no student's process may see: the folder of all files, the exercise.
    slot
        A number that no other sandbox has at this time.
    way
        How, one of `PROTECTION`; None for the best that the system has.
    """

    def __init__(self, hidden: Iterable[str] = (), slot: int = 0, way: str | None = None) -> None:
        self.hidden = [os.path.realpath(path) for path in hidden]
        self.hidden += [os.path.abspath(path) for path in hidden]
        self._shown, self._slot = files.needed(), slot
        self._server: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket
        ways = (NAMESPACES, OTHER_USER, NONE) if os.name == "posix" and os.getuid() == 0 else (USER_NAMESPACES, NONE)
        self.way = way or next(found for found in ways if found == NONE or self._works(found))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the fork server."""
        if self._server is not None:
            self._orders.close()
            try:
                self._server.wait(5)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
            self._server = None

    def fork(self, limits_: Limits) -> "Student":
        """Return a new process, which has not run its file yet: see `Student.load`."""
        return self._fork(self.way, limits_)

    def _works(self, way: str) -> bool:
        try:
            student = self._fork(way, Limits(_PROBE))
            student.load("empty.py", b"")
            student.end()
        except (OSError, Gone):
            return False
        return True

    def _fork(self, way: str, limits_: Limits) -> "Student":
        home = tempfile.TemporaryDirectory(prefix="minnet-grade-", ignore_cleanup_errors=True)
        order = {
            "way": way,
            "home": home.name,
            "shown": self._shown,
            "hidden": self.hidden,
            "memory": limits_.memory,
            "seconds": 10 * limits_.seconds,
        }
        if way in (NAMESPACES, OTHER_USER):
            order["user"] = user = limits.spare_user(self._slot)
            os.chown(home.name, user, user)
        ours, theirs = socket.socketpair()
        control, supervisor = socket.socketpair()
        with theirs, supervisor:
            self._send(json.dumps(order).encode(), [theirs.fileno(), supervisor.fileno()])
        return Student(Channel(ours), control, home, limits_, self._shown)

    def _send(self, order: bytes, descriptors: list[int]) -> None:
        """Send an order to the fork server; start it if it does not run, or was ended by a student's file."""
        if self._server is None or self._server.poll() is not None:
            self.close()
            self._orders, theirs = socket.socketpair()
            command = [sys.executable, "-s", "-P", "-c", _SERVER, str(theirs.fileno())]
            with theirs:
                self._server = subprocess.Popen(
                    command,
                    env=_environment(),
                    pass_fds=[theirs.fileno()],
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )
        socket.send_fds(self._orders, [order], descriptors)


def _environment() -> dict[str, str]:
    """Return the variables of the fork server: nothing of the teacher's but where programs and libraries are."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    own = {"PYTHONPATH": str(Path(minnet.__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    return kept | dict.fromkeys(threads, "1") | own | {"MPLBACKEND": "Agg", "LANG": "C.UTF-8", "HOME": "/"}


class Student:
    """A process that runs a student's file.

    Attributes
    ----------
    classes : list of str
        The classes that the file defines or imports.
    errors : list of dict of str
        The errors of its parts.
    events : list of (str, str)
        What it tried that no layer needs.
    changed : list of str
        What it replaced in minnet and NumPy.
    out_of_memory : bool
        Whether it asked for more memory than the limit.
    used : dict
        What it used, and how it ended, after `end`.
    """

    def __init__(self, channel: Channel, control: socket.socket, home: Any, limits: Limits, shown: list[str]) -> None:
        self._channel, self._control, self._home, self._limits = channel, control, home, limits
        self._shown, self.out_of_memory = shown, False
        self.events: list[tuple[str, str]] = []
        self.changed: list[str] = []
        self.classes: list[str] = []
        self.errors: list[dict[str, str]] = []
        self.used: dict[str, Any] = {}
        self._dropped: list[int] = []
        self._until = 0.0
        self.new_time()

    def new_time(self) -> None:
        """Give the process its seconds anew, for another question."""
        self._until = time.monotonic() + self._limits.seconds

    def load(self, name: str, source: bytes, not_to_use: Iterable[str] = ()) -> None:
        """Let the process run a file; its layers may not compute with the layers of minnet that are not to be used."""
        order = {"name": name, "source": np.frombuffer(source, np.uint8), "roots": self._shown}
        started = self._exchange(order | {"not_to_use": list(not_to_use)})
        if "failed" in started:
            raise Gone("grader", clean(str(started["failed"])))
        answer = self._answer()
        with interpreting():
            self.classes = [str(name) for name in answer["classes"]]
            self.errors = [{key: str(value) for key, value in error.items()} for error in answer["errors"]]
            self.changed = [str(name) for name in answer["changed"]]
        self.out_of_memory = any("MemoryError" in error.get("kinds", "") for error in self.errors)

    def look(self) -> None:
        """Ask what the file has replaced by now."""
        answer = self.ask({"do": "changed"})
        with interpreting():
            self.changed = [str(name) for name in answer["changed"]]

    def make(self, name: str, arguments: Iterable[Any] = (), named: dict[str, Any] | None = None) -> Remote:
        """Make a layer of one of the classes."""
        request = {"do": "make", "class": name, "arguments": list(arguments), "named": named or {}}
        return Handle(self.ask, self._dropped, self.ask(request)).outermost()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the answer; raise what the layer raised, or Gone."""
        dropped, self._dropped[:] = self._dropped[:], []
        answer = self._exchange(request | {"dropped": dropped})
        if "error" not in answer:
            return answer
        with interpreting():
            kinds, message, where = (
                [str(kind) for kind in answer["kinds"]],
                str(answer["message"]),
                str(answer["where"]),
            )
        self.out_of_memory |= "MemoryError" in kinds
        error = next((_ERRORS[kind] for kind in kinds if kind in _ERRORS), RuntimeError)(clean(message))
        error.add_note(clean(where))
        raise error

    def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._channel.send(request, max(0.1, self._until - time.monotonic()))
        except TimeoutError:
            raise self._late() from None
        except ChannelError as error:
            raise self._gone(error) from None
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        try:
            while True:
                answer = self._channel.receive(self._until - time.monotonic())
                if not isinstance(answer, dict):
                    raise ChannelError("no message")
                if "event" not in answer:
                    return answer
                self.events.append((clean(str(answer["event"])), clean(str(answer["text"]))))
                del self.events[100:]
        except TimeoutError:
            raise self._late() from None
        except (ChannelError, KeyError) as error:
            raise self._gone(error) from None

    def _late(self) -> Gone:
        return Gone("time", f"it took more than {self._limits.seconds:g} seconds")

    def _gone(self, error: Exception) -> Gone:
        """Say why the channel was closed."""
        self.end()
        if not isinstance(error, ClosedError):
            return Gone("forged", f"the file wrote to the grader's channel ({error})")
        if number := self.used["signal"]:
            return Gone("ended", f"it crashed, or was ended, by signal {number}")
        code = self.used["code"]
        return Gone("ended", f"it crashed (exit code {code})" if code else "it ended its process, as os._exit() does")

    def end(self) -> None:
        """End the process and all that it started."""
        if self.used:
            return
        self._channel.close()
        self.used = {"cpu": 0.0, "memory": 0, "signal": 0, "code": 0}
        pids: list[int] = []
        with suppress(OSError, ValueError), self._control:
            self._control.settimeout(_PATIENCE)
            with self._control.makefile("rw") as control:
                pids = json.loads(control.readline())
                control.write(".")
                control.flush()
                self.used = json.loads(control.readline())
                pids = []
        for number in pids:  # the file has stopped the process that was to end it
            with suppress(OSError):
                os.kill(number, signal.SIGKILL)
        self._home.cleanup()


def clean(text: str) -> str:
    """Return a stranger's text without what would do something on a terminal, or in a table."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)[:2000]
