"""A watch in the student's process tells the grader what the file tries that no layer needs.

It only makes the teacher look: it gives and takes no right. A file that knows of it can get around it, and still finds the
sandbox's walls.
"""

import builtins
import os
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from minnet.grading.remote.wire import Channel, ChannelError

MOST = 50  # events that are told; later ones are left out
_LONGEST = 200
_HARMLESS = ("/dev/", "/proc/", "/sys/", "/etc/")  # read by Python's own modules
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_ANY = frozenset(
    "os.fork os.forkpty os.posix_spawn os.spawn os.exec os.system pty.spawn subprocess.Popen os.kill os.killpg "
    "socket.connect socket.getaddrinfo socket.gethostbyname socket.bind socket.sendto sys.settrace sys.setprofile "
    "gc.get_objects gc.get_referrers gc.get_referents resource.setrlimit resource.prlimit sys.addaudithook".split()
)
_PATHS = frozenset(
    "os.remove os.rename os.rmdir os.mkdir os.chmod os.chown os.link os.symlink os.truncate os.utime shutil.rmtree "
    "shutil.move shutil.copyfile shutil.copytree".split()
)


def start(channel: Channel, roots: Iterable[str]) -> None:
    """Tell the grader, from now on, what is tried outside the roots, which may be read, and the own folder."""
    readable, own = tuple(f"{root}/" for root in roots), (os.getcwd() + "/", "/tmp/")
    told = [0]

    def tell(event: str, text: str) -> None:
        if told[0] < MOST:
            told[0] += 1
            try:
                channel.send({"event": event, "text": text[:_LONGEST]})
            except (ChannelError, TimeoutError):
                return

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, writes = _path(arguments[0]), bool((arguments[2] or 0) & _WRITES)
            if path and not path.startswith(own if writes else (*own, *readable, *_HARMLESS)) and path != os.devnull:
                tell("write" if writes else "read", path)
        elif event in _ANY:
            tell(event, ", ".join(map(str, arguments[:2])) if event != "subprocess.Popen" else str(arguments[1]))
        elif event in _PATHS:
            for path in filter(None, map(_path, arguments[:2])):
                if not path.startswith(own):
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
    found = {}
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
    kinds = (type, type(_names), property, classmethod, staticmethod, np.ufunc, type(builtins.len))
    return {(owner, name): id(value) for name, value in list(vars(holder).items()) if isinstance(value, kinds)}
