"""The limits of a process."""

import os
import pwd
import subprocess
import sys

import pytest

from minnet.grading.sandbox import limits


def test_a_spare_user_is_nobody():
    users = {limits.spare_user(slot) for slot in range(3)}
    assert len(users) == 3
    assert not users & {user.pw_uid for user in pwd.getpwall()}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_this_process_is_counted():
    assert limits.processes_of_user() >= 1
    assert limits.address_space() > 1 << 20


def test_files_and_memory_end_at_the_limit(tmp_path):
    code = (
        "from minnet.grading.sandbox import limits\n"
        "limits.limit(limits.address_space() + (64 << 20), 100)\n"
        "try:\n    x = bytearray(200 << 20)\nexcept MemoryError:\n    print('memory')\n"
        "try:\n    with open('x', 'wb') as file:\n        for _ in range(100):\n"
        "            file.write(bytes(1 << 20))\n"
        "except OSError:\n    print('file')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert "file" in done.stdout
    assert sys.platform != "linux" or "memory" in done.stdout
    assert os.path.getsize(tmp_path / "x") <= 64 << 20
