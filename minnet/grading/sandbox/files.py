"""What a sandboxed process sees of the disk: Python and its packages, read-only, and an empty folder of its own.

Everything else is not there: no home of the teacher, no other student's file, no place to write to that outlasts the
process.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import minnet
import minnet.grading.sandbox.kernel as kernel

HOME = "/submission"  # the folder that is its own
SPACE = 64 << 20  # bytes that may be written into it
_SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/etc/ssl")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


def needed() -> list[str]:
    """List what Python and minnet need of the disk: the interpreter, installed packages, and minnet's own folder."""
    prefixes = (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
    packages = [path for path in sys.path if {"site-packages", "dist-packages"} & {*Path(path).parts}]
    own = str(Path(minnet.__file__).parent)
    wanted = [path for name in (*prefixes, *packages, own) for path in (name, os.path.realpath(name))]
    return outermost([path for path in (*_SYSTEM, *wanted) if path != "/" and os.path.exists(path)])


def outermost(paths: Iterable[str]) -> list[str]:
    """Leave out the paths that are inside others of them."""
    kept: list[str] = []
    for path in sorted(set(paths), key=len):
        if not any(is_inside(path, other) for other in kept):
            kept.append(path)
    return kept


def is_inside(path: str, folder: str) -> bool:
    """Whether a path is a folder, or inside it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def enter(root: str, shown: Iterable[str], hidden: Iterable[str]) -> None:
    """Make a file system in memory, with what is shown of the disk in it, the root of this process.

    Parameters
    ----------
    root
        An empty folder on the disk, which stays empty.
    shown
        Paths that are there, read-only.
    hidden
        Paths inside these that are not: they are empty.

    Raises
    ------
    OSError
        If the system does not let this process do so.
    """
    kernel.mount("none", "/", flags=kernel.RECURSIVE | kernel.PRIVATE)
    safe = kernel.NO_SETUID | kernel.NO_DEVICES
    kernel.mount("tmpfs", root, "tmpfs", safe, f"size={SPACE},mode=755")
    for path in shown:
        _show(path, root)
    for path in hidden:
        _hide(root + path)
    for device in _DEVICES:
        _bind(device, root + device)
    for folder in (HOME, "/tmp", "/old"):
        os.makedirs(root + folder, exist_ok=True)
        os.chmod(root + folder, 0o700 if folder == "/old" else 0o1777)
    kernel.change_root(root, root + "/old")


def _show(path: str, root: str) -> None:
    if os.path.islink(path) and path in _SYSTEM:  # /lib is /usr/lib on most systems
        os.symlink(os.readlink(path), root + path)
        return
    _bind(path, root + path)
    kernel.make_read_only(root + path)


def _hide(place: str) -> None:
    if os.path.isdir(place):
        kernel.mount("tmpfs", place, "tmpfs", options="size=4k,mode=000")
        kernel.make_read_only(place)
    elif os.path.exists(place):
        _bind("/dev/null", place)


def _bind(path: str, place: str) -> None:
    if not os.path.exists(place):
        if os.path.isdir(path):
            os.makedirs(place)
        else:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            Path(place).touch()
    kernel.mount(path, place, flags=kernel.BIND | kernel.RECURSIVE)
