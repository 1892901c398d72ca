"""A job whose ranks are killed goes on to the same bits; `kill_ranks.py --kills 30` does it more often."""

import pytest

pytest.importorskip("mpi4py")
from kill_ranks import campaign


@pytest.mark.slow
def test_a_job_whose_ranks_are_killed_ends_with_the_same_bits():
    figures = campaign(kills=3, ranks=2, seed=1)
    assert figures["kills"] == 3
