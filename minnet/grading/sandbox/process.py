"""The grader's side of the sandbox: start the fork server, and a process for each file."""

import json
import os
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
from minnet.grading.remote.layer import Handle, Remote
from minnet.grading.remote.wire import Channel, ChannelError, ClosedError
from minnet.grading.sandbox import files, limits
from minnet.grading.sandbox.fork_server import NAMESPACES, NONE, OTHER_USER, USER_NAMESPACES

MOST_BYTES = 256 << 20
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
    NONE: "each file runs with YOUR rights, because this system lets no process be shut in: it can read and change your "
    "files and use the network. Grade strangers' files in a container, or under an account that owns nothing",
}


class Gone(BaseException):
    """The student's process has ended, or can no longer be used. No check may take this for an error of the layer."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


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
            student = self._fork(way, Limits())
            student.load("empty.py", b"")
            student.end()
        except (OSError, Gone):
            return False
        return True

    def _fork(self, way: str, limits_: Limits) -> "Student":
        home = tempfile.TemporaryDirectory(prefix="minnet-grade-", ignore_cleanup_errors=True)
        order = {
            **{"way": way, "home": home.name, "shown": self._shown, "hidden": self.hidden},
            **{"memory": limits_.memory, "seconds": 10 * limits_.seconds},
        }
        if way in (NAMESPACES, OTHER_USER):
            order["user"] = user = limits.spare_user(self._slot)
            os.chown(home.name, user, user)
        ours, theirs = socket.socketpair()
        control, supervisor = socket.socketpair()
        with theirs, supervisor:
            self._send(json.dumps(order).encode(), [theirs.fileno(), supervisor.fileno()])
        return Student(Channel(ours, MOST_BYTES), control, home, limits_, self._shown)

    def _send(self, order: bytes, descriptors: list[int]) -> None:
        """Send an order to the fork server; start it if it does not run, or was ended by a student's file."""
        if self._server is None or self._server.poll() is not None:
            self._orders, theirs = socket.socketpair()
            command = [sys.executable, "-s", "-P", "-m", "minnet.grading.sandbox.fork_server", str(theirs.fileno())]
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
    errors : list of dict
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
        self.errors: list[dict[str, Any]] = []
        self.used: dict[str, Any] = {}
        self._dropped: list[int] = []
        self._until = 0.0
        self.new_time()

    def new_time(self) -> None:
        """Give the process its seconds anew, for another question."""
        self._until = time.monotonic() + self._limits.seconds

    def load(self, name: str, source: bytes, not_to_use: Iterable[str] = ()) -> None:
        """Let the process run a file; its layers may not compute with those layers of minnet that are not to be used."""
        order = {"name": name, "source": np.frombuffer(source, np.uint8), "roots": self._shown}
        answer = self._exchange(order | {"not_to_use": list(not_to_use)})
        self.classes = [str(name) for name in answer["classes"]]
        self.errors = [error for error in answer["errors"] if isinstance(error, dict)]
        self.changed = [str(name) for name in answer["changed"]]
        self.out_of_memory = any("MemoryError" in error.get("kinds", ()) for error in self.errors)

    def make(self, name: str, arguments: Iterable[Any] = (), named: dict[str, Any] | None = None) -> Remote:
        """Make a layer of one of the classes."""
        request = {"do": "make", "class": name, "arguments": list(arguments), "named": named or {}}
        return Handle(self.ask, self._dropped, self.ask(request)).layer

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the answer; raise what the layer raised, or Gone."""
        dropped, self._dropped[:] = self._dropped[:], []
        answer = self._exchange(request | {"dropped": dropped})
        if "error" in answer:
            self.out_of_memory |= "MemoryError" in answer["kinds"]
            kind = next((_ERRORS[str(name)] for name in answer["kinds"] if str(name) in _ERRORS), RuntimeError)
            error = kind(clean(str(answer["message"])))
            error.add_note(clean(str(answer["where"])))
            raise error
        return answer

    def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._channel.send(request, max(0.1, self._until - time.monotonic()))
            while True:
                answer = self._channel.receive(self._until - time.monotonic())
                if not isinstance(answer, dict):
                    raise ChannelError("no message")
                if "failed" in answer:
                    raise Gone("grader", clean(str(answer["failed"])))
                if "event" not in answer:
                    return answer
                self.events.append((clean(str(answer["event"])), clean(str(answer["text"]))))
                del self.events[100:]
        except TimeoutError:
            raise Gone("time", f"it took more than {self._limits.seconds:g} seconds") from None
        except (ChannelError, KeyError) as error:
            raise self._gone(error) from None

    def _gone(self, error: Exception) -> Gone:
        """Say why the channel was closed."""
        self.end()
        if not isinstance(error, ClosedError):
            return Gone("forged", f"the file wrote to the grader's channel ({error})")
        number = self.used["signal"]
        how = f"it was ended by signal {number}" if number else "it ended the process, as os._exit() does"
        return Gone("ended", how)

    def end(self) -> None:
        """End the process and all that it started."""
        if self.used:
            return
        self._channel.close()
        self.used = {"cpu": 0.0, "memory": 0, "by_itself": False, "signal": 0}
        with suppress(OSError, ValueError), self._control:
            self._control.settimeout(30)
            with self._control.makefile("rw") as control:
                control.write(".")
                control.flush()
                self.used = json.loads(control.readline())
        self._home.cleanup()


def clean(text: str) -> str:
    """Return a stranger's text without what would do something on a terminal, or in a table."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)[:2000]
