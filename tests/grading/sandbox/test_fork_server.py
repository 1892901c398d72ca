"""The fork server: processes that are left over end with the one that started them."""

import os
import time
from contextlib import suppress

import pytest
from graded import descendants, sandbox

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
    before = len(descendants(server._server.pid))
    with suppress(Gone):
        student.load("student.py", (DAEMON + ending).encode())
    student.end()
    until = time.monotonic() + 60
    while len(descendants(server._server.pid)) >= max(before, 1) and time.monotonic() < until:
        time.sleep(0.01)
    assert descendants(server._server.pid) == []
