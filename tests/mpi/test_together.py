"""What one rank meets, all are told of."""

import pytest
from ranks import run

from minnet.mpi.together import check_same, together

pytestmark = pytest.mark.slow


class UnsendableError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def met(mpi):
    found = []
    for error in (KeyError("x"), UnsendableError(1, 2), None):
        try:
            with together(mpi):
                if mpi.rank == 1 and error is not None:
                    raise error
        except Exception as raised:
            found.append((type(raised).__name__, str(raised), getattr(raised, "__notes__", [])))
    try:
        check_same(mpi, steps=3, epochs=mpi.rank)
    except ValueError as raised:
        found.append(str(raised))
    return found


def test_an_error_on_one_rank_is_raised_on_all():
    first, second, third = run(met, 3)
    note = ["on rank 1 of 3"]
    text = "every rank of a job does the same steps, but epochs is [0, 1, 2] on ranks 0 to 2: pass the same"
    assert first == third == [("KeyError", "'x'", note), ("RankError", "UnsendableError: 1 and 2", note), text]
    assert second == [("KeyError", "'x'", []), ("UnsendableError", "1 and 2", []), text]


def test_without_a_job_it_is_raised_as_it_is():
    with pytest.raises(KeyError), together(None):
        raise KeyError("x")
    check_same(None, steps=3)
