"""Jobs of several ranks, as tests start them: a function of a test file, or a script as a user would start it.

`run(function, 3, *arguments)` calls ``function(mpi, *arguments)`` on three ranks, and returns their three results.
`Job(script, 3, *arguments)` is a script that runs: its processes can be found and killed, its outputs read.
"""

import contextlib
import importlib.util
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A rank writes its process number, and becomes the script; what it prints goes into files of its own.
RANK = 'echo $$ >"$0/pid.$PMIX_RANK"; exec "$@" >"$0/stdout.$PMIX_RANK" 2>"$0/stderr.$PMIX_RANK"'
# As root (containers); with more ranks than processors, a rank that waits lets the others compute.
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_ALLOW_RUN_AS_ROOT": "1",
    "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")]),
}


def run(function, ranks, *arguments, **options):
    """Call function(mn.MPI(**options), *arguments) on each rank, and return the results in the order of the ranks.

    The function stands at the top of a test file, which each rank imports; arguments and results are pickled.
    An exception on any rank fails the test with all that the ranks wrote.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        call = function.__code__.co_filename, function.__module__, function.__qualname__, arguments, options
        (folder / "call").write_bytes(pickle.dumps(call))
        with Job(__file__, ranks, folder, python=["-W", "error"]) as job:
            code = job.wait()
            if code:
                pytest.fail(f"{function.__name__} on {ranks} ranks ended with {code}\n{job.said()}")
        return [pickle.loads((folder / f"result.{rank}").read_bytes()) for rank in range(ranks)]


class Job:
    """A script that `ranks` ranks run; leaving a ``with`` block kills what is left of it.

    Parameters
    ----------
    script
        The path of a script, or its text (which has more lines than one).
    ranks, arguments
        How many processes run it, and what follows its name.
    python, mpiexec
        More arguments of Python, and of mpiexec.
    environment
        More variables of the environment, ``NAME="value"``.
    """

    def __init__(self, script, ranks, *arguments, python=(), mpiexec=(), **environment):
        pytest.importorskip("mpi4py")
        self.ranks = ranks
        self._temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._folder = Path(self._temporary.name)
        if "\n" in str(script):
            (self._folder / "script.py").write_text(script, encoding="utf-8")
            script = self._folder / "script.py"
        command = [_mpiexec(), "--oversubscribe", "--bind-to", "none", "-n", str(ranks), *mpiexec]
        command += ["sh", "-c", RANK, self._folder, sys.executable, *python, script, *arguments]
        # Open MPI keeps the files of all jobs in one folder, which the end of one job removes while another starts.
        own = self._folder / "tmp"
        own.mkdir()
        with self._written("stdout", "w") as stdout, self._written("stderr", "w") as stderr:
            self.process = subprocess.Popen(
                list(map(str, command)),
                env=os.environ | ENVIRONMENT | {"TMPDIR": str(own)} | environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    def pids(self, timeout=60):
        """Return the number of each rank's process, once all have begun."""

        def written():
            return [self._read(f"pid.{rank}") for rank in range(self.ranks)]

        self.wait_for(lambda: all(number.endswith("\n") for number in written()), timeout)
        return list(map(int, written()))

    def wait_for(self, condition, timeout=60):
        """Wait until condition() is true; fail if the job ends before, or it takes longer."""
        end = time.monotonic() + timeout
        while not condition():
            ended = self.process.poll()
            if (ended is not None and not condition()) or time.monotonic() > end:
                what = f"it took longer than {timeout} s" if ended is None else f"the job ended with {ended}"
                pytest.fail(f"waited for what did not come: {what}\n{self.said()}")
            time.sleep(0.01)

    def wait(self, timeout=120):
        """Wait until the job has ended, and return its code: 0 if all is well; fail if it lasts longer."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            said = self.said()
            self.kill()
            pytest.fail(f"the job had not ended after {timeout} s\n{said}")

    def stdout(self, rank):
        """Return what a rank has printed so far."""
        return self._read(f"stdout.{rank}")

    def stderr(self, rank):
        """Return what a rank has written to stderr so far."""
        return self._read(f"stderr.{rank}")

    def said(self):
        """Return all that the job has written so far, mpiexec itself included."""
        names = ["stdout", "stderr"]
        names += [f"{stream}.{rank}" for rank in range(self.ranks) for stream in ("stdout", "stderr")]
        return "".join(f"-- {name}\n{text}" for name in names if (text := self._read(name)))

    def kill(self):
        """End mpiexec and all ranks, if they are still there."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for rank in range(self.ranks):  # a rank may outlive an mpiexec that was killed
            pid = int(self._read(f"pid.{rank}") or 0)
            while pid and alive(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.kill()
        self._temporary.cleanup()

    def _written(self, name, mode):
        return (self._folder / name).open(mode, encoding="utf-8", errors="replace")

    def _read(self, name):
        if not (self._folder / name).exists():
            return ""
        with self._written(name, "r") as file:
            return file.read()


def alive(pid):
    """Whether a process runs; one that ended, and that nobody has asked for its code, does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:  # not on Linux; or it has just ended
        return not status.parents[1].exists()


def _mpiexec():
    """Return the path of mpiexec, beside this Python or in PATH; skip the test if there is none."""
    beside = Path(sys.executable).with_name("mpiexec")
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    return found or pytest.skip("needs mpiexec, of the extra mpi")


def _call(folder):
    """Call the function that `run` was given, on this rank, and write what it returns."""
    from minnet import MPI

    file, name, function, arguments, options = pickle.loads((folder / "call").read_bytes())
    spec = importlib.util.spec_from_file_location(name, file)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    mpi = MPI(**options)
    result = getattr(module, function)(mpi, *arguments)
    (folder / f"result.{mpi.rank}").write_bytes(pickle.dumps(result))


if __name__ == "__main__":
    _call(Path(sys.argv[1]))
