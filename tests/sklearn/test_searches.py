"""Searches in several processes find what they find in one, to the last bit, and end with Ctrl-C."""

import contextlib
import functools
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("sklearn")
from joblib import Parallel, delayed, parallel_config
from ranks import alive
from sklearn.datasets import load_digits
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from threadpoolctl import threadpool_limits

import minnet as mn

pytestmark = pytest.mark.slow
X, y = load_digits(return_X_y=True)  # 0.9 MB, so that two thirds are not memory-mapped, but three times as many are
BACKENDS = ("loky", "threading", "dask processes", "dask threads")


@contextlib.contextmanager
def workers(backend):
    """Give searches two workers: processes or threads of joblib, or those of a Dask cluster on this machine."""
    if not backend.startswith("dask"):
        with parallel_config(backend, n_jobs=2):
            yield
        return
    distributed = pytest.importorskip("distributed")
    processes, threads = (2, 1) if backend == "dask processes" else (1, 2)
    with (
        distributed.LocalCluster(n_workers=processes, threads_per_worker=threads, dashboard_address=":0") as cluster,
        distributed.Client(cluster),
        parallel_config("dask"),
    ):
        yield


def network_maker():
    """Return a function that makes a network with Dropout; it is local, so that it travels whole."""

    def make(n_features, n_outputs, rng, width):
        first, last = mn.Linear(n_features, width, rng=rng), mn.Linear(width, n_outputs, rng=rng)
        return mn.Sequential(first, mn.GELU(), mn.Dropout(0.2, rng=rng), last)

    return make


def classifier(**options):
    """Return a Classifier with everything that a setting can be: functions, a loss, callbacks, a held-out part."""
    cosine = mn.callbacks.LearningRate(mn.schedules.CosineAnnealingLR(5), per="epoch")
    usual = {
        "model": functools.partial(network_maker(), width=16),
        "loss": mn.SoftmaxCrossEntropyLoss(label_smoothing=0.1),
        "optimizer": lambda parameters, lr: mn.SGD(parameters, lr=lr, momentum=0.9),
        "callbacks": [cosine, mn.callbacks.EMA(0.9)],
        "early_stopping": True,
        "learning_rate_init": 0.05,
        "max_iter": 4,
        "random_state": 0,
    }
    return mn.sklearn.Classifier(**usual | options)


def bits(search):
    """Return all scores of a search, and the weights of what it found, as bytes."""
    scores = {name: np.array(column, float).tobytes() for name, column in search.cv_results_.items() if "test" in name}
    return scores, [p.data.tobytes() for p in search.best_estimator_.model_.parameters()], search.best_params_


def found():
    """Return what a grid search, a random search and a cross-validation find."""
    grid = {"learning_rate_init": [0.01, 0.05], "optimizer": ["Adam", functools.partial(mn.SGD, momentum=0.9)]}
    random = {"alpha": [1e-4, 1e-2, 1.0, 10.0], "callbacks": [None, [mn.callbacks.ClipGradNorm(0.1)]]}
    thrice = np.tile(X, (3, 1)), np.tile(y, 3)
    return (
        bits(GridSearchCV(classifier(), grid, cv=2, return_train_score=True).fit(X, y)),
        bits(RandomizedSearchCV(classifier(), random, n_iter=3, cv=2, random_state=0).fit(X.astype(np.float32), y)),
        cross_val_score(classifier(max_iter=2), *thrice, cv=2).tobytes(),
    )


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Compute here with one thread, as the workers do: more of them may round other."""
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(scope="module")
def serial():
    return found()


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_same_bits_as_one_after_the_other(backend, serial):
    with workers(backend):
        assert found() == serial


def test_n_jobs_alone(serial):
    assert (
        cross_val_score(classifier(max_iter=2), np.tile(X, (3, 1)), np.tile(y, 3), cv=2, n_jobs=2).tobytes()
        == serial[2]
    )


def test_large_arrays_are_read_only_in_workers():
    def fit(estimator, X, y, mapped=True):
        assert X.flags.writeable is not mapped
        return estimator.fit(X, y, sample_weight=1 + y).score(X, y)

    large, labels = np.tile(X, (3, 1)), np.tile(y, 3)
    estimators = classifier(), mn.sklearn.Regressor(max_iter=2, random_state=0)
    for estimator in estimators:
        for numbers in (large, large.astype(np.float32)):
            (score,) = Parallel(2)([delayed(fit)(estimator, numbers, labels)])
            assert score == fit(estimator, numbers, labels, mapped=False)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
@pytest.mark.parametrize("backend", ["loky", "dask processes"])
def test_an_error_in_a_worker_reaches_the_user_as_it_is(backend):
    def broken(n_features, n_outputs):
        raise ValueError(f"no network of {n_features} features")

    with workers(backend):
        with pytest.raises(ValueError, match="no network of 64 features"):
            cross_val_score(classifier(model=broken), X, y, cv=2, error_score="raise")
        with pytest.raises(mn.errors.NonFiniteError, match=r"training diverged in step \d of epoch 1"):
            cross_val_score(classifier(learning_rate_init=1e300), X, y, cv=2, error_score="raise")
        search = GridSearchCV(classifier(), {"learning_rate_init": [0.05, 1e300]}, cv=2)
        with pytest.warns(FitFailedWarning, match="(?s)2 fits failed.*training diverged"):
            search.fit(X, y)
        assert search.best_params_ == {"learning_rate_init": 0.05}


SCRIPT = """
import os, sys
from pathlib import Path
import joblib, numpy as np
import minnet as mn
from sklearn.model_selection import GridSearchCV

class Note(mn.callbacks.Callback):
    def __init__(self, folder):
        self.folder = folder
    def on_epoch_end(self, trainer):
        Path(self.folder, str(os.getpid())).touch()

def search(folder, n_jobs=None):
    X = np.random.default_rng(0).normal(size=(200, 4))
    endless = mn.sklearn.Classifier(max_iter=10**9, n_iter_no_change=None, callbacks=[Note(folder)])
    GridSearchCV(endless, {"alpha": [0, 1, 2]}, n_jobs=n_jobs).fit(X, np.arange(200) % 2)

def main(backend, folder):
    if backend == "dask":
        from distributed import Client, LocalCluster
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster, Client(cluster):
            with joblib.parallel_config("dask"):
                search(folder)
    else:
        search(folder, 2 if backend == "loky" else None)

if __name__ == "__main__":
    main(*sys.argv[1:])
"""


@pytest.mark.parametrize("to", ["process", "group"])  # kill -INT; or Ctrl-C in a terminal, which tells the workers, too
@pytest.mark.parametrize("backend", ["serial", "loky", "dask"])
def test_ctrl_c_ends_a_search_and_its_workers(backend, to, tmp_path):
    if backend == "dask":
        pytest.importorskip("distributed")
    (tmp_path / "script.py").write_text(SCRIPT)
    folder = tmp_path / "workers"
    folder.mkdir()
    command = [sys.executable, tmp_path / "script.py", backend, folder]
    with (tmp_path / "said").open("w+") as said:
        parent = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
        expected = 1 if backend == "serial" else 2
        try:
            wait_until(lambda: parent.poll() is not None or len(list(folder.iterdir())) == expected, said)
            (os.kill if to == "process" else os.killpg)(parent.pid, signal.SIGINT)
            wait_until(lambda: parent.poll() is not None, said)
            processes = [int(file.name) for file in folder.iterdir()]
            wait_until(lambda: not any(map(alive, processes)), said)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(parent.pid, signal.SIGKILL)
            parent.wait()
        said.seek(0)
        assert said.read().endswith("KeyboardInterrupt\n")
    assert parent.returncode == -signal.SIGINT
    assert len(processes) == expected
    assert (parent.pid in processes) is (backend == "serial")


def wait_until(condition, said):
    """Wait until the condition is true; fail with what was said if that takes minutes."""
    end = time.monotonic() + 120
    while not condition():
        if time.monotonic() > end:
            said.seek(0)
            pytest.fail(f"not within two minutes:\n{said.read()}")
        time.sleep(0.05)
