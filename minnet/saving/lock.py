"""A FolderLock keeps two runs from writing their checkpoints to one folder at the same time."""

import os
from pathlib import Path
from weakref import WeakSet

from minnet.errors import CheckpointError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class FolderLock:
    """The right to write to a folder, held by one run until it releases it or its process ends, however it ends.

    The folder itself is locked (``flock``), so no file is left in it. Where the system or the file system has no such
    locks, every run is let in.
    """

    def __init__(self) -> None:
        self._folder: int | None = None  # its file descriptor, while it is locked

    def acquire(self, folder: Path) -> None:
        """Lock a folder. Raises CheckpointError if another run, of this process or of another, holds its lock."""
        if fcntl is None:
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise CheckpointError(
                f"another run is writing its checkpoints to {folder}: wait for its end, or choose another folder"
            ) from None
        except OSError:  # a file system without locks
            os.close(descriptor)
        else:
            self._folder = descriptor
            _HELD.add(self)

    def release(self) -> None:
        """Let other runs have the folder, if it is locked."""
        _HELD.discard(self)
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None


_HELD: WeakSet[FolderLock] = WeakSet()


def _release_in_child() -> None:
    """Close the inherited descriptors, because otherwise a child would hold the locks after its parent ended."""
    for lock in list(_HELD):
        lock.release()


if fcntl is not None:
    os.register_at_fork(after_in_child=_release_in_child)
