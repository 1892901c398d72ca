"""Time Allreduce by message size, number type, number of ranks, algorithm, thread level and binding.

python benchmarks/scaling/allreduce.py
"""

import os
import time
from collections.abc import Callable
from typing import Any

import job
import numpy as np
from page import table
from program import main, median, micros, quartiles

SIZES = [8 * 4**i for i in range(13)] + [256 * 2**20]  # bytes: 8 B … 128 MB, 256 MB
FEW = [8, 2048, 32 * 1024, 512 * 1024, 8 * 2**20]
TURN, ROUNDS = 0.01, 15  # seconds a turn takes at least, and how many turns there are
ALGORITHMS = {3: "recursive doubling", 4: "ring", 5: "segmented ring", 6: "Rabenseifner"}
FORCED = {"OMPI_MCA_coll_tuned_use_dynamic_rules": "1"}
BINDINGS = ("core", "none")


def task(comm: Any, task: dict[str, Any]) -> dict[str, Any]:
    """Time each size, and return the seconds of each round by size; the ranks' processors and BLAS threads as well."""
    found: dict[str, Any] = {"seconds": {}}
    for size in task["sizes"]:
        found["seconds"][size] = timed(comm, adder(comm, size, task["dtype"], task["in_place"]), task["rounds"])
    found["processors"] = comm.allgather(sorted(os.sched_getaffinity(0)))
    return found


def adder(comm: Any, size: int, dtype: str, in_place: bool) -> Callable[[], None]:
    """Return what adds up so many bytes once."""
    from mpi4py import MPI

    array = np.ones(max(1, size // np.dtype(dtype).itemsize), dtype)
    if in_place:
        array[:] = 0  # stays finite, however often it is added up
        return lambda: comm.Allreduce(MPI.IN_PLACE, array)
    result = np.empty_like(array)
    return lambda: comm.Allreduce(array, result)


def timed(comm: Any, call: Callable[[], Any], rounds: int = ROUNDS) -> list[float]:
    """Return the seconds of a call in each round: a mean of calls one after the other, on the slowest rank."""
    begin = time.perf_counter()
    for _ in range(3):
        call()
    calls = comm.bcast(max(1, int(TURN * 3 / (time.perf_counter() - begin))))
    seconds = []
    for _ in range(rounds):
        comm.Barrier()
        begin = time.perf_counter()
        for _ in range(calls):
            call()
        seconds.append(max(comm.allgather((time.perf_counter() - begin) / calls)))
    return seconds


def measure() -> dict[str, Any]:
    """Start a job for each way."""
    found: dict[str, Any] = {}

    def add(name: str, ranks: int = 2, sizes: list[int] = FEW, dtype: str = "f4", in_place: bool = True,
            bind: str = "core", rounds: int = ROUNDS, **environment: str) -> None:  # fmt: skip
        print(f"{name} ...", flush=True)
        given = {"sizes": sizes, "dtype": dtype, "in_place": in_place, "rounds": rounds}
        found[name] = job.run("allreduce", ranks, given, ["--bind-to", bind], **environment)

    add("float32", sizes=SIZES)
    add("float64", sizes=SIZES, dtype="f8")
    add("not in place", sizes=SIZES, in_place=False)
    for ranks in (3, 4):  # a rank that waits gives its processor away
        add(f"{ranks} ranks", ranks, bind="none", rounds=7, OMPI_MCA_mpi_yield_when_idle="1")
    for number, name in ALGORITHMS.items():
        add(name, OMPI_MCA_coll_tuned_allreduce_algorithm=str(number), **FORCED)
    add("threads: single", MPI4PY_RC_THREAD_LEVEL="single")
    add("threads: multiple", MPI4PY_RC_THREAD_LEVEL="multiple")
    for bind in BINDINGS:
        add(f"bind-to {bind}", bind=bind)
    return found


def in_bytes(size: int) -> str:
    """Return a size in words."""
    for unit, factor in (("MB", 2**20), ("KB", 2**10)):
        if size >= factor:
            return f"{size / factor:g} {unit}"
    return f"{size} B"


def markdown(found: dict[str, Any]) -> str:
    """Return the section."""
    rows = []
    for size in SIZES:
        seconds = [found[name]["seconds"][str(size)] for name in ("float32", "float64", "not in place")]
        low, high = quartiles(seconds[0])
        rate = size / median(seconds[0]) / 1e9
        cells = [micros(median(each)) for each in seconds]
        cells[0] += f" ({micros(low)} … {micros(high)})"
        rows.append([in_bytes(size), *cells, f"{rate:.3g}"])
    head = ["message", "float32, µs (quartiles)", "float64", "float32, not in place", "float32, GB/s"]
    ways = [name for name in found if name not in ("float64", "not in place")]
    others = [[name, *(micros(median(found[name]["seconds"][str(size)])) for size in FEW)] for name in ways]
    return "\n\n".join((ABOUT, table(head, rows), OTHERS, table(["µs", *map(in_bytes, FEW)], others), FINDINGS))


ABOUT = """One `Allreduce` (sum) between two ranks on one machine, through shared memory: the mean of calls one after
the other for at least 10 ms, on the slower rank; medians of 15 such turns. minnet adds up float32 in place, or
float64 if a Parameter or a Buffer is float64."""
OTHERS = """Other ways, float32 in place. With 3 and 4 ranks on two processors, a rank that waits gives its processor
away (`OMPI_MCA_mpi_yield_when_idle=1`). The algorithms were forced; *float32* is what Open MPI chooses. mpi4py asks
for `MPI_THREAD_MULTIPLE`, without which the watchdog could not ask for anything while the main thread waits."""
FINDINGS = """What Open MPI 5 does here, as its own messages say (`--mca coll_base_verbose 20 --mca pml_base_verbose
10`): the component *tuned* adds up, by an algorithm that it chooses by size and number of ranks; messages go through
`ob1` and the transport *sm* (shared memory; large ones are copied once, by *cma*).

**Binding.** `mpiexec -n 2` binds each rank to a core of its own if there are at most two ranks (to a part of the
memory, NUMA, if there are more). OpenBLAS sees that, and starts one thread a rank. With `--oversubscribe` or
`--bind-to none`, nothing is bound: each rank's OpenBLAS starts a thread for every core, so two ranks run four threads
on two cores. Set `OPENBLAS_NUM_THREADS=1` then, or `mpiexec -x OPENBLAS_NUM_THREADS=1` for several hosts.

**Two jobs on one machine** that both bind take the same cores: each counts from core 0, and the ranks wait for each
other in turns of some milliseconds. Start them with `--bind-to none`."""

if __name__ == "__main__":
    main("allreduce", measure, markdown, __doc__)
