"""Neighbours are the ranks on the same machine, whose processes can be looked at."""

import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

Address = tuple[str, int]


def address() -> Address:
    """Return what tells this machine (or container) from others, and the number of this process on it."""
    machine = platform.node()
    with suppress(OSError):  # there is no /proc
        machine += Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        machine += str(Path("/proc/self/ns/pid").readlink())
    return machine, os.getpid()


class Neighbours:
    """The ranks on this machine, with their processes; `addresses` are those of all ranks, in their order."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        machine = address()[0]
        self._processes = {rank: pid for rank, (other, pid) in enumerate(addresses) if other == machine}
        if os.name != "posix":  # where signal 0 is not a question
            self._processes = {}

    def dead(self) -> list[int]:
        """Return the ranks whose processes are not there any more."""
        return [rank for rank, pid in self._processes.items() if not _is_there(pid)]

    def first_but(self, dead: Sequence[int]) -> int:
        """Return the lowest rank that is there."""
        return min(set(self._processes) - set(dead))


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
