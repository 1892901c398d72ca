"""A status is what the watchdog of a rank knows of it; those of all ranks tell whether the job can go on."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

END = "the end of the script"  # the call that all ranks come to last


class Status(NamedTuple):
    """What one rank does."""

    calls: int = 0  # how many calls of MPI it has begun, all of which are those of all ranks, in the same order
    call: str = ""  # the name of the call in which it is, or "" while it computes
    seconds: float = 0.0  # for how long it does that
    where: str = ""  # such as "after step 17, in epoch 2", or "" outside of fit
    place: str = ""  # the lines of code, as in a traceback
    raised: str = ""  # the error with which it leaves fit, until it is clear that all ranks do
    shared: bool = False  # whether that is a RankError, which tells of another rank's error
    left: int = 0  # how often all ranks have left fit with an error
    checkpoint: str = ""  # the newest

    @property
    def waits(self) -> bool:
        """Whether it is in a call, where it waits for the others."""
        return self.call != ""


def left_together(found: Mapping[int, Status], size: int) -> int | None:
    """Return how often all ranks had left fit with an error, if they do so again; None if that is not clear.

    A rank may go on before another is told that it may; so a higher number on one rank is proof for all.
    """
    leaving = [status.left for status in found.values() if status.raised]
    behind = [left for left in leaving if any(other.left > left for other in found.values())]
    return min(behind or leaving) if behind or len(leaving) == size else None


def first_error(found: Mapping[int, Status]) -> tuple[int, str]:
    """Return which rank is to show the error that all ranks leave fit with, and its text."""
    rank, status = min(found.items(), key=lambda item: (not item[1].raised, item[1].shared, item[0]))
    return rank, status.raised


def verdict(found: Mapping[int, Status], size: int, timeout: float) -> str:
    """Return why the job must end, or "" if it may still go on.

    `found` has the statuses of the ranks that answered. They are of different moments. But a call ends only when all
    ranks have come to it, so what follows from the numbers of the calls holds later, too.
    """
    return _of_raised(found, size, timeout) or _of_other_calls(found, size) or _of_waiting(found, size, timeout)


def _of_raised(found: Mapping[int, Status], size: int, timeout: float) -> str:
    """Say which rank has an error that others cannot have, because they went on."""
    for rank, status in ((rank, status) for rank, status in found.items() if status.raised):
        gone_on = any(other.calls > status.calls for other in found.values())
        if gone_on or status.seconds > timeout:
            return f"rank {rank} of {size} raised an error{_spaced(status)}, and the others did not:\n{status.place}"
    return ""


def _of_other_calls(found: Mapping[int, Status], size: int) -> str:
    """Say which ranks wait for each other in different calls."""
    for rank, status in found.items():
        for other_rank, other in found.items():
            if not (status.waits and other.waits) or status.call == other.call:
                continue
            if status.call == END and other.calls >= status.calls:
                after = f", after {status.place}" if status.place else ""
                return (
                    f"rank {rank} of {size} has come to the end of the script{after}, but rank {other_rank} waits for "
                    f"it{_spaced(other)}: let every rank call fit with the same arguments, as often as the others"
                )
            if status.calls == other.calls and END not in (status.call, other.call):
                return (
                    f"rank {rank} of {size} waits for the others in {status.call}{_spaced(status)}, but rank "
                    f"{other_rank} in {other.call}{_spaced(other)}: let every rank do the same calls in the same order"
                )
    return ""


def _of_waiting(found: Mapping[int, Status], size: int, timeout: float) -> str:
    """Say which ranks have kept the others waiting for too long."""
    waiting = {rank: status for rank, status in found.items() if status.waits and status.seconds > timeout}
    if not waiting:
        return ""
    status = max(waiting.values(), key=lambda status: status.calls)
    late = {rank: other for rank, other in found.items() if other.calls < status.calls}
    what = f"kept the others waiting for {timeout:g} s{_spaced(status)}"
    if silent := sorted(set(range(size)) - set(found)):
        return (
            f"{listed(silent, size)} {what}, and did not answer: the process may be stopped or in code that lets no "
            "other thread run, its machine may be gone, or it has not made an mn.MPI() yet"
        )
    if late:
        places = "".join(f"\nrank {rank} is here:\n{other.place}" for rank, other in late.items())
        return f"{listed(sorted(late), size)} {what}; raise MPI(timeout=) if that is no mistake{places}"
    return (
        f"all {size} ranks have been in {status.call} for {timeout:g} s{_spaced(status)}: look at the network between "
        "their machines, or raise MPI(timeout=)"
    )


def last_checkpoint(found: Mapping[int, Status]) -> str:
    """Say how to go on after the job has ended."""
    for status in found.values():
        if status.checkpoint:
            return f"The last checkpoint is {status.checkpoint}: start the same command again to go on from it."
    return "There is no checkpoint to go on from."


def _spaced(status: Status) -> str:
    return f" {status.where}" if status.where else ""


def listed(ranks: Sequence[int], size: int) -> str:
    """Return ``"rank 2 of 4 has"``, or the same of several."""
    if len(ranks) == 1:
        return f"rank {ranks[0]} of {size} has"
    return f"the ranks {', '.join(map(str, ranks))} of {size} have"
