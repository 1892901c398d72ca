"""A communicator connects the processes of a job."""

import numpy as np
import pytest

import minnet as mn

pytest.importorskip("mpi4py")


def test_a_script_without_mpiexec_is_a_job_of_one_rank():
    mpi = mn.MPI()
    numbers = np.array([1.0, 2.0])
    mpi.add_up(numbers)
    assert (mpi.rank, mpi.size) == (0, 1)
    assert numbers.tolist() == [1, 2]
    assert mpi.gather("a") == ["a"]
    assert mpi.broadcast("b") == "b"
    assert mpi.any(True)
    assert not mpi.any(False)


@pytest.mark.parametrize("options", [{"timeout": 0}, {"check_every": 0}, {"synchronised": "yes"}])
def test_refuses_wrong_options(options):
    with pytest.raises((TypeError, ValueError), match=f"MPI .*{next(iter(options))}"):
        mn.MPI(**options)
