"""The fork server: processes that are left over end with the one that started them."""

import os
import time
from contextlib import suppress
from pathlib import Path

import pytest
from graded import sandbox

from minnet.grading.remote.wire import Gone
from minnet.grading.sandbox.limits import Limits

DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            time.sleep(0.1)
    os._exit(0)
"""


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="only Linux has /proc")
@pytest.mark.parametrize("ending", ["", "os._exit(0)", pytest.param("while True: pass", marks=pytest.mark.slow)])
def test_nothing_is_left_over(ending):
    server = sandbox()
    student = server.fork(Limits(2))
    before = len(children(server._server.pid))
    with suppress(Gone):
        student.load("student.py", (DAEMON + ending).encode())
    student.end()
    until = time.monotonic() + 60
    while len(children(server._server.pid)) >= max(before, 1) and time.monotonic() < until:
        time.sleep(0.01)
    assert children(server._server.pid) == []


def children(parent):
    """List all descendants of a process."""
    pairs = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pairs.append((int(path.parent.name), int(path.read_text().rpartition(")")[2].split()[1])))
        except OSError:
            continue
    found, new = [], {parent}
    while new := {pid for pid, its in pairs if its in new}:
        found += new
    return found
