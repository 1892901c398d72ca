"""At a barrier, threads of compiled code wait until all of them have arrived."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.compiled.foundation.numba_code import compiled, numba

TRIES = 200  # looks at the barrier, some microseconds, before a thread offers its processor to the other one
OFFERS = 100  # of the processor before a thread sleeps, because another program may have the other's processor
# The functions of the operating system that offer the processor, and that sleep.
if sys.platform == "win32":
    offer = numba.types.ExternalFunction("SwitchToThread", numba.int32())
    pause, MOMENT = numba.types.ExternalFunction("Sleep", numba.void(numba.uint32)), np.uint32(0)
else:
    offer = numba.types.ExternalFunction("sched_yield", numba.int32())
    pause, MOMENT = numba.types.ExternalFunction("usleep", numba.int32(numba.uint32)), np.uint32(20)


@numba.extending.intrinsic  # type: ignore[untyped-decorator]
def atomic_add(context: Any, array: Any, i: Any, number: Any) -> Any:
    """Add a number to array[i], of int64, and return what it was before, as one operation that no thread interrupts.

    Numba has no such operation for the threads of a CPU; this is LLVM's.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, i, number = arguments
        data = context.make_array(signature.args[0])(context, builder, array).data
        return builder.atomic_rmw("add", builder.gep(data, [i]), number, "seq_cst")

    return numba.int64(array, numba.int64, numba.int64), code


@compiled
def wait_at(barrier: NDArray[np.int64], arrivals: int) -> bool:
    """Wait until threads have arrived at a barrier so many times, in all; return False if one of them has failed.

    The barrier is (2,): the number of arrivals, and whether a thread has failed.
    """
    tries = TRIES
    atomic_add(barrier, 0, 1)
    while atomic_add(barrier, 0, 0) < arrivals:
        if atomic_add(barrier, 1, 0):
            return False
        tries -= 1
        if tries < -OFFERS:
            pause(MOMENT)
        elif tries < 0:  # a system may begin with both threads on one processor
            offer()
    return True


@compiled
def share_of(n: int, thread: int, threads: int) -> tuple[int, int]:
    """Return where a thread's share of n things begins and ends."""
    return n * thread // threads, n * (thread + 1) // threads
