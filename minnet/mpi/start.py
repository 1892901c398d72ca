"""The start of a fit makes all ranks of a job like rank 0, and so does a checkpoint that they go on from."""

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from minnet.core.console import announce
from minnet.core.state import State
from minnet.errors import RankError
from minnet.mpi.communicator import MPI
from minnet.mpi.randomness import Randomness
from minnet.saving.checkpoint import Checkpoint
from minnet.saving.messages import listed
from minnet.saving.run_parts import Beginning, RunParts, Survey
from minnet.saving.run_state import Snapshot, capture, content_of


@contextmanager
def together(mpi: MPI | None) -> Iterator[None]:
    """Raise the error of a rank in the block on all ranks, so that none of them waits for it."""
    error: Exception | None = None
    try:
        yield
    except Exception as own:
        error = own
    if mpi is None:
        if error is not None:
            raise error
        return
    errors = {rank: sent for rank, sent in enumerate(mpi.gather(error and _sent(error))) if sent}
    if error is not None:
        raise error
    if errors:
        rank, sent = next(iter(errors.items()))
        other: Exception = pickle.loads(sent)
        other.add_note(f"on rank {rank} of {mpi.size}")
        raise other


def check_same(mpi: MPI | None, **values: Any) -> None:
    """Check that arguments have the same values on all ranks; raise ValueError on all of them, if one has not."""
    for name, value in values.items() if mpi is not None else ():
        found = mpi.gather(value)  # type: ignore[union-attr]
        if any(other != found[0] for other in found):
            raise ValueError(
                f"every rank of a job does the same steps, but {name} is {found} on ranks 0 to {len(found) - 1}: pass "
                "the same"
            )


def start(
    mpi: MPI, parts: RunParts, position: State, randomness: Randomness, find: Callable[[], Snapshot | None]
) -> Snapshot | None:
    """Return what all ranks go on from: what rank 0 finds, or None; then they are like rank 0 as it is now.

    Rank 0 alone reads the file, because the other machines may not have it. Raises on all ranks what `find` raises, and
    ValueError if the parts of a rank are not like those of rank 0.
    """
    found: Snapshot | None = None
    content: Any = None
    with together(mpi):
        if mpi.rank == 0:
            found = find()
            survey = Survey(parts)
            content = content_of(parts, capture(survey, position, Beginning(survey))) if not found else found.content
    path, content = mpi.broadcast((found and found.path, content))
    with together(mpi):
        if mpi.rank:
            snapshot = Snapshot(path or Path("rank 0"), content)
            _check_alike(mpi, snapshot, parts, position)
            if path is None:
                snapshot.restore(parts)
            found = snapshot if path else None
    if found is None:
        randomness.differ()
    return found


def go_on(mpi: MPI, snapshot: Snapshot, randomness: Randomness) -> None:
    """Go on with the random numbers that this rank had, after `Snapshot.restore_callbacks`."""
    ranks = snapshot.state["ranks"]
    if mpi.rank < len(ranks):
        randomness.restore(ranks[mpi.rank])
    else:
        randomness.differ()
    if mpi.rank == 0 and max(len(ranks), 1) != mpi.size:
        announce(
            f"the run had {max(len(ranks), 1)} rank{'s' * (len(ranks) > 1)} and goes on with {mpi.size}: it is the "
            "same to rounding, but for the random numbers of dropout and transforms"
        )


def save(mpi: MPI, checkpoint: Checkpoint, parts: RunParts, position: State, randomness: Randomness) -> None:
    """Write a checkpoint of all ranks, on rank 0; the others take over what came of it."""
    ranks = mpi.gather(randomness.state())
    if mpi.rank == 0:
        checkpoint.save(parts, position, ranks)
    checkpoint.take_over(mpi.broadcast(checkpoint.outcome()))


def _check_alike(mpi: MPI, snapshot: Snapshot, parts: RunParts, position: State) -> None:
    """Check that the parts of this rank are like those of rank 0; what callbacks are set to may differ."""
    survey = Survey(parts)
    found = snapshot.differences(survey, position, Beginning(survey))
    found = [line for line in found if not line.startswith("callbacks[")]
    if found:
        lines = "\n  ".join(line.replace(" in the checkpoint", " on rank 0") for line in listed(found))
        raise ValueError(
            f"rank {mpi.rank} differs from rank 0 in {len(found):,} place{'s' * (len(found) > 1)} (let the script make "
            f"the same model, loss, optimizer, loader and callbacks on every rank):\n  {lines}"
        )


def _sent(error: Exception) -> bytes:
    """Return an error as bytes; one that cannot be pickled becomes a RankError."""
    try:
        content = pickle.dumps(error)
        pickle.loads(content)
    except Exception:
        return pickle.dumps(RankError(f"{type(error).__name__}: {error}"))
    return content
