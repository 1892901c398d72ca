"""A job of several ranks trains as one process does."""

import numpy as np
import pytest
from ranks import run

import minnet as mn

X = np.random.default_rng(0).normal(size=(50, 6))
Y = np.random.default_rng(1).integers(0, 3, 50)
WEIGHTS = np.random.default_rng(2).uniform(0, 2, 50)


def trained(mpi, epochs=3, loss=None, loader=None, **options):
    model = mn.Sequential(mn.Linear(6, 5, rng=0), mn.Tanh(), mn.BatchNorm1d(5).eval(), mn.Linear(5, 3, rng=1))
    model.astype(np.float64)
    loss = loss or mn.SoftmaxCrossEntropyLoss([1.0, 2.0, 0.5], ignore_index=2)
    trainer = mn.Trainer(model, loss, mn.Adam(model.parameters(), lr=0.01), parallel=mpi, **options)
    loader = loader or mn.DataLoader(X, Y, 8, shuffle=True, sample_weight=WEIGHTS, rng=0)
    history = trainer.fit(loader, epochs=epochs, progress=False)
    arrays = {name: array.data.copy() for name, array in model.named_arrays()}
    return arrays, [row["loss"] for row in history], trainer.step


def in_all_ways(mpi):
    batches = [(X[i : i + 7], Y[i : i + 7]) for i in range(0, 50, 7)]
    return [
        trained(mpi),
        trained(mpi, accumulate=2),
        trained(mpi, loader=batches),
        trained(mpi, loader=batches[:1] + [(X[:1], Y[:1])]),
    ]


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_train_as_one_process_does(ranks):
    alone, together = in_all_ways(None), run(in_all_ways, ranks)
    for expected, *found in zip(alone, *together, strict=True):
        for arrays, losses, step in found:
            assert step == expected[2]
            np.testing.assert_allclose(losses, expected[1], rtol=0, atol=1e-13)
            for name, array in arrays.items():
                np.testing.assert_array_equal(array, found[0][0][name], err_msg=name)  # to the last bit
                np.testing.assert_allclose(array, expected[0][name], rtol=0, atol=1e-12, err_msg=name)


class Failing(mn.SoftmaxCrossEntropyLoss):
    """A loss that meets an error in its second step on rank 0."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def backward(self):
        self.calls += 1
        if mn.MPI().rank == 0 and self.calls == 2:
            raise KeyError("nine")
        return super().backward()


def failing(mpi):
    """Return what each rank raises if one meets an error of its own, or NaN, or has another number of batches."""
    found = []
    bad = np.where(np.arange(50)[:, None] == 49, np.nan, X)
    cases = [
        {"loss": Failing()},
        {"loader": mn.DataLoader(bad, Y, 50, check=False)},
        {"loader": [(X, Y)] * (2 + mpi.rank)},
    ]
    for case in cases:
        try:
            trained(mpi, epochs=1, **case)
        except Exception as error:
            found.append((type(error).__name__, str(error)))
    return found


def test_an_error_on_one_rank_is_raised_on_all():
    first, second = run(failing, 2)
    assert first[0] == ("KeyError", "'nine'")
    assert second[0][0] == "RankError"
    assert "rank 0 of 2 raised KeyError: 'nine'" in second[0][1]
    assert first[1] == second[1]
    assert first[1][0] == "NonFiniteError"
    assert "Rank: 1 of 2" in first[1][1]
    assert first[2] == second[2]
    assert "no batch left on the ranks [0]" in first[2][1]


def test_parallel_is_an_mpi():
    model = mn.Linear(2, 2)
    with pytest.raises(TypeError, match="Trainer expected parallel to be None or an MPI, got a bool: pass mn"):
        mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), lr=1), parallel=True)
