"""A FolderLock lets one run in, leaves no file, and ends with the process that holds it."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys

import pytest

from minnet.errors import CheckpointError
from minnet.saving import lock
from minnet.saving.lock import FolderLock

pytestmark = pytest.mark.skipif(lock.fcntl is None, reason="this system has no flock")

HOLD = """
import os, sys, time
from pathlib import Path
from minnet.saving.lock import FolderLock

lock = FolderLock()
lock.acquire(Path(sys.argv[1]))
if os.fork() == 0:  # the child, once it has released what it inherited
    print("locked", flush=True)
time.sleep(60)
"""


def held(folder):
    """Acquire the lock of a folder."""
    lock = FolderLock()
    lock.acquire(folder)
    return lock


def test_a_second_is_refused_until_the_first_releases_it(tmp_path):
    first = held(tmp_path)
    with pytest.raises(CheckpointError, match=f"another run is writing its checkpoints to {tmp_path}: wait for its"):
        held(tmp_path)
    first.release()
    first.release()  # once more does nothing
    second = held(tmp_path)
    assert list(tmp_path.iterdir()) == []
    second.release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_it_ends_with_a_killed_process_though_its_child_lives_on(tmp_path):
    code = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(code, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout.readline() == "locked\n"
            with pytest.raises(CheckpointError, match="another run"):
                held(tmp_path)
            process.kill()
            process.wait()
            held(tmp_path).release()
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # the child


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of threads beside fork
def test_a_child_releases_nothing_of_its_parents(tmp_path):
    first = held(tmp_path)
    child = multiprocessing.get_context("fork").Process(target=first.release)
    child.start()
    child.join()
    with pytest.raises(CheckpointError, match="another run"):
        held(tmp_path)
    first.release()


def test_a_file_system_without_locks_lets_everyone_in(tmp_path, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    for _ in range(2):
        held(tmp_path).release()


def test_a_system_without_flock_lets_everyone_in(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "fcntl", None)
    for _ in range(2):
        held(tmp_path).release()
