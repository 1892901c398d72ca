"""The modules of this folder import each other by their names, as they do when kills.py is run as a program."""

import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
MEMORY = Path("/dev/shm")  # a file system in memory, where there is one: checkpoints are synced at once


@pytest.fixture(scope="module")
def quick():
    """Give a folder for many files, on a file system that is quick."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)
