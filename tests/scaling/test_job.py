"""The programs of benchmarks/scaling start jobs, and get what rank 0 found."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
SCALING = Path(__file__).parents[2] / "benchmarks" / "scaling"
CALL = """
import json, sys
sys.path[:0] = [{folder!r}, {parent!r}]
import job
given = {{"sizes": [8, 4096], "dtype": "f8", "in_place": False, "rounds": 3}}
print(json.dumps(job.run("allreduce", 2, given)))
try:
    job.run("allreduce", 2, {{}})
except job.JobError as error:
    print(json.dumps("KeyError" in str(error)))
"""


def test_a_job_returns_what_it_measured_and_an_error_says_what_failed():
    pytest.importorskip("mpi4py")
    code = CALL.format(folder=str(SCALING), parent=str(SCALING.parent))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, timeout=300)
    assert done.returncode == 0, done.stderr
    found, failed = map(json.loads, done.stdout.splitlines())
    assert {size: len(each) for size, each in found["seconds"].items()} == {"8": 3, "4096": 3}
    assert min(min(each) for each in found["seconds"].values()) > 0
    assert failed
