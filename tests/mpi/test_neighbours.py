"""Ranks on the same machine see each other's processes."""

import os
import subprocess
import sys

import pytest

from minnet.mpi.neighbours import Neighbours, address


@pytest.mark.skipif(os.name != "posix", reason="processes cannot be asked for there")
def test_a_process_that_ended_is_dead():
    machine, pid = address()
    assert pid == os.getpid()
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    neighbours = Neighbours([(machine, process.pid), ("another", process.pid), (machine, pid)])
    assert neighbours.dead() == []
    assert neighbours.first_but([]) == 0
    process.communicate()
    assert neighbours.dead() == [0]
    assert neighbours.first_but([0]) == 2
