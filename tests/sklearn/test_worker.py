"""A worker of a search computes with one thread."""

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")

import minnet as mn

SCRIPT = """
import os
from joblib import Parallel, delayed
from threadpoolctl import threadpool_info
import minnet as mn

def threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

def fit():
    before = threads()
    mn.sklearn.Classifier(hidden_layer_sizes=(), max_iter=1).fit([[1.0], [2]], [0, 1])
    return os.getpid(), before, threads()

if __name__ == "__main__":
    (worker, before, after), = Parallel(2, "loky")([delayed(fit)()])
    print("in a worker", worker != os.getpid(), before, after)
    print("in the user's process", *fit()[1:])
"""


@pytest.mark.slow
def test_a_worker_has_one_thread_and_the_process_of_the_user_keeps_its_own(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    variables = ("OPENBLAS", "MKL", "BLIS", "OMP")
    environment = os.environ | {f"{name}_NUM_THREADS": "2" for name in variables}
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py"], env=environment, capture_output=True, text=True, check=True
    )
    worker, own = done.stdout.splitlines()
    own = own.removeprefix("in the user's process ")
    if own != "{2} {2}":
        pytest.skip(f"the BLAS here does not take two threads: {own}")
    assert worker == "in a worker True {2} {1}"


def test_only_a_worker_is_limited(monkeypatch):
    monkeypatch.setattr("minnet.sklearn.worker._use_one_thread", lambda: pytest.fail("this is no worker"))
    mn.sklearn.Classifier(hidden_layer_sizes=(), max_iter=1).fit(np.eye(4), [0, 1, 0, 1])
