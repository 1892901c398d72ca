"""A sandbox: its fork server, and the ways in which it isolates processes."""

from graded import sandbox

from minnet.grading.sandbox.fork_server import NONE
from minnet.grading.sandbox.limits import Limits
from minnet.grading.sandbox.sandbox import PROTECTION, Sandbox


def load(box, source):
    student = box.fork(Limits(60))
    student.load("student.py", source)
    student.end()
    return student


def test_a_server_that_was_ended_is_started_again():
    sandbox()._server.kill()
    sandbox()._server.wait()
    assert load(sandbox(), b"x = 1").errors == []


def test_the_way_is_one_that_works_here_or_the_one_that_was_asked_for():
    assert sandbox().way in PROTECTION
    with Sandbox(way=NONE) as box:
        assert box.way == NONE
        assert load(box, b"x = 1").errors == []
