"""Tests of writing tensor files: at any instant, the old file is there, or all of the new one."""

import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest

from minnet.saving.tensorfile import read_tensors, write_tensors

ARRAYS = {"w": np.array([1.5, -2.0], np.float32)}


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "model.safetensors"
    write_tensors(file, ARRAYS, {"kind": "weights"})
    return file


def unchanged(path, before):
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("step", ["fsync", "replace", "open", "write"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "Ctrl-C"])
def test_a_write_that_fails_leaves_the_old_file(path, monkeypatch, step, error):
    before = path.read_bytes()

    def fail(*_, **__):
        raise error

    class Half:
        """A file that takes a half of what it is given."""

        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, content):
            self.file.write(content[: len(content) // 2])
            raise error

    if step == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    elif step == "write":
        monkeypatch.setattr(type(path), "open", lambda self, mode: Half(open(self, mode)))  # noqa: SIM115, Half closes
    else:
        monkeypatch.setattr(type(path), step, fail)
    with pytest.raises(type(error)):
        write_tensors(path, {"new": np.ones(1000)}, {})
    monkeypatch.undo()
    unchanged(path, before)


def test_a_folder_that_cannot_be_synced_is_no_error(path, monkeypatch):
    fsync, calls = os.fsync, []

    def files_only(descriptor):
        calls.append(descriptor)
        if len(calls) > 1:
            raise OSError(22, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", files_only)
    write_tensors(path, {"new": np.ones(3)}, {})
    assert len(calls) == 2
    assert list(read_tensors(path).tensors) == ["new"]


LIMITED = """
import resource, signal, sys
import numpy as np
from minnet.saving.tensorfile import write_tensors
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    write_tensors(sys.argv[1], {"new": np.ones(100_000)}, {})
except OSError as error:
    print(type(error).__name__, error.errno)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_disk_that_is_full_half_way(path):
    before = path.read_bytes()
    run = subprocess.run([sys.executable, "-c", LIMITED, path], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "OSError 27\n"  # file too large
    unchanged(path, before)


def test_where_it_cannot_be_written(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_tensors(tmp_path / "no" / "file", ARRAYS, {})
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_tensors(tmp_path / "folder", ARRAYS, {})
    assert [file.name for file in tmp_path.iterdir()] == ["folder"]


def test_a_header_that_could_not_be_read_is_not_written(path):
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"model\.safetensors: .* 16,777,216 at most"):
        write_tensors(path, {}, {"state": "x" * (1 << 24)})
    unchanged(path, before)


def test_a_reader_never_sees_a_half_file(path):
    """One writes two contents in turn; what another reads is always one of them, whole."""
    contents = [{"x": np.full(20_000, i, np.float32)} for i in range(2)]
    write_tensors(path, contents[0], {})
    done = threading.Event()

    def write():
        for i in range(60):
            write_tensors(path, contents[i % 2], {})
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    reads = 0
    while not done.is_set() or not reads:
        values = read_tensors(path).tensors["x"]
        assert (values == values[0]).all()
        reads += 1
    thread.join()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["missing/m.safetensors", "folder", "file/m.safetensors"])
def test_an_error_names_the_file_and_not_the_temporary_one(name, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=f"{re.escape(str(tmp_path / name))}'$") as caught:
        write_tensors(tmp_path / name, {"a": np.ones(3)}, {})
    assert ".tmp" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
