"""A job is a program of this folder that several ranks run; the others get what its rank 0 found."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LIMIT = 280  # seconds, after which a job that has not ended is stopped
# One BLAS thread a rank, because all ranks of a host share its processors; root is allowed, because of containers.
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_ALLOW_RUN_AS_ROOT": "1",
    "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "benchmarks", ROOT / "benchmarks" / "scaling"))),
}


class JobError(Exception):
    """A job that failed, or did not end in time."""


def run(
    program: str,
    ranks: int,
    task: Any,
    options: Sequence[str] = (),
    limit: float = LIMIT,
    mpiexec: Sequence[str] = (),
    **environment: str,
) -> Any:
    """Call ``program.task(comm, task)`` on each rank, and return what it returned on rank 0, as JSON holds it.

    Parameters
    ----------
    program
        The name of a file of this folder, without ".py".
    ranks
        How many processes to start.
    task
        What the ranks are given; as JSON holds it.
    options, environment
        More options of mpiexec, and variables of the environment.
    limit
        After how many seconds the job is stopped.
    mpiexec
        What starts MPI instead of mpiexec.
    """
    with tempfile.TemporaryDirectory() as name:
        answer = Path(name) / "answer"
        command = [*(mpiexec or [find(), "--oversubscribe"]), "-n", str(ranks), *options, sys.executable, __file__]
        command += [program, json.dumps(task), str(answer)]
        try:
            done = subprocess.run(
                command, env=os.environ | ENVIRONMENT | environment, capture_output=True, text=True, timeout=limit
            )
        except subprocess.TimeoutExpired as error:
            raise JobError(f"{program} on {ranks} ranks had not ended after {limit} s") from error
        if done.returncode or not answer.exists():
            raise JobError(f"{program} on {ranks} ranks ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return json.loads(answer.read_text())


def find() -> str:
    """Return the path of mpiexec: beside this Python, or in PATH."""
    beside = Path(sys.executable).with_name("mpiexec")
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        raise SystemExit("mpiexec was not found: install the extra mpi")
    return found


def _rank(program: str, task: str, answer: str) -> None:
    """Do the task on this rank."""
    import importlib

    from mpi4py import MPI

    found = importlib.import_module(program).task(MPI.COMM_WORLD, json.loads(task))
    if MPI.COMM_WORLD.Get_rank() == 0:
        Path(answer).write_text(json.dumps(found))


if __name__ == "__main__":
    _rank(*sys.argv[1:])
