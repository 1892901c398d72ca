"""n ranks of MPI train as one process does: each configuration of a table, to 1e-12 in float64 after 200 steps."""

import traceback
from functools import cache

import pytest
from configurations import CONFIGURATIONS
from ranks import run
from trainings import difference, same_bits, trained

import minnet as mn

pytest.importorskip("mpi4py")
pytestmark = pytest.mark.slow


def all_trained(mpi, names):
    """Train each configuration; where it raises an error, the error stands in its place."""
    found = {}
    for name in names:
        try:
            found[name] = trained(name, mn.MPI)
        except Exception:
            found[name] = traceback.format_exc()
    return found


NAMES = list(CONFIGURATIONS)
TOGETHER = 20  # configurations in a job: a start takes a second, and a job must end in time on a busy machine


@cache
def job(ranks, first):
    return run(all_trained, ranks, NAMES[first : first + TOGETHER])


one = cache(trained)


@pytest.mark.parametrize("ranks", [1, 2, 3])  # benchmarks/scaling/equality.py tries 4, too
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_ranks_train_as_one_process(name, ranks):
    first = NAMES.index(name) // TOGETHER * TOGETHER
    results = [rank[name] for rank in job(ranks, first)]
    for rank, result in enumerate(results):
        assert not isinstance(result, str), f"rank {rank}:\n{result}"
        assert same_bits(result, results[0]), f"rank {rank} has other numbers than rank 0"
    assert difference(results[0], one(name)) <= CONFIGURATIONS[name]().within
