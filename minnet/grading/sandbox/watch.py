"""A watch in the student's process tells the grader what the file tries that no layer needs.

It only makes the teacher look: it gives and takes no right. A file that knows of it can get around it, and still finds
the sandbox's walls.
"""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from minnet.grading.remote.wire import Channel, ChannelError

MOST = 50  # events that are told; later ones are left out
_LONGEST = 200
_HARMLESS = ("/dev/", "/proc/", "/sys/", "/etc/")  # read by Python's own modules
_PROGRAMS = ("fc-list", "uname")  # which matplotlib and Python's platform module start
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Of Python's audit events: those that are told, and those that are told if a path is outside.
_TOLD = {
    "os": ("fork", "forkpty", "posix_spawn", "spawn", "exec", "system", "kill", "killpg"),
    "socket": ("connect", "getaddrinfo", "gethostbyname", "bind", "sendto"),
    "gc": ("get_objects", "get_referrers", "get_referents"),
    "sys": ("settrace", "setprofile", "addaudithook"),
    "resource": ("setrlimit", "prlimit"),
    "pty": ("spawn",),
}
_OF_PATHS = {
    "os": ("remove", "rename", "rmdir", "mkdir", "chmod", "chown", "link", "symlink", "truncate", "utime"),
    "shutil": ("rmtree", "move", "copyfile", "copytree"),
}
_ANY, _PATHS = ({f"{name}.{what}" for name, all_ in table.items() for what in all_} for table in (_TOLD, _OF_PATHS))


class Teller:
    """Tell the grader an event, if there were not too many."""

    def __init__(self, channel: Channel) -> None:
        self._channel, self._left = channel, MOST

    def __call__(self, event: str, text: str) -> None:
        """Tell."""
        self._left -= 1
        if self._left >= 0:
            with suppress(ChannelError, TimeoutError):
                self._channel.send({"event": event, "text": text[:_LONGEST]})


def start(tell: Teller, roots: Iterable[str]) -> None:
    """Tell the grader, from now on, what is tried outside the roots, which may be read, and the own folder."""
    own = (os.getcwd() + "/", "/tmp/")
    readable = (own[0], *(f"{root}/" for root in roots), *_HARMLESS)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, writes = _path(arguments[0]), bool((arguments[2] or 0) & _WRITES)
            if path and not f"{path}/".startswith(own if writes else readable) and path != os.devnull:
                tell("write" if writes else "read", path)
        elif event == "subprocess.Popen":
            if os.path.basename(str(arguments[0])) not in _PROGRAMS:
                tell(event, str(arguments[1]))
        elif event in _ANY:
            tell(event, ", ".join(map(str, arguments[:2])))
        elif event in _PATHS:
            for path in filter(None, map(_path, arguments[:2])):
                if not f"{path}/".startswith(own):
                    tell(event, path)
        elif event == "ctypes.dlopen" and not str(arguments[0]).startswith(readable):
            tell(event, str(arguments[0]))

    sys.addaudithook(hook)


def _path(value: Any) -> str:
    """Return an absolute path; "" if it is none."""
    if isinstance(value, bytes):
        value = os.fsdecode(value)
    if not isinstance(value, str | os.PathLike):
        return ""
    return os.path.normpath(os.path.join(os.getcwd(), str(value)))


def fingerprint() -> dict[tuple[str, str], int]:
    """Return which functions and classes stand under which names in minnet, NumPy and Python's builtins."""
    found: dict[tuple[str, str], int] = {}
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "minnet" or name in ("numpy", "numpy.testing", "builtins", "numpy.linalg"):
            found |= _names(name, module)
            for kind in list(vars(module).values()):
                if isinstance(kind, type) and kind.__module__.startswith("minnet"):
                    found |= _names(f"{kind.__module__}.{kind.__qualname__}", kind)
    return found


def changed(before: dict[tuple[str, str], int]) -> list[str]:
    """Return what was replaced since."""
    after = fingerprint()
    return sorted({".".join(name) for name, value in before.items() if after.get(name) != value})[:MOST]


def _names(owner: str, holder: Any) -> dict[tuple[str, str], int]:
    found = list(vars(holder).items())
    code = (property, classmethod)
    return {(owner, name): id(value) for name, value in found if callable(value) or isinstance(value, code)}
