"""A grid search in one process, in two, and on a Dask cluster of two, with one BLAS thread a worker and with two.

python benchmarks/searches.py

All ways search the same settings, in turns; the workers are started before. "Two threads" undoes what `fit` does in a
worker, and sets OPENBLAS_NUM_THREADS=2 as a user might have. A time is the wall's, the median of the rounds with its
quartiles; the scores are compared to the last bit. The table goes into docs/sklearn.md.
"""

import argparse
import contextlib
import os
import time
from collections.abc import Iterator

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_limits

import minnet as mn

SETTINGS = {"alpha": [1e-4, 1e-2], "learning_rate_init": [1e-3, 1e-2]}
WORKERS = 2


def set_threads(number: int) -> None:
    """Let the BLAS of this process use so many threads, before and in `fit`."""
    threadpool_limits(number, user_api="blas")
    mn.sklearn.estimator.use_one_thread = lambda: None


def in_each_worker(function: object, *arguments: object) -> None:
    """Call a function in both workers: each is given a call that lasts long enough for the other to take the second."""

    def call() -> int:
        function(*arguments)
        time.sleep(0.5)
        return os.getpid()

    assert len(set(joblib.Parallel(WORKERS)(joblib.delayed(call)() for _ in range(WORKERS)))) == WORKERS


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Search in this process."""
    yield


@contextlib.contextmanager
def loky() -> Iterator[None]:
    """Search in two processes of joblib."""
    with joblib.parallel_config("loky", n_jobs=WORKERS):
        yield


@contextlib.contextmanager
def dask() -> Iterator[None]:
    """Search on a cluster of two processes on this machine."""
    from distributed import Client, LocalCluster

    cluster = LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=":0")
    with cluster, Client(cluster), joblib.parallel_config("dask"):
        yield


def search(epochs: int) -> tuple[float, bytes]:
    """Search, and return the seconds and the scores."""
    X, y = load_digits(return_X_y=True)
    network = mn.sklearn.Classifier(max_iter=epochs, n_iter_no_change=None, random_state=0)
    start = time.perf_counter()
    found = GridSearchCV(network, SETTINGS, cv=5).fit(X, y)
    return time.perf_counter() - start, found.cv_results_["mean_test_score"].tobytes()


def main(rounds: int = 5, epochs: int = 20) -> None:
    """Measure all ways in turns, and print a table."""
    ways = [(kind, number) for number in (1, 2) for kind in (alone, loky, dask)]
    times: dict[tuple[str, int], list[float]] = {(kind.__name__, number): [] for kind, number in ways}
    scores = set[bytes]()
    for turn in range(rounds):
        for kind, number in ways[turn % len(ways) :] + ways[: turn % len(ways)]:
            with kind(), threadpool_limits(number, user_api="blas"):
                if kind is not alone:
                    in_each_worker(set_threads, number)
                seconds, found = search(epochs)
            times[kind.__name__, number].append(seconds)
            scores.add(found)
    print(f"{len(scores)} different table(s) of scores in {rounds} rounds, {os.cpu_count()} processors, load")
    print(f"{os.getloadavg()[0]:.1f}\n")
    print("| seconds, median (quartiles) | one BLAS thread a process | two |\n|---|---:|---:|")
    titles = {"alone": "one process", "loky": "two processes, `n_jobs=2`", "dask": "two processes of Dask"}
    for kind, title in titles.items():
        cells = [np.percentile(times[kind, number], [50, 25, 75]) for number in (1, 2)]
        print(f"| {title} | " + " | ".join("{:.2f} ({:.2f} … {:.2f})".format(*cell) for cell in cells) + " |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each way is measured (5)")
    parser.add_argument("--epochs", type=int, default=20, help="epochs of each fit (20)")
    main(**vars(parser.parse_args()))
