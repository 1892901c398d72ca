"""What one rank of a job meets, all are told of, so that none of them waits for another."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minnet.errors import RankError
from minnet.mpi.communicator import MPI


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


def _sent(error: Exception) -> bytes:
    """Return an error as bytes; one that cannot be pickled becomes a RankError."""
    try:
        content = pickle.dumps(error)
        pickle.loads(content)
    except Exception:
        return pickle.dumps(RankError(f"{type(error).__name__}: {error}"))
    return content
