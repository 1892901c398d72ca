"""Jobs of several ranks run as tests start them (tests/support/ranks.py)."""

import os
import signal

import numpy as np
import pytest
from ranks import Job, alive, run

pytestmark = pytest.mark.slow
SCRIPT = """
import sys
from mpi4py import MPI
print("rank", MPI.COMM_WORLD.rank, "of", MPI.COMM_WORLD.size, *sys.argv[1:])
print("a warning", file=sys.stderr)
"""
ENDLESS = """
import signal
from mpi4py import MPI
print("begun")
signal.pause()
"""


def talk(mpi, numbers, factor):
    mine = numbers[mpi.rank :: mpi.size] * factor
    total = np.array([mine.sum()])
    mpi.add_up(total)
    return mpi.gather(mpi.rank), float(total[0]), mpi.broadcast(mpi.rank), mpi.any(mpi.rank == 1), mpi.timeout


def stumble(mpi):
    raise RuntimeError(f"rank {mpi.rank} stumbled")


def test_a_function_is_called_on_each_rank():
    assert run(talk, 3, np.arange(10), 2, timeout=100) == [([0, 1, 2], 90.0, 0, True, 100)] * 3


def test_an_exception_on_a_rank_fails_the_test_with_its_message():
    with pytest.raises(pytest.fail.Exception, match=r"(?s)stumble on 2 ranks ended with .*rank [01] stumbled"):
        run(stumble, 2)


def test_a_script_runs_as_a_user_would_start_it(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    for script in (SCRIPT, tmp_path / "script.py"):
        with Job(script, 2, "--steps", 3) as job:
            assert job.wait() == 0
            assert [job.stdout(rank) for rank in (0, 1)] == [f"rank {rank} of 2 --steps 3\n" for rank in (0, 1)]
            assert [job.stderr(rank) for rank in (0, 1)] == ["a warning\n"] * 2
            assert "-- stdout.1\nrank 1 of 2" in job.said()


def test_ranks_are_found_and_none_is_left():
    with Job(ENDLESS, 2) as job:
        pids = job.pids()
        job.wait_for(lambda: job.stdout(0) == job.stdout(1) == "begun\n")
        assert all(map(alive, pids))
        os.kill(pids[1], signal.SIGKILL)
        assert job.wait() != 0
        assert not any(map(alive, pids))
    with Job(ENDLESS, 2) as job:
        pids = job.pids()
        job.process.kill()
    assert not any(map(alive, pids))
