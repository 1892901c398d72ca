"""An exchange is what the ranks tell each other in a step."""

import numpy as np
import pytest
from ranks import run

import minnet as mn
from minnet.core.buffer import Buffer
from minnet.mpi.exchange import Exchange, Told


def exchanged(mpi):
    """Exchange one gradient and three Buffers: rank 1 has a weight of 3, rank 2 no samples."""
    p, frozen, b = mn.Parameter(np.zeros(2)), mn.Parameter(np.ones(2), trainable=False), Buffer(np.full(2, 5.0))
    small, kept = Buffer(np.full(1, 1e8)), Buffer(np.array([0.1, np.nan]))
    exchange, share = Exchange(mpi), (1.0, 3.0, 0.0)[mpi.rank]
    exchange.begin([frozen, p], [b, small, kept])
    p.grad += mpi.rank + 1
    b.data += mpi.rank
    small.data[...] = (2e-6, 4e-6, 100)[mpi.rank]
    told = Told(weight=share, loss=2 * share, samples=share, present=float(share > 0), heads=[1.0, float(mpi.rank)])
    whole = exchange.add_up(told)
    return p.grad.tolist(), b.data.tolist(), small.data.tolist(), kept.data.tobytes(), vars(whole)


def test_adds_up_what_the_ranks_have():
    results = run(exchanged, 3)
    gradient, buffer, small, kept, whole = results[0]
    assert all(result == results[0] for result in results)
    assert gradient == [0.75, 0.75]  # (1 + 2) / (1 + 3): what rank 2 holds does not count
    assert buffer == [6, 6]  # rank 0 did not change it, and what rank 2 did does not count
    assert small[0] == pytest.approx(3e-6, rel=1e-6)  # as a sum of moves, it would be 0 in float32
    assert kept == np.array([0.1, np.nan], np.float32).tobytes()
    assert (whole["weight"], whole["loss"], whole["samples"], whole["present"]) == (4, 8, 4, 2)
    assert whole["heads"] == [3, 3]


@pytest.mark.parametrize("heads", [[], [1.0, 2.0]])
def test_told_is_the_same_from_its_numbers(heads):
    told = Told(weight=3.0, time_is_up=1.0, heads=heads)
    assert Told.of(told.numbers()) == told
