"""A worker is a process that computes some fits of a search or a cross-validation, beside others."""

import multiprocessing
from functools import cache

from minnet.core.extras import require


def use_one_thread() -> None:
    """Let the BLAS use one thread from now on if this process is a worker: the other processors have workers, too.

    joblib gives each of n workers an n-th of the processors as threads, but leaves a number that the user has set for
    the whole machine as it is. Threads that compete for a processor are many times slower than one.
    """
    if multiprocessing.parent_process() is not None:
        _use_one_thread()


@cache
def _use_one_thread() -> None:
    require("threadpoolctl", "threads").threadpool_limits(1, user_api="blas")  # scikit-learn needs it, too
