"""The calls of the Linux kernel that Python's `os` has no function for: namespaces, mounts, and giving up privileges.

Each raises OSError where the system refuses, or has no such call.
"""

import ctypes
import os
from functools import cache

# Of unshare(2): what a process no longer shares with the others.
MOUNTS, HOST_NAME, MESSAGES, USERS, PROCESSES, NETWORK = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
# Of mount(2) and umount2(2).
NO_SETUID, NO_DEVICES, BIND, RECURSIVE, PRIVATE = 0x2, 0x4, 0x1000, 0x4000, 0x40000
_DETACH = 2
_MOUNT_SETATTR = 442  # the number of the call, the same on every processor; Linux has it from 5.12 on
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_READ_ONLY = 0x1 | 0x2 | 0x4  # MOUNT_ATTR_RDONLY, _NOSUID, _NODEV
_SET_NO_NEW_PRIVILEGES, _SET_CHILD_SUBREAPER = 38, 36  # of prctl(2)
_CAPABILITY_VERSION = 0x20080522


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _done(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _call(name: str, *arguments: object) -> None:
    try:
        function = getattr(_libc(), name)
    except AttributeError:  # another system than Linux
        raise OSError(f"this system has no {name}") from None
    _done(function(*arguments), name)


def unshare(flags: int) -> None:
    """Leave the namespaces that these flags name."""
    _call("unshare", ctypes.c_int(flags))


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount a file system."""
    texts = [os.fsencode(text) or None for text in (source, target, kind)]
    _call("mount", *texts, ctypes.c_ulong(flags), options.encode() or None)


def make_read_only(path: str) -> None:
    """Make a mount, and all that are mounted inside it, read-only."""

    class Attributes(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user_namespace")]

    attributes = Attributes(set=_READ_ONLY)
    arguments = (ctypes.c_int(_AT_FDCWD), os.fsencode(path), ctypes.c_uint(_AT_RECURSIVE), ctypes.byref(attributes))
    _call("syscall", ctypes.c_long(_MOUNT_SETATTR), *arguments, ctypes.c_size_t(ctypes.sizeof(attributes)))


def change_root(new: str, old: str) -> None:
    """Make `new` the root of all paths; the old root is no longer reachable. `old` is an empty folder inside `new`."""
    number = _PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise OSError(f"the number of pivot_root is not known for {os.uname().machine}")
    _call("syscall", ctypes.c_long(number), os.fsencode(new), os.fsencode(old))
    os.chdir("/")
    left = "/" + os.path.relpath(old, new)
    _call("umount2", os.fsencode(left), ctypes.c_int(_DETACH))
    os.rmdir(left)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _call("prctl", ctypes.c_int(_SET_CHILD_SUBREAPER), *map(ctypes.c_ulong, (1, 0, 0, 0)))


def no_new_privileges() -> None:
    """Let no program that is started from here have more privileges than this process, whatever its file says."""
    _call("prctl", ctypes.c_int(_SET_NO_NEW_PRIVILEGES), *map(ctypes.c_ulong, (1, 0, 0, 0)))


def drop_capabilities() -> None:
    """Give up every capability of this process."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _call("capset", ctypes.byref(header), ctypes.byref(nothing))
