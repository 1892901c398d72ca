"""No thread passes a barrier before all have arrived, and a failure of one ends the waiting."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra compiled is not installed")

from minnet.compiled.foundation.numba_code import compiled
from minnet.compiled.steps.barrier import share_of, wait_at

pytestmark = pytest.mark.slow


def test_shares_are_all_there_is_and_alike():
    for n in (0, 1, 2, 5, 784):
        ends = [share_of(n, part, 3) for part in range(3)]
        assert [ends[0][0], *(end for _, end in ends)] == [*(begin for begin, _ in ends), n]
        sizes = [end - begin for begin, end in ends]
        assert max(sizes) - min(sizes) <= 1


@compiled
def count_late(barrier, seen, thread, threads, times):
    """Write the number of each round, wait for all threads, and count those that have not written it."""
    late = 0
    for time in range(1, times + 1):
        seen[thread] = time
        if not wait_at(barrier, 2 * time * threads - threads):
            return -1
        for other in range(threads):
            late += seen[other] != time
        if not wait_at(barrier, 2 * time * threads):
            return -1
    return late


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_no_thread_passes_a_barrier_before_all_have_arrived(threads):
    barrier, seen = np.zeros(2, np.int64), np.zeros(threads, np.int64)
    with ThreadPoolExecutor(threads) as pool:
        late = list(pool.map(lambda thread: count_late(barrier, seen, thread, threads, 2000), range(threads)))
    assert late == [0] * threads
    assert barrier.tolist() == [4000 * threads, 0]


def test_a_failure_ends_the_waiting_at_a_barrier():
    barrier = np.zeros(2, np.int64)
    count_late(barrier, np.zeros(1, np.int64), 0, 1, 0)  # compiled
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(count_late, barrier, np.zeros(2, np.int64), 0, 2, 1)
        with pytest.raises(TimeoutError):
            waits.result(timeout=0.1)
        barrier[1] = 1
        assert waits.result(timeout=60) == -1
