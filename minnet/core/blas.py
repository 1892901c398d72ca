"""The BLAS is the library that multiplies NumPy's matrices; an environment variable says how many threads it uses."""

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from minnet.core.extras import require
from minnet.errors import MissingExtraError

THREADS = {  # a part of the BLAS's name → the variable that it reads when it is loaded
    "openblas": "OPENBLAS_NUM_THREADS",
    "mkl": "MKL_NUM_THREADS",
    "blis": "BLIS_NUM_THREADS",
    "accelerate": "VECLIB_MAXIMUM_THREADS",
}
OTHERWISE = "OMP_NUM_THREADS"  # which OpenBLAS, MKL and BLIS read, too, if their own is not set


def built_with() -> Mapping[str, Any]:
    """Return what ``numpy.show_config`` says of NumPy's BLAS: its ``name``, its ``version``."""
    config: dict[str, Any] = dict(np.show_config(mode="dicts") or {})
    found: Mapping[str, Any] = config.get("Build Dependencies", {}).get("blas", {})
    return found


def threads_variable(name: object) -> str:
    """Return the variable that sets the number of threads of the BLAS of this name."""
    return next((variable for part, variable in THREADS.items() if part in str(name).lower()), OTHERWISE)


def loaded() -> Sequence[Mapping[str, Any]] | None:
    """Return the BLAS libraries of this process, NumPy's first, as threadpoolctl describes them; None without it."""
    with suppress(MissingExtraError):
        pools = require("threadpoolctl", "threads").threadpool_info()
        found = [pool for pool in pools if pool.get("user_api") == "blas"]
        return sorted(found, key=lambda pool: "numpy" not in str(pool.get("filepath")))  # SciPy has another
    return None


def milliseconds(rows: int, inputs: int, outputs: int, threads: int) -> float:
    """Measure a product (rows, inputs) @ (inputs, outputs) with so many threads, for 0.2 s at most.

    It needs threadpoolctl. Meanwhile the whole process has so many.
    """
    a, b = np.ones((rows, inputs), np.float32), np.ones((inputs, outputs), np.float32)
    times, end = list[float](), time.perf_counter() + 0.2
    with require("threadpoolctl", "threads").threadpool_limits(threads, user_api="blas"):
        while len(times) < 3 or (len(times) < 50 and time.perf_counter() < end):
            begin = time.perf_counter()
            a @ b
            times.append(time.perf_counter() - begin)
    return 1000 * float(np.mean(times[1:]))  # the first one wakes the threads


class OneThread:
    """BLAS computes on one thread, until the last of those who asked for it is done.

    The limit is that of the process. If each of two trainings at once restored the number that it found, the one that
    began second and ended last would restore the limit of the first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before: Any = None

    def limit(self) -> None:
        """Ask for it; raise MissingExtraError without threadpoolctl."""
        with self._lock:
            limits = require("threadpoolctl", "threads").threadpool_limits(1, user_api="blas")
            if not self._users:
                self._before = limits
            self._users += 1

    def restore(self) -> None:
        """Be done."""
        with self._lock:
            self._users -= 1
            # Every user, not only the last: threadpoolctl 3.8 ignores all threads but the one that set the limits.
            self._before.restore_original_limits()

    def __enter__(self) -> None:
        self.limit()

    def __exit__(self, *_: object) -> None:
        self.restore()


one_thread = OneThread()
