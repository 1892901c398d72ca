"""Ranks that read their parts of the batches ahead learn what they learn without that."""

import numpy as np
import pytest
from helpers import linear_problem
from ranks import run

import minnet as mn
from minnet.data import Prefetch, Stream

pytestmark = pytest.mark.slow

X, Y = linear_problem(60)


def jitter(x, rng):
    return x + rng.normal(size=x.shape) / 10


def trained(mpi):
    """Return the bits of the weights, with and without reading ahead, of several loaders."""
    makes = [
        lambda: mn.DataLoader(X, Y, 7, shuffle=True, rng=1),
        lambda: mn.DataLoader(X, Y, 7, shuffle=True, rng=1, transform=jitter),
        lambda: Stream(list(zip(X, Y, strict=True)), 7, buffer=20, rng=1),
        lambda: [(X[i : i + 9], Y[i : i + 9]) for i in range(0, 60, 9)],
    ]
    found = []
    for make in makes:
        for loader in (make(), Prefetch(make())):
            model = mn.Sequential(mn.Linear(4, 3, rng=0)).astype(np.float64)
            optimizer = mn.SGD(model.parameters(), lr=0.1)
            trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer, parallel=mpi)
            trainer.fit(loader, epochs=2, progress=False)
            trainer.fit(loader, steps=4, progress=False)
            trainer.fit(loader, steps=4, progress=False)
            found.append(model.state_dict()["layers[0].weight"].tobytes())
    return found


def test_each_rank_reads_its_part_ahead():
    one, other = run(trained, 2)
    assert one == other
    assert one[::2] == one[1::2]
    assert len(set(one)) == 4
