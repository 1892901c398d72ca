"""The limits of a sandboxed process: memory, processes, the size of files, and what it may do as which user."""

import os
import resource
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from minnet.grading.sandbox.files import SPACE

PROCESSES = 16  # threads count, too
_OPEN_FILES = 128
_FIRST_USER = 60_000  # from here on, numbers of users that nobody has


@dataclass(frozen=True)
class Limits:
    """What a student's process may use: seconds for the file and for each question, and bytes of memory."""

    seconds: float = 20.0
    memory: int = 1 << 30


def limit(memory: int, seconds: float) -> None:
    """Set the limits of this process and of all that it starts.

    Parameters
    ----------
    memory
        Bytes of address space.
    seconds
        Of processor time.
    """
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: SPACE,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_CPU: int(seconds) + 1,
        resource.RLIMIT_AS: memory,
    }
    for kind, value in wanted.items():
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        with suppress(ValueError, OSError):  # macOS does not limit the address space
            resource.setrlimit(kind, (value, value))


def limit_processes(of_user: int = 0) -> None:
    """Limit how many processes there may be beside those that the user has already."""
    with suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
        wanted = of_user + PROCESSES
        wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NPROC, (wanted, wanted))


def processes_of_user() -> int:
    """Count the processes and threads of this process's user; 0 where the system has no /proc."""
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if folder.stat().st_uid == os.getuid():
                count += len(os.listdir(folder / "task"))
    return count


def spare_user(slot: int) -> int:
    """Return the number of a user that nobody has, another one for each slot."""
    import pwd

    taken = {user.pw_uid for user in pwd.getpwall()}
    return [user for user in range(_FIRST_USER, _FIRST_USER + 5_000) if user not in taken][slot]


def become(user: int) -> None:
    """Become another user, for good; only root can."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def stand_back() -> None:
    """Let the system end this process first if memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def address_space() -> int:
    """Return how many bytes of address space this process has."""
    if sys.platform == "linux":
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    return 1 << 30
