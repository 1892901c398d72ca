"""The start of a fit makes all ranks like rank 0, and a job goes on from its checkpoint."""

import numpy as np
import pytest
from ranks import run

import minnet as mn

X = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 3, 30)


def shaken(x, rng):
    return x + rng.normal(size=x.shape).astype(x.dtype)


def fitted(mpi, epochs, folder=None, seed=0, dropout=0.5, transform=shaken, width=5):
    model = mn.Sequential(mn.Linear(6, width, rng=seed), mn.Dropout(dropout, rng=seed), mn.Linear(width, 3, rng=seed))
    optimizer = mn.Adam(model.parameters(), lr=0.01)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer, parallel=mpi)
    loader = mn.DataLoader(X, Y, 7, shuffle=True, transform=transform, check=False, rng=seed)
    trainer.fit(loader, epochs=epochs, progress=False, checkpoint=folder)
    return [array.data.copy() for _, array in model.named_arrays()], trainer.step, model.layers[1].rng.random(3)


def alike(mpi):
    """Train with seeds that differ by rank."""
    return fitted(mpi, 2, seed=mpi.rank)


def test_ranks_become_like_rank_0_but_draw_other_random_numbers():
    first, second = run(alike, 2)
    for one, other in zip(first[0], second[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert first[2].tolist() != second[2].tolist()


def in_two_halves(mpi, folder):
    whole = fitted(mpi, 4)
    fitted(mpi, 2, f"{folder}/run")
    return whole, fitted(mpi, 4, f"{folder}/run", seed=7 if mpi.rank else 0)


def test_a_job_goes_on_to_the_same_bits(tmp_path):
    for whole, halves in run(in_two_halves, 2, str(tmp_path)):
        for one, other in zip(whole[0], halves[0], strict=True):
            np.testing.assert_array_equal(one, other)
        assert whole[2].tolist() == halves[2].tolist()


def going_on(mpi, folder, epochs):
    return fitted(mpi, epochs, folder, dropout=0.0, transform=None)


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 3), (3, 1)])
def test_another_number_of_ranks_goes_on_to_rounding(before, after, tmp_path):
    folder, alone = str(tmp_path / "run"), going_on(None, None, 4)
    run(going_on, before, folder, 2)
    for arrays, *_ in run(going_on, after, folder, 4):
        for one, other in zip(arrays, alone[0], strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def refused(mpi, folder):
    """Return what each rank raises: for another model, a wrong argument on one rank, a folder that is a file."""
    found = []
    for options in ({"width": 5 + mpi.rank}, {"epochs": 1 + mpi.rank}, {"epochs": -mpi.rank}, {"folder": folder}, {}):
        try:
            fitted(mpi, **{"epochs": 1} | options)
        except Exception as error:
            found.append((type(error).__name__, str(error)))
    return found


def test_what_one_rank_refuses_is_refused_on_all(tmp_path):
    (tmp_path / "file").write_text("")
    first, second = run(refused, 2, str(tmp_path / "file" / "run"))
    assert first == second
    assert [name for name, _ in first] == ["ValueError", "ValueError", "ValueError", "NotADirectoryError"]
    assert "rank 1 differs from rank 0" in first[0][1]
    assert "epochs is [1, 2] on ranks 0 to 1" in first[1][1]
