"""A sandbox starts the fork server, and a process for each file, isolated as far as the system allows."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import minnet
import minnet.grading.sandbox.files as files
import minnet.grading.sandbox.limits as limits
from minnet.grading.remote.wire import Channel, Gone
from minnet.grading.sandbox.fork_server import NAMESPACES, NONE, OTHER_USER, USER_NAMESPACES
from minnet.grading.sandbox.limits import Limits
from minnet.grading.sandbox.process import Student

_PROBE = 300.0  # seconds to find out whether the system can isolate a process: a busy system needs longer
_SERVER = "from minnet.grading.sandbox.fork_server import main; main()"
PROTECTION = {
    NAMESPACES: "each file runs as a user of its own, without network, and sees nothing of the disk but Python",
    USER_NAMESPACES: "each file runs without network, and sees nothing of the disk but Python",
    OTHER_USER: "each file runs as a user of its own; it can use the network, and read what any user may read",
    NONE: "each file runs with YOUR rights, because this system cannot isolate it: it can read and change "
    "your files and use the network. Grade strangers' files in a container, or under an account that owns nothing",
}


class Sandbox:
    """A fork server, and how it isolates processes.

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

    def fork(self, limits_: Limits) -> Student:
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

    def _fork(self, way: str, limits_: Limits) -> Student:
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
