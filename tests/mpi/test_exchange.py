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


def one_step(mpi):
    X = np.random.default_rng(0).normal(size=(16, 5))
    model = mn.BatchNorm1d(5).astype(np.float64)
    trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), lr=0.1), parallel=mpi)
    trainer.fit([(X, X)], steps=1, progress=False)
    trainer.fit([(X[:1], X[:1])], steps=1, progress=False)  # one sample has no variance
    return model.running_mean.data, model.running_var.data, model.num_batches_tracked.data


@pytest.mark.slow
def test_running_statistics_are_the_mean_over_the_ranks():
    X = np.random.default_rng(0).normal(size=(16, 5))
    parts = [X[0:5], X[5:10], X[10:16]]
    for mean, variance, count in run(one_step, 3):
        np.testing.assert_allclose(mean, 0.1 * np.mean([part.mean(axis=0) for part in parts], axis=0), rtol=1e-12)
        expected = 0.9 + 0.1 * np.mean([part.var(axis=0, ddof=1) for part in parts], axis=0)
        np.testing.assert_allclose(variance, expected, rtol=1e-12)
        assert count == 1
